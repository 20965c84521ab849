"""Visual embeddings and logits of a checkpoint folder in PyTorch, on the fixed input of checkpoint.ts.

    python tests/fullsize/reference.py CHECKPOINT OUT.json [fp32|fp16|q4|q4f16] [--drift]

A type other than fp32 rounds the weights as the converter stores them (a second implementation of its formula; nothing of a
converted model is read) and computes with them in float32. Weights are read and dropped module by module, so that 7B need
2 GB beside the mapped file. With --drift, three times as slow: how far PyTorch itself is from this, in float64, and for a type
with float16 with inputs and outputs of linear layers in float16.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from training.model import projectors  # noqa: E402
from training.model.language import Layer, Model, RMSNorm  # noqa: E402
from training.model.vision import CLIPVisionModel  # noqa: E402

BLOCK = 32
# src/lib/model/convert/dtypes.ts
TYPES = {
    "fp32": {"vision": "fp32", "embedding": "fp32", "language": "fp32"},
    "fp16": {"vision": "fp16", "embedding": "fp16", "language": "fp16"},
    "q4": {"vision": "q8", "embedding": "q8", "language": "q4"},
    "q4f16": {"vision": "fp16", "embedding": "q8", "language": "q4f16"},
}
VISION_LINEAR = ("q_proj.weight", "k_proj.weight", "v_proj.weight", "out_proj.weight", "fc1.weight", "fc2.weight")


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


# A float32 below 2**22 added to this is rounded to an integer.
ROUNDING = 1.5 * 2 ** 23


def rounded(matrix: torch.Tensor, bits: int, half_scales: bool) -> torch.Tensor:
    """w ≈ scale · (q − zero), one scale and zero for 32 columns of a row; zero lies in the range."""
    rows, columns = matrix.shape
    levels = 2 ** bits - 1
    out = torch.empty(rows, columns)
    # 64 rows stay in the processor's cache.
    for start in range(0, rows, 64):
        part = F.pad(matrix[start:start + 64].float(), (0, -columns % BLOCK)).unflatten(1, (-1, BLOCK)).clone()
        least, most = part.amin(2, True).clamp_(max=0), part.amax(2, True).clamp_(min=0)
        scale = (most - least) / levels
        scale[scale < 2.0 ** -126] = 1
        inverse = 1 / scale
        zero = least.neg_().mul_(inverse).round_().clamp_(0, levels)
        q = part.mul_(inverse).add_(zero + ROUNDING).sub_(ROUNDING).clamp_(0, levels)
        scale = scale.half().float() if half_scales else scale
        out[start:start + 64] = q.sub_(zero).mul_(scale).flatten(1)[:, :columns]
    return out


class Weights:
    """A checkpoint's tensors in float32, rounded to what a type keeps of them."""

    def __init__(self, folder: Path, types: dict[str, str], hidden_size: int):
        self.types = dict(types)
        if self.types["embedding"] == "q8" and hidden_size % BLOCK:
            self.types["embedding"] = "fp32"
        self.tensors = {}
        for file in sorted(folder.glob("pytorch_model*.bin")):
            self.tensors.update(torch.load(file, map_location="cpu", weights_only=True, mmap=True))

    def __getitem__(self, key: str) -> torch.Tensor:
        tensor = self.tensors[key].float()
        if key.startswith("vision_model.") and ".encoder.layers." in key and key.endswith(VISION_LINEAR):
            kind = self.types["vision"]
        elif key.endswith("embed_tokens.weight"):
            kind = self.types["embedding"]
        elif key.startswith("language_model.") and key.endswith(("_proj.weight", "lm_head.weight")):
            kind = self.types["language"]
        else:
            return tensor
        if kind == "fp16":
            return tensor.half().float()
        return tensor if kind == "fp32" else rounded(tensor, 8 if kind == "q8" else 4, kind == "q4f16")

    def fill(self, make, prefix: str) -> nn.Module:
        """The module that `make` builds, with the tensors below `prefix`."""
        with torch.device("meta"):
            module = make()
        module.load_state_dict({name: self[prefix + name] for name in module.state_dict()}, assign=True)
        return module.eval()


