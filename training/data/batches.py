"""Training sequences: several questions about one scene in one conversation, mixed by task weight."""
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from . import scenes as S
from .questions import TASKS, Question, caption, questions
from .text import IGNORE, IMAGE_TOKEN, PAD, Tokenizer, free_prompt, templated

# chance that a task's question of the first / the second round stays in the conversation
MIXTURE = {
    "existence": (1.0, 0.8), "counting": (1.0, 0.5), "attribute": (0.7, 0.0), "scene": (0.4, 0.0),
    "position": (0.8, 0.3), "relation": (1.0, 1.0), "localisation": (1.0, 0.7), "identity": (1.0, 0.9),
    "referring": (0.4, 0.0), "caption": (0.2, 0.0),
}


@dataclass
class Options:
    turns: int = 10
    mixture: dict = field(default_factory=lambda: MIXTURE)
    templated_share: float = 0.3


def conversation(scene: S.Scene, rng: np.random.Generator, options: Options) -> list[Question]:
    """Questions without repetition (same text = same question), in random order."""
    chosen: dict[str, Question] = {}
    for k in (0, 1):
        for q in questions(scene, int(rng.integers(1 << 20))):
            if q.question not in chosen and rng.random() < options.mixture[q.task][k]:
                chosen[q.question] = q
    turns = list(chosen.values())
    rng.shuffle(turns)
    return turns[:options.turns]


@dataclass
class Batch:
    ids: torch.Tensor  # [B, T], image positions are -1
    labels: torch.Tensor
    image_at: int  # all rows have their image at the same place
    tokens: int
    tasks: np.ndarray | None = None  # [B, T] task index of an answer token's question, -1 elsewhere


def collate(rows: list[tuple[list[int], list[int]]], tokens: int) -> Batch:
    longest = max(len(r[0]) for r in rows)
    longest = -(-longest // 16) * 16
    ids = np.full((len(rows), longest), PAD, np.int64)
    labels = np.full((len(rows), longest), IGNORE, np.int64)
    for i, (a, b) in enumerate(rows):
        ids[i, :len(a)] = a
        labels[i, :len(b)] = b
    at = int(np.nonzero(ids[0] == IMAGE_TOKEN)[0][0])
    return Batch(torch.from_numpy(ids), torch.from_numpy(labels), at, tokens)


def make_batch(scenes: list[S.Scene], tokens: int, tokenizer: Tokenizer, rng: np.random.Generator,
               options: Options, captions: bool) -> Batch:
    if captions:  # upstream's [NO_PROMPT] format
        return collate([tokenizer.caption(caption(s), tokens) for s in scenes], tokens)
    short = rng.random() < options.templated_share
    rows = []
    for scene in scenes:
        turns = [(templated(q) if short else q.question, q.answer) for q in conversation(scene, rng, options)]
        rows.append(tokenizer.encode(free_prompt(turns, detail=not short), tokens))
    return collate(rows, tokens)


def answer_tasks(labels: np.ndarray, turns: list[list[Question]]) -> np.ndarray:
    """Turn index of every answer token (-1 elsewhere), from the runs of labels."""
    out = np.full(labels.shape, -1, np.int64)
    for i, row in enumerate(labels):
        on = row != IGNORE
        starts = on & ~np.concatenate([[False], on[:-1]])
        out[i][on] = np.cumsum(starts)[on] - 1
    return out


__all__ = ["MIXTURE", "Options", "Batch", "collate", "make_batch", "conversation", "answer_tasks", "TASKS"]
