"""python -m training.train --stage vision|language|align|tune --minutes N --run DIR"""
from __future__ import annotations

import argparse
from pathlib import Path

from .common import setup

STAGES = ["vision", "language", "align", "tune"]
RATES = {"vision": 1e-3, "language": 1e-3, "align": 1.5e-3, "tune": 5e-4}
BATCHES = {"vision": 32, "language": 12, "align": 64, "tune": 12}


def main() -> None:
    p = argparse.ArgumentParser(description="Train the embedded model, one stage at a time; every stage resumes.")
    p.add_argument("--stage", required=True, choices=STAGES)
    p.add_argument("--run", type=Path, required=True, help="folder of checkpoints and log")
    p.add_argument("--minutes", type=float, required=True, help="time box of the stage, over all its runs")
    p.add_argument("--preset", default="base", choices=["base", "larger"])
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--workers", type=int, default=1, help="language, align, tune: processes on shared weights (CPU)")
    p.add_argument("--batch", type=int, help="scenes per step")
    p.add_argument("--lr", type=float, help="peak learning rate (of the projectors in align and tune)")
    p.add_argument("--crop-fraction", type=float, default=0.5, help="vision: share of the time spent on crops")
    p.add_argument("--dense-fraction", type=float, default=0.4,
                   help="language: share of the time with only `where is` and `what is at` questions")
    p.add_argument("--pointer", type=float, default=0.3,
                   help="tune: weight of the loss that makes one head look from a named class to where it is shown")
    p.add_argument("--dense-share", type=float, default=0.1, help="tune: share of batches with only such questions")
    p.add_argument("--lesson-until", type=float, default=0.35,
                   help="tune: share of the time with mostly scenes of two or three objects, each asked for one way")
    p.add_argument("--lm-lr", type=float, default=5e-4, help="tune: peak learning rate of the LM")
    p.add_argument("--pool", type=int, default=24_000, help="align, tune: scenes whose features are kept")
    p.add_argument("--projectors", default="", help="align, tune: comma-separated names; all by default")
    p.add_argument("--caption-share", type=float, default=0.1, help="language, tune: share of caption-only batches")
    p.add_argument("--templated-share", type=float, default=0.3, help="tune: share of upstream's short-answer template")
    p.add_argument("--check-scenes", type=int, default=200)
    p.add_argument("--check-every", type=float, default=240, help="seconds between checks on held-out scenes")
    args = p.parse_args()
    args.lr = args.lr or RATES[args.stage]
    args.batch = args.batch or BATCHES[args.stage]
    device = setup(args.threads)
    args.run.mkdir(parents=True, exist_ok=True)
    if args.stage == "vision":
        from . import vision
        vision.train(args, device, args.run)
    elif args.stage == "language":
        from . import language
        language.train(args, device, args.run)
    else:
        from . import tune
        getattr(tune, args.stage)(args, device, args.run)


if __name__ == "__main__":
    main()