class HalfProducts(TorchFunctionMode):
    """Linear layers take and give float16, as the float16 graphs do, and add up in float32."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is not F.linear:
            return function(*args, **(kwargs or {}))
        x, *rest = args
        return F.linear(x.half().float(), *rest, **(kwargs or {})).half().float()


def decoder(weights: Weights, text: dict, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Logits [vocab] of the last position for every arithmetic that `inputs` [1, position, O] names; layer after layer."""
    rope = Model({**text, "num_hidden_layers": 0, "vocab_size": 1})
    count = next(iter(inputs.values())).shape[1]
    cos, sin = rope.cos[:count], rope.sin[:count]

    def through(module, apply):
        for name in sorted(inputs):
            if name == "float16":
                with HalfProducts():
                    inputs[name] = apply(module, inputs[name], cos, sin)
            elif name == "float32":
                inputs[name] = apply(module, inputs[name], cos, sin)
        if "float64" in inputs:
            inputs["float64"] = apply(module.double(), inputs["float64"], cos.double(), sin.double())

    for i in range(text["num_hidden_layers"]):
        through(weights.fill(lambda: Layer(text), f"language_model.model.layers.{i}."),
                lambda layer, x, c, s: layer(x, c, s)[0])
        print(f"layer {i + 1} of {text['num_hidden_layers']}", file=sys.stderr, flush=True)
    norm = weights.fill(lambda: RMSNorm(text["hidden_size"], text["rms_norm_eps"]), "language_model.model.norm.")
    through(norm, lambda module, x, *_: module(x))
    head = weights.fill(lambda: nn.Linear(text["hidden_size"], text["vocab_size"], bias=False), "language_model.lm_head.")
    through(head, lambda module, x, *_: module(x[:, -1]))
    return {name: x[0] for name, x in inputs.items()}


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """Largest difference, relative to the largest value."""
    return float(f"{((a.double() - b.double()).abs().max() / b.abs().max()).item():.3g}")


@torch.no_grad()
def main(folder: str, out: str, dtype: str = "fp32", flag: str = "") -> None:
    wide, half = flag == "--drift", flag == "--drift" and dtype in ("fp16", "q4f16")
    config = json.loads(Path(folder, "config.json").read_text())
    vision, projector, text = (config[name] for name in ("vision_config", "projector_config", "text_config"))
    side, width, vocabulary = vision["image_size"], text["hidden_size"], text["vocab_size"]
    weights = Weights(Path(folder), TYPES[dtype], width)

    pixels = torch.from_numpy(weight("pixel_values", 3 * side * side).astype(np.float32)).reshape(1, 3, side, side)
    tower = weights.fill(lambda: CLIPVisionModel(vision), "vision_model.")
    layer = projector["feature_layer_index"]
    features = tower.features(pixels, layer)
    with HalfProducts():
        half_features = tower.features(pixels, layer) if half else None
    wide_features = tower.double().features(pixels.double(), layer) if wide else None
    del tower
    patches = (side // vision["patch_size"]) ** 2
    abstractor = weights.fill(lambda: projectors.build(projector, patches, vision["hidden_size"], width), "abstractor.")
    visual = abstractor(features)
    half_visual = abstractor(half_features) if half else None
    wide_visual = abstractor.double()(wide_features) if wide else None
    del abstractor

    table = weights["language_model.model.embed_tokens.weight"]
    ids = lambda count, step: [3 + i * step % (vocabulary - 3) for i in range(count)]
    before, after = table[torch.tensor([[1] + ids(9, 389)])], table[torch.tensor([ids(14, 617)])]
    del table
    embeds = lambda image: torch.cat([before.to(image.dtype), image, after.to(image.dtype)], 1)
    inputs = {"float32": embeds(visual)}
    if wide:
        inputs["float64"] = embeds(wide_visual)
    if half:
        inputs["float16"] = embeds(half_visual)
    logits = decoder(weights, text, inputs)

    others = {"float64": wide_visual, "float16": half_visual}
    drift = {name: {"visual_embeds": distance(others[name], visual), "logits": distance(logits[name], logits["float32"])}
             for name in logits if name != "float32"}
    flat = visual.flatten()
    step = max(1, flat.numel() // 997)
    Path(out).write_text(json.dumps({
        "torch": torch.__version__,
        "dtype": dtype,
        "drift": drift,
        "visual_embeds": {"step": step, "values": [float(f"{v:.7g}") for v in flat[::step].tolist()],
                          "scale": float(flat.abs().max())},
        "logits": [float(f"{v:.7g}") for v in logits["float32"].tolist()],
    }) + "\n")
    print(json.dumps(drift), file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
