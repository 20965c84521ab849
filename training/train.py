"""python -m training.train --stage vision|language|align|tune --minutes N --run DIR"""
from __future__ import annotations

import argparse
from pathlib import Path

from .common import setup

STAGES = ["vision", "language", "align", "tune"]
RATES = {"vision": 1e-3, "language": 1.5e-3, "align": 2e-3, "tune": 1e-3}
BATCHES = {"vision": 32, "language": 16, "align": 32, "tune": 16}


def main() -> None:
    p = argparse.ArgumentParser(description="Train the embedded model, one stage at a time; every stage resumes.")
    p.add_argument("--stage", required=True, choices=STAGES)
    p.add_argument("--run", type=Path, required=True, help="folder of checkpoints and log")
    p.add_argument("--minutes", type=float, required=True, help="time box of the stage, over all its runs")
    p.add_argument("--preset", default="base", choices=["base", "larger"])
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch", type=int, help="scenes per step")
    p.add_argument("--lr", type=float, help="peak learning rate (of the projectors in align and tune)")
    p.add_argument("--crop-fraction", type=float, default=0.5, help="vision: share of the time spent on crops")
    p.add_argument("--lm-lr", type=float, default=6e-4, help="tune: peak learning rate of the LM")
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
        tune.train(args, device, args.run, align=args.stage == "align")


if __name__ == "__main__":
    main()
