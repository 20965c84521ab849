"""python -m training.convergence --part projectors|tokens|recipe|longer|all [--workers N]

Trains every run of the plan that has no record yet, N at a time, one thread each (on a GPU they share it). May be stopped at any
time and started again; a run's record in results/ is final. See plan.py for what is run and when a run counts as learned out.
"""
from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import time
from pathlib import Path

from ..common import setup
from .base import read_vision
from .features import feature_pool
from .plan import PARTS, Length, Run, length_of, runs
from .run import complete

RESULTS = Path(__file__).parent / "results"


def say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, flush=True)


def work(queue, folder: Path, results: Path) -> None:
    device = setup(1)
    while (job := queue.get()) is not None:
        complete(*job, folder, results, device, say)


def main() -> None:
    p = argparse.ArgumentParser(description="Projectors trained by the paper's recipe to convergence, over seeds.")
    p.add_argument("--part", default="projectors", choices=[*PARTS, "all"])
    p.add_argument("--only", default="", help="comma-separated names of runs (as the records are called)")
    p.add_argument("--folder", type=Path, default=Path("runs/convergence"), help="features and the state of unfinished runs")
    p.add_argument("--results", type=Path, default=RESULTS)
    p.add_argument("--workers", type=int, default=1)
    p.add_argument("--list", action="store_true", help="name the runs and which of them are done")
    for f in dataclasses.fields(Length):
        p.add_argument(f"--{f.name.replace('_', '-')}", type=type(f.default),
                       help="other than the plan's: for trying out only" if f.name == "align" else argparse.SUPPRESS)
    args = p.parse_args()
    other = {f.name: value for f in dataclasses.fields(Length) if (value := getattr(args, f.name)) is not None}
    if other and args.results == RESULTS:
        p.error("records of another length than the plan's need a folder of their own: give --results")
    wanted: list[Run] = [r for part in (PARTS if args.part == "all" else [args.part]) for r in runs(part)]
    if args.only:
        names = set(args.only.split(","))
        unknown = names - {r.id for r in wanted}
        if unknown:
            p.error(f"no run is called {', '.join(sorted(unknown))}; --list names them")
        wanted = [r for r in wanted if r.id in names]
    if args.list:
        for r in wanted:
            print(r.id, "done" if (args.results / f"{r.id}.json").exists() else "")
        return
    left = [(r, dataclasses.replace(length_of(r), **other)) for r in wanted if not (args.results / f"{r.id}.json").exists()]
    say(f"{len(left)} of {len(wanted)} runs to do")
    device = setup(max(1, args.workers))
    for pool in {length.pool for _, length in left}:
        feature_pool(read_vision().to(device), args.folder, pool, device, say)
    if args.workers == 1:
        for job in left:
            complete(*job, args.folder, args.results, device, say)
        return
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    for job in [*left, *[None] * args.workers]:
        queue.put(job)
    workers = [context.Process(target=work, args=(queue, args.folder, args.results)) for _ in range(args.workers)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    if any(w.exitcode for w in workers):
        raise SystemExit("a worker ended early; start again to go on")


if __name__ == "__main__":
    main()
