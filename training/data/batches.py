"""Training sequences of alignment and tuning: conversations about one scene, mixed by task weight.

The switches are those of the paper's data recipe: mixture of tasks (weights), template granularity (one template per task,
or one for all tasks), template diversity (one wording per task, or several), several turns per conversation or one.
"""
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from . import scenes as S
from .questions import TASKS, Question, caption, questions
from .text import GROUND, IGNORE, IMAGE_TOKEN, PAD, SHORT, Tokenizer, free_prompt

# chance that a task's question of one round stays in the conversation
MIXTURES = {
    "tuned": {"existence": 0.6, "counting": 1.0, "attribute": 0.6, "scene": 0.15, "position": 0.8, "relation": 1.0,
              "localisation": 0.7, "identity": 0.7, "referring": 0.15, "caption": 0.1},
    # to be drawn in three rounds: a third of all questions count
    "counting": {"existence": 0.25, "counting": 1.0, "attribute": 0.5, "scene": 0.07, "position": 0.2, "relation": 0.3,
                 "localisation": 0.45, "identity": 0.25, "referring": 0.07, "caption": 0.04},
    # every task as often as it can be asked
    "balanced": {t: 0.6 for t in TASKS},
    # like a mixture by the size of data sets that happens to be large for the easy tasks
    "unbalanced": {"existence": 1.0, "counting": 0.1, "attribute": 0.1, "scene": 1.0, "position": 0.1, "relation": 0.1,
                   "localisation": 0.1, "identity": 1.0, "referring": 0.1, "caption": 0.5},
}
GRANULARITIES = ("fine", "coarse")
# Other wordings with the same answer; {} is the question as it stands.
WORDINGS = ("{}", "{} Answer the question using a single word or phrase.", "Question: {}",
            "Look at the image. {}")


@dataclass
class Options:
    """`templated_share`: of conversations in upstream's short-answer templates; the others ask free-form."""

    turns: int = 8
    rounds: int = 2
    multi_turn: bool = True
    mixture: dict = field(default_factory=lambda: MIXTURES["tuned"])
    templated_share: float = 0.25
    granularity: str = "fine"
    diversity: int = 1

    def __post_init__(self):
        if self.granularity not in GRANULARITIES:
            raise ValueError(f"granularity {self.granularity} is none of {', '.join(GRANULARITIES)}")
        if not 1 <= self.diversity <= len(WORDINGS):
            raise ValueError(f"diversity {self.diversity} outside 1..{len(WORDINGS)}")


def templated(q: Question, granularity: str = "fine") -> str:
    """fine: upstream's template of the question's kind; coarse: one template whatever is asked."""
    if granularity == "coarse":
        return SHORT.format(q.question)
    if q.task == "referring":
        return GROUND.format(q.phrase)
    return q.question if q.task == "caption" else SHORT.format(q.question)


def conversation(scene: S.Scene, rng: np.random.Generator, options: Options) -> list[Question]:
    """Questions without repetition (same text = same question), in random order."""
    chosen: dict[str, Question] = {}
    for _ in range(options.rounds):
        for q in questions(scene, int(rng.integers(1 << 20))):
            if q.question not in chosen and rng.random() < options.mixture[q.task]:
                chosen[q.question] = q
    turns = list(chosen.values()) or [questions(scene)[0]]
    rng.shuffle(turns)
    return turns[:options.turns]


@dataclass
class Batch:
    ids: torch.Tensor  # [B, T], image positions are -1
    labels: torch.Tensor
    image_at: int  # all rows have their image at the same place
    tokens: int


def collate(rows: list[tuple[list[int], list[int]]], tokens: int) -> Batch:
    longest = max(len(r[0]) for r in rows)
    longest = -(-longest // 8) * 8
    ids = np.full((len(rows), longest), PAD, np.int64)
    labels = np.full((len(rows), longest), IGNORE, np.int64)
    for i, (a, b) in enumerate(rows):
        ids[i, :len(a)] = a
        labels[i, :len(b)] = b
    at = int(np.nonzero(ids[0] == IMAGE_TOKEN)[0][0])
    return Batch(torch.from_numpy(ids), torch.from_numpy(labels), at, tokens)


def caption_batch(scenes: list[S.Scene], tokens: int, tokenizer: Tokenizer) -> Batch:
    """Upstream's [NO_PROMPT] format."""
    return collate([tokenizer.caption(caption(s), tokens) for s in scenes], tokens)


def wording(q: Question, rng: np.random.Generator, options: Options, short: bool) -> str:
    text = templated(q, options.granularity) if short else q.question
    if options.diversity == 1 or short:
        return text
    return WORDINGS[int(rng.integers(options.diversity))].format(text)


def make_batch(scenes: list[S.Scene], tokens: int, tokenizer: Tokenizer, rng: np.random.Generator,
               options: Options) -> Batch:
    """All turns about a scene in one sequence, or (multi_turn off) the first alone."""
    short = rng.random() < options.templated_share
    rows = []
    for scene in scenes:
        turns = [(wording(q, rng, options, short), q.answer) for q in conversation(scene, rng, options)]
        for part in ([turns] if options.multi_turn else [[t] for t in turns[:1]]):
            rows.append(tokenizer.encode(free_prompt(part, detail=not short), tokens))
    return collate(rows, tokens)


__all__ = ["MIXTURES", "Options", "Batch", "collate", "caption_batch", "make_batch", "conversation", "templated"]
