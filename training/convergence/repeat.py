"""python -m training.convergence.repeat ID [--steps 200]

Trains the first steps of a run again, from nothing, and compares: every loss with that of the first time to the last digit kept, and
what was checked on the way with the run's record. The first time is the run's own state in --folder where it is still there, and
otherwise trained here, too. Losses are the same to the digit on one machine; another processor may round otherwise, which the
record's checks, made wherever the run was made, would show.
"""
from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import torch

from ..common import setup
from .__main__ import RESULTS, say
from .base import read_vision
from .features import feature_pool
from .plan import PARTS, Length, Run, length_of, runs
from .run import train

Losses = list[tuple[str, int, float]]


def first_steps(run: Run, length: Length, steps: int, features: Path, device, log=say) -> dict:
    """Losses and curve of the first steps, trained in a folder of its own with the features that are there."""
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder)
        for file in features.glob(f"features-*-{length.pool}.npy"):
            os.symlink(file.resolve(), own / file.name)
        return train(run, length, own, device, log, until=steps)["done"]


def kept(run: Run, folder: Path, steps: int) -> Losses | None:
    """The first losses of the run's own state, where it is still there."""
    path = folder / f"{run.id}.pt"
    if not path.exists():
        return None
    losses = torch.load(path, map_location="cpu", weights_only=False)["done"]["losses"][:steps]
    return losses if len(losses) == steps and losses[-1][0] == "align" else None


def first_checks(curve: list[dict], steps: int) -> list[dict]:
    return [row for row in curve if row["stage"] == "align" and row["step"] <= steps]


def compare(again: dict, before: Losses, record: dict | None, steps: int) -> list[str]:
    """What differs, a line each."""
    differences = [f"step {a[1]}: loss {b[2]}, again {a[2]}" for a, b in zip(again["losses"], before, strict=True) if tuple(a) != tuple(b)]
    if record and first_checks(record["curve"], steps) != first_checks(again["curve"], steps):
        differences.append("checks on the way are not those of the record")
    return differences


def main() -> None:
    p = argparse.ArgumentParser(description="The first steps of a run, trained again and compared.")
    p.add_argument("id")
    p.add_argument("--steps", type=int, default=200)
    p.add_argument("--folder", type=Path, default=Path("runs/convergence"))
    p.add_argument("--results", type=Path, default=RESULTS)
    args = p.parse_args()
    run = next((r for part in PARTS for r in runs(part) if r.id == args.id), None)
    if run is None:
        p.error(f"there is no run {args.id}; python -m training.convergence --part all --list names them")
    length = length_of(run)
    if not 0 < args.steps < length.align:
        p.error(f"there are no {args.steps} steps of the alignment of {args.id}, which has {length.align}")
    device = setup(1)
    feature_pool(read_vision().to(device), args.folder, length.pool, device, say)
    before = kept(run, args.folder, args.steps)
    say("against the run's own state" if before else "against itself, trained twice")
    before = before or first_steps(run, length, args.steps, args.folder, device)["losses"]
    path = args.results / f"{run.id}.json"
    record = json.loads(path.read_text()) if path.exists() else None
    differences = compare(first_steps(run, length, args.steps, args.folder, device), before, record, args.steps)
    checks = f", and what was checked every {length.check_every} steps is that of the record" if record else ""
    print("\n".join(differences) or f"{run.id}: {args.steps} losses the same to the digit{checks}")
    raise SystemExit(1 if differences else 0)


if __name__ == "__main__":
    main()
