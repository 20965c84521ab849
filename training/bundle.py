"""A trained run loaded for use: vision tower, projectors, LM and tokenizer."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from .data.text import Tokenizer, free_prompt
from .model.honeybee import build_projectors
from .model.language import LlamaForCausalLM
from .model.vision import CLIPVisionModel
from .tune import load_vision


@dataclass
class Bundle:
    vision: CLIPVisionModel
    projectors: nn.ModuleDict
    configs: dict[str, dict]
    lm: LlamaForCausalLM
    language_config: dict
    tokenizer: Tokenizer
    progress: dict

    def prompt_ids(self, question: str, tokens: int, detail: bool = True) -> list[int]:
        return self.tokenizer.encode(free_prompt([(question, "")], detail), tokens, no_eos=True)[0]


def load(run: Path, device, stage: str = "tune") -> Bundle:
    state = torch.load(run / f"{stage}.pt", map_location=device, weights_only=False)
    vision = load_vision(run, device)
    lm = LlamaForCausalLM(state["language_config"]).to(device)
    lm.load_state_dict(state["lm"])
    projectors = build_projectors(state["configs"], vision.config, state["language_config"]).to(device)
    projectors.load_state_dict(state["projectors"])
    progress = {k: state[k] for k in ("spent", "seen", "step", "sessions") if k in state}
    return Bundle(vision, projectors.eval(), state["configs"], lm.eval(), state["language_config"],
                  Tokenizer(run / "tokenizer"), progress)
