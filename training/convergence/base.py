"""python -m training.convergence.base --run RUN: writes base/, what every run starts from.

The vision tower is the embedded model's own (read from static/models, so that what is shown and what is trained on are the same
features); the LM is RUN/language.pt, before any projector was put before it.
"""
from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ..data.text import Tokenizer
from ..model.config import PRESETS
from ..model.language import LlamaForCausalLM
from ..model.vision import CLIPVisionModel

BASE = Path(__file__).parent / "base"
EMBEDDED = Path(__file__).parents[2] / "static" / "models" / "honeybee-mini" / "vision.safetensors"


@torch.no_grad()
def read_vision(file: Path = EMBEDDED) -> CLIPVisionModel:
    """A converted tower: matrices of products lie transposed and are named so."""
    model = CLIPVisionModel(PRESETS["base"][0])
    have = load_file(file)
    for key, value in model.state_dict().items():
        if "post_layernorm" in key:  # of the pooled output, which no projector reads: not converted
            continue
        stored = f"vision_model.{key}"
        found = have[stored] if stored in have else have[f"{stored}.T"].T
        value.copy_(found.reshape(value.shape))
    return model.eval()


def read_language(folder: Path = BASE) -> tuple[LlamaForCausalLM, dict, Tokenizer]:
    config = json.loads((folder / "language.json").read_text())["config"]
    lm = LlamaForCausalLM(config)
    lm.load_state_dict(load_file(folder / "language.safetensors"))
    return lm, config, Tokenizer(folder / "tokenizer")


def main() -> None:
    p = argparse.ArgumentParser(description="Keep the LM of a run as the start of every run of the comparison.")
    p.add_argument("--run", type=Path, required=True, help="folder with language.pt and tokenizer")
    p.add_argument("--out", type=Path, default=BASE)
    args = p.parse_args()
    state = torch.load(args.run / "language.pt", map_location="cpu", weights_only=False)
    args.out.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in state["lm"].items()}, args.out / "language.safetensors")
    (args.out / "language.json").write_text(json.dumps(
        {"config": state["config"], "steps": state["step"], "scenes_seen": state["seen"],
         "command": f"python -m training.train --stage language --run RUN --steps {state['step']} --threads 1"}, indent=1) + "\n")
    shutil.copytree(args.run / "tokenizer", args.out / "tokenizer", dirs_exist_ok=True)


if __name__ == "__main__":
    main()
