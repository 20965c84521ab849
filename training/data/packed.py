"""Lessons of the LM stage: many questions about one scene in one sequence that cannot see each other.

Every question sees the prompt's head with the image and itself only, at the positions it would have alone: so each is a
single-turn conversation, no answer can be read from another one, and the head is computed once.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from . import scenes as S
from .batches import templated
from .questions import CELL_NAMES, Question, questions
from .text import BASE, DETAIL, EOS, IGNORE, IMAGE_TOKEN, PAD, Tokenizer

ALL_OBJECTS = 99
# how often a question of the task is kept, of one round of `questions`
WEIGHTS = {"existence": 0.5, "counting": 1.0, "attribute": 0.5, "scene": 0.1, "position": 0.7, "relation": 1.0,
           "localisation": 0.5, "identity": 0.5, "referring": 0.15, "caption": 0.1}


def lesson_scene(rng: np.random.Generator, low: int = 1, high: int = 6, repeat: float = 0.3) -> S.Scene:
    """A scene that is never drawn, laid out as `generate_scene` does; `repeat`: how often a class comes again."""
    n_classes = len(S.class_names())
    objects: list[S.SceneObject] = []
    for _ in range(int(rng.integers(low, high + 1))):
        again = len(objects) > 0 and rng.random() < repeat
        cls = objects[int(rng.integers(len(objects)))].cls if again else int(rng.integers(n_classes))
        large = bool(rng.integers(2))
        size = int(rng.integers(28, 33) if large else rng.integers(20, 24))
        for _ in range(40):
            x, y = (int(v) for v in rng.integers(0, S.IMAGE - size + 1, 2))
            if not (S.clear_of_cell_borders(2 * x + size) and S.clear_of_cell_borders(2 * y + size)):
                continue
            if all(x + size <= o.x or o.x + o.size <= x or y + size <= o.y or o.y + o.size <= y for o in objects):
                objects.append(S.SceneObject(cls, 0, size, large, x, y))
                break
    return S.Scene("train", int(rng.integers(S.SEED_LIMIT)), int(rng.integers(len(S.BACKGROUNDS))), tuple(objects))


def some_questions(scene: S.Scene, rng: np.random.Generator, weights: dict, rounds: int, limit: int) -> list[Question]:
    chosen: dict[str, Question] = {}
    for _ in range(rounds):
        for q in questions(scene, int(rng.integers(1 << 20))):
            if q.question not in chosen and rng.random() < weights.get(q.task, 0.0):
                chosen[q.question] = q
    turns = list(chosen.values()) or [questions(scene)[0]]
    rng.shuffle(turns)
    return turns[:limit]


@dataclass
class Packed:
    ids: torch.Tensor  # [B, T], image positions are -1
    labels: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor  # [B, 1, T, T], 0 or -inf
    image_at: int
    tokens: int
    blocks: np.ndarray  # [B, T]: 0 head, 1.. questions, -1 padding

    def to(self, device) -> Packed:
        return replace(self, ids=self.ids.to(device), labels=self.labels.to(device), positions=self.positions.to(device),
                       mask=self.mask.to(device))


def head_ids(tokenizer: Tokenizer, tokens: int, form: str) -> list[int]:
    """form: 'free' (system text with its second sentence), 'short' (without it), 'bare' (image only)."""
    ids = [1]
    if form != "bare":
        ids += tokenizer.text(f"{BASE} {DETAIL}" if form == "free" else BASE)
        ids += tokenizer.text("\nHuman: ")
    return ids + [IMAGE_TOKEN] * tokens


def pack(conversations: list[list[Question]], tokens: int, tokenizer: Tokenizer, form: str) -> Packed:
    head = head_ids(tokenizer, tokens, form)
    human, ai = list(tokenizer.text("\nHuman: ")), list(tokenizer.text("\nAI: "))
    rows = []
    for asked in conversations:
        ids, labels, positions, blocks = list(head), [IGNORE] * len(head), list(range(len(head))), [0] * len(head)
        for k, q in enumerate(asked):
            question = [*human, *tokenizer.text(templated(q) if form == "short" else q.question), *ai]
            answer = [*tokenizer.text(q.answer), EOS]
            ids += question + answer
            labels += [IGNORE] * len(question) + answer
            positions += range(len(head), len(head) + len(question) + len(answer))
            blocks += [k + 1] * (len(question) + len(answer))
        rows.append((ids, labels, positions, blocks))
    longest = -(-max(len(r[0]) for r in rows) // 8) * 8
    out = [np.full((len(rows), longest), fill, np.int64) for fill in (PAD, IGNORE, 0, -1)]
    for i, row in enumerate(rows):
        for array, values in zip(out, row):
            array[i, :len(values)] = values
    ids, labels, positions, blocks = out
    b = torch.from_numpy(blocks)
    seen = (b[:, None, :] == 0) | (b[:, None, :] == b[:, :, None])
    seen &= torch.ones(longest, longest, dtype=torch.bool).tril()
    mask = torch.zeros(seen.shape).masked_fill_(~seen, float("-inf"))[:, None]
    return Packed(torch.from_numpy(ids), torch.from_numpy(labels), torch.from_numpy(positions), mask,
                  head.index(IMAGE_TOKEN), tokens, blocks)


def centre_token(o: S.SceneObject, side: int) -> int:
    """Index of the visual token (side x side over the image) that holds the object's centre."""
    return (o.cy2 * side // (2 * S.IMAGE)) * side + o.cx2 * side // (2 * S.IMAGE)


class Words:
    """Token ids that name something the image shows."""

    def __init__(self, tokenizer: Tokenizer):
        self.named = np.full(tokenizer.size, -1, np.int64)
        for i, c in enumerate(S.atlas_index()["classes"]):
            for word in (c["name"], c["plural"]):
                (token,) = tokenizer.text(word)
                self.named[token] = i
        (token,) = tokenizer.text("objects")
        self.named[token] = ALL_OBJECTS
        self.cell_words = set(tokenizer.text("top middle bottom left right center"))
        self.relations = {tokenizer.text(w)[0] for w in ("left", "right", "above", "below")}


@dataclass
class Looks:
    """Where a position should look: `share` [Q, T] sums to 1 per row."""

    rows: torch.Tensor
    at: torch.Tensor
    share: torch.Tensor


@dataclass
class Facts:
    """What is true of the object(s) that the word at (rows, at) names: place [Q, 2], size, count; -100 where unknown."""

    rows: torch.Tensor
    at: torch.Tensor
    place: torch.Tensor
    size: torch.Tensor
    count: torch.Tensor
    side: torch.Tensor  # [Q, 2]: is the first named object right of / below this one (0, 1 or -100)


def scaffold(p: Packed, scenes: list[S.Scene], conversations: list[list[Question]], words: Words):
    """-> (looks of named words, looks of cell words, looks from the second to the first named word and to the relation, facts)"""
    ids, labels = p.ids.numpy(), p.labels.numpy()
    t, side = ids.shape[1], int(p.tokens ** 0.5)
    first, cells, second, related = ([] for _ in range(4))
    facts = []
    for i, (scene, asked) in enumerate(zip(scenes, conversations)):
        starts = np.searchsorted(np.where(p.blocks[i] < 0, len(asked) + 1, p.blocks[i]), np.arange(1, len(asked) + 2))
        centres = [p.image_at + centre_token(o, side) for o in scene.objects]
        for k, q in enumerate(asked):
            if q.task == "caption" or q.task == "scene":
                continue
            span = range(starts[k], starts[k + 1])
            found = [(j, int(words.named[ids[i, j]])) for j in span if labels[i, j] == IGNORE and words.named[ids[i, j]] >= 0]
            before = None
            for j, c in found:
                shown = [n for n, o in enumerate(scene.objects) if c in (o.cls, ALL_OBJECTS)]
                share = np.zeros(t, np.float32)
                for n in shown:
                    share[centres[n]] += 1 / (len(shown) + 1)
                share[0] += 1 / (len(shown) + 1)
                first.append((i, j, share))
                one = scene.objects[shown[0]] if len(shown) == 1 else None
                sides = (-100, -100)
                if before is not None and one is not None:
                    a = before[1]
                    sides = (int(a.cx2 > one.cx2), int(a.cy2 > one.cy2))
                    share = np.zeros(t, np.float32)
                    share[before[0]] = 1
                    second.append((i, j, share))
                    share = np.zeros(t, np.float32)
                    share[[x for x in range(before[0], j) if ids[i, x] in words.relations]] = 1
                    related.append((i, j, share))
                facts.append((i, j, (one.cx2 / (2 * S.IMAGE) - 0.5, one.cy2 / (2 * S.IMAGE) - 0.5) if one else (-100., -100.),
                              int(one.large) if one else -100, len(shown), sides))
                before = (j, one) if one is not None else None
            if q.task == "identity":
                j = max(x for x in span if labels[i, x] == IGNORE and ids[i, x] in words.cell_words)
                cell = CELL_NAMES.index(q.question.removeprefix("What is at the ").rstrip("?"))
                share = np.zeros(t, np.float32)
                share[[centres[n] for n, o in enumerate(scene.objects) if o.cell == cell]] = 1
                cells.append((i, j, share))

    def looks(found):
        if not found:
            return None
        rows, at, share = zip(*found)
        return Looks(torch.tensor(rows), torch.tensor(at), torch.from_numpy(np.stack(share)))

    rows, at, place, size, count, sides = zip(*facts) if facts else ((),) * 6
    return looks(first), looks(cells), looks(second), looks(related), Facts(
        torch.tensor(rows), torch.tensor(at), torch.tensor(place), torch.tensor(size), torch.tensor(count),
        torch.tensor(sides))
