"""Training sequences: several questions about one scene in one conversation, mixed by task weight."""
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from . import scenes as S
from .questions import CELL_NAMES, TASKS, Question, article, caption, questions
from .text import IGNORE, IMAGE_TOKEN, PAD, Tokenizer, bare_prompt, free_prompt, templated

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


def dense_conversation(scene: S.Scene, rng: np.random.Generator) -> list[Question]:
    """Every object asked for both ways (where is it, what is there): the strongest signal to learn looking."""
    names = S.class_names()
    objects = scene.objects
    turns = [Question("scene", "What color is the background?", S.BACKGROUNDS[scene.background][0])]
    for o in objects:
        if sum(p.cls == o.cls for p in objects) == 1:
            turns.append(Question("localisation", f"Where is the {names[o.cls]}?", CELL_NAMES[o.cell]))
        if sum(p.cell == o.cell for p in objects) == 1:
            turns.append(Question("identity", f"What is at the {CELL_NAMES[o.cell]}?", names[o.cls]))
    rng.shuffle(turns)
    return turns


def lesson_conversation(scene: S.Scene, rng: np.random.Generator) -> list[Question]:
    """Every object asked for one way only, so that no answer can be read from the conversation: the image must be searched."""
    names = S.class_names()
    objects = scene.objects
    turns = []
    for o in objects:
        if rng.random() < 0.65:
            if sum(p.cls == o.cls for p in objects) == 1:
                turns.append(Question("localisation", f"Where is the {names[o.cls]}?", CELL_NAMES[o.cell]))
        elif rng.random() < 0.4 and sum(p.cell == o.cell for p in objects) == 1:
            turns.append(Question("identity", f"What is at the {CELL_NAMES[o.cell]}?", names[o.cls]))
        else:
            turns.append(Question("existence", f"Is there {article(names[o.cls])}?", "yes"))
    absent = [c for c in range(len(names)) if all(o.cls != c for o in objects)]
    wanted = sum(q.task == "existence" for q in turns) + (rng.random() < 0.5)
    for c in rng.choice(absent, int(wanted), replace=False):
        turns.append(Question("existence", f"Is there {article(names[c])}?", "no"))
    rng.shuffle(turns)
    return turns or dense_conversation(scene, rng)


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
               options: Options, captions: bool = False, dense: bool = False, lesson: bool = False) -> Batch:
    if captions:  # upstream's [NO_PROMPT] format
        return collate([tokenizer.caption(caption(s), tokens) for s in scenes], tokens)
    short = rng.random() < options.templated_share
    rows = []
    for scene in scenes:
        if lesson:
            asked = lesson_conversation(scene, rng)
        else:
            asked = dense_conversation(scene, rng) if dense else conversation(scene, rng, options)
        plain = dense or lesson
        turns = [(templated(q) if short and not plain else q.question, q.answer) for q in asked]
        prompt = bare_prompt(turns) if plain else free_prompt(turns, detail=not short)
        rows.append(tokenizer.encode(prompt, tokens))
    return collate(rows, tokens)


def class_words(tokenizer: Tokenizer) -> np.ndarray:
    """Token id -> class + 1 of the word (singular or plural), 0 for all other tokens."""
    out = np.zeros(tokenizer.size, np.int64)
    for i, c in enumerate(S.atlas_index()["classes"]):
        for word in (c["name"], c["plural"]):
            (token,) = tokenizer.text(word)
            out[token] = i + 1
    return out


def pointers(batch: Batch, scenes: list[S.Scene], words: np.ndarray):
    """Where questions name a class, and which positions show it (the first position when none does)."""
    ids = batch.ids.numpy()
    named = np.where((batch.labels.numpy() == IGNORE) & (ids > 0), words[ids.clip(0)], 0)
    named[:, :batch.image_at + batch.tokens] = 0
    rows, at = np.nonzero(named)
    side = int(batch.tokens ** 0.5)
    shown = np.zeros((len(scenes), len(S.class_names()) + 1, batch.tokens), bool)
    for i, scene in enumerate(scenes):
        for o in scene.objects:
            grid = np.zeros((12, 12), bool)
            centre = np.arange(12) * 8 + 4
            grid[np.ix_((centre >= o.y) & (centre < o.y + o.size), (centre >= o.x) & (centre < o.x + o.size))] = True
            shown[i, o.cls + 1] |= grid.reshape(side, 12 // side, side, 12 // side).any((1, 3)).ravel()
    target = np.zeros((len(rows), ids.shape[1]), bool)
    found = shown[rows, named[rows, at]]
    target[:, batch.image_at:batch.image_at + batch.tokens] = found
    target[~found.any(1), 0] = True
    return torch.from_numpy(rows), torch.from_numpy(at), torch.from_numpy(target)


def answer_tasks(labels: np.ndarray, turns: list[list[Question]]) -> np.ndarray:
    """Turn index of every answer token (-1 elsewhere), from the runs of labels."""
    out = np.full(labels.shape, -1, np.int64)
    for i, row in enumerate(labels):
        on = row != IGNORE
        starts = on & ~np.concatenate([[False], on[:-1]])
        out[i][on] = np.cumsum(starts)[on] - 1
    return out


__all__ = ["MIXTURE", "Options", "Batch", "collate", "make_batch", "conversation", "answer_tasks", "TASKS"]
