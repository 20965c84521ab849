"""python -m training.train --stage vision|language|align|tune (--minutes N | --steps N) --run DIR"""
from __future__ import annotations

import argparse
from pathlib import Path

from .common import setup

STAGES = ["vision", "language", "align", "tune"]
RATES = {"vision": 1e-3, "language": 1.5e-3, "align": 2e-3, "tune": 5e-4}
BATCHES = {"vision": 32, "language": 16, "align": 16, "tune": 16}


def main() -> None:
    p = argparse.ArgumentParser(description="Train the embedded model, one stage at a time; every stage resumes.")
    p.add_argument("--stage", required=True, choices=STAGES)
    p.add_argument("--run", type=Path, required=True, help="folder of checkpoints and log")
    box = p.add_mutually_exclusive_group(required=True)
    box.add_argument("--minutes", type=float, help="time box of the stage, over all its runs")
    box.add_argument("--steps", type=int, help="end and schedule by steps instead (of each worker), over all runs of the stage")
    p.add_argument("--preset", default="base", choices=["base", "larger"])
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--workers", type=int, default=1, help="language, align, tune: processes on shared weights (CPU)")
    p.add_argument("--batch", type=int, help="scenes per step")
    p.add_argument("--lr", type=float, help="peak learning rate (of the projectors in align and tune)")
    p.add_argument("--crop-fraction", type=float, default=0.5, help="vision: share of the time spent on crops")
    p.add_argument("--dense-fraction", type=float, default=0.2,
                   help="language: share of the time with scenes of two to four objects and the bare prompt")
    p.add_argument("--pointer", type=float, default=1.0,
                   help="language: weight of the losses that show four heads where to look")
    p.add_argument("--probe", type=float, default=0.3, help="language: weight of the linear probes' losses")
    p.add_argument("--questions", type=int, default=12, help="language: most questions about one scene in one sequence")
    p.add_argument("--lm-lr", type=float, default=5e-4, help="tune: peak learning rate of the LM")
    p.add_argument("--pool", type=int, default=24_000, help="align, tune: scenes whose features are kept")
    p.add_argument("--projectors", default="", help="align, tune: comma-separated names; all by default")
    p.add_argument("--caption-share", type=float,
                   help="share of caption batches ([NO_PROMPT]); 1 in align, else 0.1 by default")
    p.add_argument("--packed-share", type=float,
                   help="align, tune: share of batches of single questions that do not see each other (rest: conversations)")
    p.add_argument("--target", default="captions", choices=["captions", "tokens"],
                   help="align: captions through the frozen LM (the paper's), or regression to the writer's tokens")
    p.add_argument("--templated-share", type=float, default=0.25, help="tune: share of upstream's short-answer template")
    p.add_argument("--mixture", default="tuned", choices=["tuned", "counting", "balanced", "unbalanced"], help="tune: task weights")
    p.add_argument("--granularity", default="fine", choices=["fine", "coarse"], help="tune: templates per task or one")
    p.add_argument("--diversity", type=int, default=1, help="tune: wordings per template, 1 to 4")
    p.add_argument("--multi-turn", default="on", choices=["on", "off"], help="tune: several questions per conversation")
    p.add_argument("--tokens", type=int, default=0, help="align, tune: only this M")
    p.add_argument("--start", default="", help="align, tune: checkpoint in the run folder to start from")
    p.add_argument("--save-as", default="", help="align, tune: file to write in the run folder")
    p.add_argument("--label", default="", help="align, tune: name of the stage in the log")
    p.add_argument("--check-scenes", type=int, default=200)
    p.add_argument("--check-every", type=float, default=240, help="seconds between checks on held-out scenes")
    args = p.parse_args()
    args.lr = args.lr or RATES[args.stage]
    args.batch = args.batch or BATCHES[args.stage]
    if args.caption_share is None:
        args.caption_share = 1.0 if args.stage == "align" else 0.1
    if args.packed_share is None:
        args.packed_share = 0.0 if args.stage == "align" else 0.3
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
