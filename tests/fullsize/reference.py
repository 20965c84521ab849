"""Visual embeddings and logits of a checkpoint folder in PyTorch, on the fixed input of checkpoint.ts.

    python tests/fullsize/reference.py CHECKPOINT OUT.json
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from training.checkpoint import load_upstream  # noqa: E402


def weight(key: str, count: int) -> np.ndarray:
    """Values of weights.ts for a tensor [4, count]: the hash of name and index, scaled by the fan-in."""
    seed = 0x811C9DC5
    for char in key:
        seed = ((seed ^ ord(char)) * 0x01000193) & 0xFFFFFFFF
    x = ((np.arange(count, dtype=np.uint64) + seed) & 0xFFFFFFFF).astype(np.uint32)
    with np.errstate(over="ignore"):
        for _ in range(2):
            x = (x ^ (x >> 16)) * np.uint32(0x45D9F3B)
        x = (x ^ (x >> 16)) >> 24
    # checkpoint.ts gives [4, count] as the shape.
    return (x.astype(np.float64) - 128) / 128 * 2.0 ** round(np.log2(1.5 / np.sqrt(count)))


@torch.no_grad()
def main(folder: str, out: str) -> None:
    config = json.loads(Path(folder, "config.json").read_text())
    side = config["vision_config"]["image_size"]
    vocabulary = config["text_config"]["vocab_size"]
    model = load_upstream(Path(folder))
    pixels = torch.from_numpy(weight("pixel_values", 3 * side * side).astype(np.float32)).reshape(1, 3, side, side)
    visual = model.visual_embeds(pixels).float()
    ids = lambda count, step: [3 + i * step % (vocabulary - 3) for i in range(count)]
    table = model.lm.model.embed_tokens
    embeds = torch.cat([table(torch.tensor([[1] + ids(9, 389)])), visual.to(table.weight.dtype),
                        table(torch.tensor([ids(14, 617)]))], 1)
    hidden, _ = model.lm.model(embeds)
    logits = model.lm.lm_head(hidden[:, -1])[0].float()
    flat = visual.flatten()
    step = max(1, flat.numel() // 997)
    Path(out).write_text(json.dumps({
        "torch": torch.__version__,
        "visual_embeds": {"step": step, "values": [float(f"{v:.7g}") for v in flat[::step].tolist()],
                          "scale": float(flat.abs().max())},
        "logits": [float(f"{v:.7g}") for v in logits.tolist()],
    }) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
