"""One vision tower and one LM, shared by several projectors."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ..data.text import IGNORE
from . import projectors
from .language import LlamaForCausalLM


def splice(lm: LlamaForCausalLM, ids: torch.Tensor, image_at: int, visual: torch.Tensor) -> torch.Tensor:
    """Embeddings of ids [B, T] with the visual tokens [B, M, O] put where the image stands."""
    table = lm.model.embed_tokens
    end = image_at + visual.shape[1]
    return torch.cat([table(ids[:, :image_at]), visual, table(ids[:, end:])], 1)


def answer_loss(lm: LlamaForCausalLM, embeds: torch.Tensor, labels: torch.Tensor):
    """Mean cross-entropy over answer tokens; also the logits and targets of those positions."""
    hidden, _ = lm.model(embeds)
    target = labels[:, 1:]
    on = target != IGNORE
    logits = lm.lm_head(hidden[:, :-1][on])
    target = target[on]
    return F.cross_entropy(logits, target), logits, on


def build_projectors(configs: dict[str, dict], vision: dict, language: dict) -> nn.ModuleDict:
    patches = (vision["image_size"] // vision["patch_size"]) ** 2
    return nn.ModuleDict({name: projectors.build(c, patches, vision["hidden_size"], language["hidden_size"])
                          for name, c in configs.items()})


@torch.no_grad()
def greedy(lm: LlamaForCausalLM, embeds: torch.Tensor, limit: int, eos: int | None = 2) -> list[int]:
    """Greedy continuation of one prompt [1, T, O]; ends after `eos` (not included) or `limit` tokens."""
    hidden, past = lm.model(embeds)
    out: list[int] = []
    while True:
        token = int(lm.lm_head(hidden[:, -1]).argmax(-1))
        if token == eos:
            return out
        out.append(token)
        if len(out) == limit:
            return out
        hidden, past = lm.model(lm.model.embed_tokens(torch.tensor([[token]], device=embeds.device)), past)
