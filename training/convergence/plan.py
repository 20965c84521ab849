"""What is run and when a run counts as learned out. Written before the first run; changed only together with its version.
Version 2 (2026-12-01, before the first of its runs) adds the part `longer`; nothing of version 1 is changed.

Every run starts from the same frozen vision tower and the same LM (`base/`), and has its own projector and its own copy of the
LM: align trains the projector through the frozen LM on captions and questions, tune trains both on instructions, as in the
paper. Nothing regresses onto a grid and no loss is on attention. Runs of one part differ in what the part compares alone.
"""
from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..data.batches import MIXTURES

VERSION = 2


@dataclass(frozen=True)
class Recipe:
    """Switches of the tuning data. `answers` a step, where given: scenes are drawn until a step trains on that many answers."""

    mixture: str = "tuned"
    granularity: str = "fine"
    diversity: int = 1
    multi_turn: bool = True
    templated_share: float = 0.25
    packed_share: float = 0.5
    caption_share: float = 0.1
    answers: int | None = None

    def __post_init__(self):
        if self.mixture not in MIXTURES:
            raise ValueError(f"mixture {self.mixture} is none of {', '.join(MIXTURES)}")


@dataclass(frozen=True)
class Length:
    """Steps of one optimiser each, and scenes of a step. Rates: warm-up, constant, then a straight line to zero."""

    align: int = 400
    tune: int = 1200
    batch: int = 16
    pool: int = 16_000
    warmup: float = 0.02
    decay: float = 0.2
    lr: float = 1e-3
    lm_lr: float = 3e-4
    check_every: int = 50
    check_scenes: int = 40
    scenes: int = 1000
    written: int = 80
    locality_scenes: int = 30
    directions: int = 8


@dataclass(frozen=True)
class Run:
    projector: str
    tokens: int
    seed: int
    part: str = "projectors"
    variant: str = "base"
    recipe: Recipe = field(default_factory=Recipe)

    @property
    def id(self) -> str:
        name = f"{self.projector}-m{self.tokens}-s{self.seed}"
        before = {"recipe": f"recipe-{self.variant.replace(' ', '-')}-", "longer": "longer-"}
        return before.get(self.part, "") + name

    @property
    def preset(self) -> str:
        """Name of the projector's sizes in model/config.py: resampler and d-abs have one set of weights for each M."""
        apart = self.projector in ("resampler", "d-abs") and self.tokens != 36
        return f"{self.projector}-m{self.tokens}" if apart else self.projector


SEEDS = (1, 2, 3)
# An answer is what tells one variant's step from another's: all train on as many.
ANSWERS = 112
_RECIPE = Recipe(answers=ANSWERS, packed_share=0.0)
VARIANTS = {
    "base": _RECIPE,
    "mixture balanced": replace(_RECIPE, mixture="balanced"),
    "mixture unbalanced": replace(_RECIPE, mixture="unbalanced"),
    "single turn": replace(_RECIPE, multi_turn=False),
    "four wordings": replace(_RECIPE, diversity=4),
    "templates per task": replace(_RECIPE, templated_share=1.0),
    "one template": replace(_RECIPE, templated_share=1.0, granularity="coarse"),
}


def runs(part: str) -> list[Run]:
    """`projectors`: four at M = 36; `tokens`: three at M = 16 and 64; `recipe`: c-abs, M = 36, two seeds; `longer`: `projectors`, three
    times as many steps of tuning. Seeds outermost, so that what is there after an interruption is a whole comparison of fewer seeds."""
    if part in ("projectors", "longer"):
        return [Run(p, 36, s, part) for s in SEEDS for p in ("c-abs", "resampler", "d-abs", "pool")]
    if part == "tokens":
        return [Run(p, m, s, part) for s in SEEDS for m in (16, 64) for p in ("c-abs", "resampler", "d-abs")]
    if part == "recipe":
        return [Run("c-abs", 36, s, part, v, r) for s in SEEDS[:2] for v, r in VARIANTS.items()]
    raise ValueError(f"part {part} is none of {', '.join(PARTS)}")


PARTS = ("projectors", "tokens", "recipe", "longer")

# In 1,200 steps most runs had not learned out. Over 40 scenes a rise has a standard error of 1.3 points, too much to tell two from
# none; over 200 it is about 0.6.
_LONGER = Length(tune=3600, check_every=100, check_scenes=200)


def length_of(run: Run) -> Length:
    return _LONGER if run.part == "longer" else Length()


# The step in which places are learned, and flatness, both on the held-out scenes of the learning curve.
CRITERION = {
    "places": "localisation of the learning curve passes 0.5 in the first half of tuning and stays above",
    "flat": "over the last half of the steps of tuning before the rate falls, the straight line through the learning curve's "
            "mean over tasks rises by less than 0.02",
}


def converged(curve: list[dict], length: Length) -> dict:
    """`curve`: rows of tuning {step, tasks: {task: accuracy}} in order -> {places: step | None, rise, flat, converged}."""
    rows = [r for r in curve if r["stage"] == "tune"]
    above = None
    for r in rows:
        if r["tasks"].get("localisation", 0.0) > 0.5:
            above = r["step"] if above is None else above
        else:
            above = None
    end = length.tune * (1 - length.decay)
    window = [r for r in rows if end / 2 <= r["step"] <= end]
    rise = None
    if len(window) >= 3:
        x = [float(r["step"]) for r in window]
        y = [sum(r["tasks"].values()) / len(r["tasks"]) for r in window]
        mx, my = sum(x) / len(x), sum(y) / len(y)
        slope = sum((a - mx) * (b - my) for a, b in zip(x, y)) / sum((a - mx) ** 2 for a in x)
        rise = slope * (x[-1] - x[0])
    flat = rise is not None and rise < 0.02
    places = above is not None and above <= length.tune / 2
    return {"places": above, "rise": rise, "flat": flat, "converged": places and flat}
