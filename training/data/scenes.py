"""Scenes of emoji sprites, deterministic from (split, seed).

`src/lib/scenes` is the same code in TypeScript; tests/unit/scenes holds fixtures made from this file.
Only integer arithmetic below: both languages must agree bit for bit.
"""
from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

IMAGE = 96
CELL = IMAGE // 3
ATLAS_DIR = Path(__file__).resolve().parents[2] / "static" / "scenes"

BACKGROUNDS = [
    ("white", (240, 240, 240)), ("gray", (150, 150, 150)), ("black", (30, 30, 30)), ("pink", (245, 180, 200)),
    ("blue", (120, 170, 230)), ("green", (140, 200, 140)), ("yellow", (245, 235, 160)),
]
# split -> (offset added to the seed, styles, small sizes, large sizes); seeds of a split stay below 2^28
SPLITS = {
    "train": (0x00000000, (0, 1), (20, 23), (28, 32)),
    "test": (0x40000000, (0, 1), (20, 23), (28, 32)),
    "style": (0x50000000, (2,), (20, 23), (28, 32)),
    "size": (0x60000000, (0, 1), (16, 18), (34, 38)),
}
SEED_LIMIT = 1 << 28
MASK = 0xFFFFFFFF


class Rng:
    """mulberry32 on a scrambled seed."""

    __slots__ = ("state",)

    def __init__(self, seed: int):
        h = seed & MASK
        h = ((h ^ (h >> 16)) * 0x85EBCA6B) & MASK
        h = ((h ^ (h >> 13)) * 0xC2B2AE35) & MASK
        self.state = h ^ (h >> 16)

    def next(self) -> int:
        self.state = a = (self.state + 0x6D2B79F5) & MASK
        t = ((a ^ (a >> 15)) * (a | 1)) & MASK
        t = ((t + (((t ^ (t >> 7)) * (t | 61)) & MASK)) & MASK) ^ t
        return t ^ (t >> 14)

    def below(self, n: int) -> int:
        return (self.next() * n) >> 32

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)

    def shuffle(self, items: list) -> list:
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]
        return items


@dataclass(frozen=True)
class SceneObject:
    cls: int
    style: int
    size: int
    large: bool
    x: int
    y: int

    @property
    def cx2(self) -> int:  # twice the centre, to stay in integers
        return 2 * self.x + self.size

    @property
    def cy2(self) -> int:
        return 2 * self.y + self.size

    @property
    def cell(self) -> int:
        return (self.cy2 // (2 * CELL)) * 3 + self.cx2 // (2 * CELL)


@dataclass(frozen=True)
class Scene:
    split: str
    seed: int
    background: int
    objects: tuple[SceneObject, ...]


@lru_cache(maxsize=None)
def atlas_index() -> dict:
    return json.loads((ATLAS_DIR / "atlas.json").read_text())


def class_names() -> list[str]:
    return [c["name"] for c in atlas_index()["classes"]]


def scene_rng_seed(split: str, seed: int) -> int:
    if not 0 <= seed < SEED_LIMIT:
        raise ValueError(f"seed {seed} outside 0..{SEED_LIMIT - 1}")
    return SPLITS[split][0] + seed


def clear_of_cell_borders(c2: int) -> bool:
    """The centre is at least 3 px from the lines of the 3x3 grid."""
    return abs(c2 - 2 * CELL) >= 6 and abs(c2 - 4 * CELL) >= 6


def generate_scene(seed: int, split: str = "train") -> Scene:
    _, styles, small, large = SPLITS[split]
    rng = Rng(scene_rng_seed(split, seed))
    n_classes = len(class_names())
    background = rng.below(len(BACKGROUNDS))
    count = 1 + rng.below(6)
    objects: list[SceneObject] = []
    for _ in range(count):
        repeat = len(objects) > 0 and rng.below(100) < 30
        cls = objects[rng.below(len(objects))].cls if repeat else rng.below(n_classes)
        style = styles[rng.below(len(styles))]
        is_large = rng.below(2) == 1
        size = rng.between(*(large if is_large else small))
        for _ in range(40):
            x = rng.below(IMAGE - size + 1)
            y = rng.below(IMAGE - size + 1)
            if not (clear_of_cell_borders(2 * x + size) and clear_of_cell_borders(2 * y + size)):
                continue
            if all(x + size <= o.x or o.x + o.size <= x or y + size <= o.y or o.y + o.size <= y for o in objects):
                objects.append(SceneObject(cls, style, size, is_large, x, y))
                break
    return Scene(split, seed, background, tuple(objects))


@lru_cache(maxsize=None)
def _atlas_premultiplied() -> np.ndarray:
    rgba = np.asarray(Image.open(ATLAS_DIR / "atlas.png").convert("RGBA")).astype(np.int32)
    alpha = rgba[..., 3:]
    return np.concatenate([(rgba[..., :3] * alpha + 127) // 255, alpha], -1).astype(np.uint8)


@lru_cache(maxsize=None)
def sprite(cls: int, style: int, size: int) -> np.ndarray:
    """Premultiplied RGBA at `size`, int32 [size, size, 4]."""
    s = atlas_index()["size"]
    tile = _atlas_premultiplied()[style * s:(style + 1) * s, cls * s:(cls + 1) * s]
    channels = [np.asarray(Image.fromarray(np.ascontiguousarray(tile[..., c]), "L").resize((size, size), Image.BICUBIC))
                for c in range(4)]
    return np.stack(channels, -1).astype(np.int32)


def blend(canvas: np.ndarray, image: np.ndarray, x: int, y: int) -> None:
    """Blend onto int32 [H, W, 3] in place; parts outside the canvas are dropped."""
    h, w = canvas.shape[:2]
    s = image.shape[0]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + s, w), min(y + s, h)
    if x0 >= x1 or y0 >= y1:
        return
    part = image[y0 - y:y1 - y, x0 - x:x1 - x]
    region = canvas[y0:y1, x0:x1]
    region[:] = np.minimum(255, part[..., :3] + (region * (255 - part[..., 3:]) + 127) // 255)


def render_scene(scene: Scene) -> np.ndarray:
    """uint8 [96, 96, 3]"""
    canvas = np.empty((IMAGE, IMAGE, 3), np.int32)
    canvas[:] = BACKGROUNDS[scene.background][1]
    for o in scene.objects:
        blend(canvas, sprite(o.cls, o.style, o.size), o.x, o.y)
    return canvas.astype(np.uint8)
