"""Reading upstream-layout checkpoint folders (`<run>/last`) into this package's modules."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from .model import projectors
from .model.language import LlamaForCausalLM
from .model.vision import CLIPVisionModel


@dataclass
class Honeybee:
    vision: CLIPVisionModel
    projector: nn.Module
    lm: LlamaForCausalLM
    feature_layer: int

    def visual_embeds(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.projector(self.vision.features(pixels, self.feature_layer))


def read_tensors(folder: Path) -> dict[str, torch.Tensor]:
    if (folder / "model.safetensors").exists():
        return load_file(folder / "model.safetensors")
    tensors = {}
    for file in sorted(folder.glob("pytorch_model*.bin")):
        tensors.update(torch.load(file, map_location="cpu", weights_only=True))
    if not tensors:
        raise FileNotFoundError(f"no weights in {folder}")
    return tensors


def load_upstream(folder: Path) -> Honeybee:
    """float32 modules from `folder` (strict, except for unused persistent buffers of old files)."""
    config = json.loads((folder / "config.json").read_text())
    v, p, t = config["vision_config"], config["projector_config"], config["text_config"]
    parts = {"vision_model.": CLIPVisionModel(v), "language_model.": LlamaForCausalLM(t)}
    patches = (v["image_size"] // v["patch_size"]) ** 2
    parts["abstractor."] = projectors.build(p, patches, v["hidden_size"], t["hidden_size"])
    tensors = {k: x.float() for k, x in read_tensors(folder).items()
               if not k.endswith(("position_ids", "rotary_emb.inv_freq"))}
    for prefix, module in parts.items():
        module.load_state_dict({k[len(prefix):]: x for k, x in tensors.items() if k.startswith(prefix)})
        module.eval()
    return Honeybee(parts["vision_model."], parts["abstractor."], parts["language_model."], p["feature_layer_index"])
