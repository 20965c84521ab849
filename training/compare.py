"""python -m training.compare --run DIR --seeds 1,2,3 --align-steps 240 --tune-steps 400 --out captions_only.json

The paper's recipe for the projectors, from the same vision tower and language stage: alignment by captions and questions
through the frozen LM, then instruction tuning; no regression to a grid, no loss on attention. All projectors at one M, in
turn, the same steps for each. A seed gives new projector weights and other scenes. Goes on where it ended when started again.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from .bundle import load
from .common import setup
from .data.questions import TASKS
from .evaluate import evaluate_split

ALIGN = ["--caption-share", "0.5", "--packed-share", "0.5"]
TUNE = ["--lr", "1e-3", "--lm-lr", "3e-4", "--caption-share", "0.1", "--packed-share", "0.5"]


def over_seeds(rows: list[dict], tokens: str) -> dict:
    """projector -> task -> mean over seeds and every seed's accuracy, in the order of the rows"""
    out: dict = {}
    for name in rows[0]["splits"]["test"]:
        found = [r["splits"]["test"][name][tokens] for r in rows]
        out[name] = {}
        for t in TASKS:
            values = [f[t]["accuracy"] for f in found if t in f]
            if len(values) == len(rows):
                out[name][t] = {"mean": round(float(np.mean(values)), 4), "values": values}
    return out


def main() -> None:
    p = argparse.ArgumentParser(description="Projectors compared under the paper's recipe, over seeds.")
    p.add_argument("--run", type=Path, required=True, help="folder with vision.pt, language.pt and tokenizer")
    p.add_argument("--seeds", default="1,2,3")
    p.add_argument("--projectors", default="pool,resampler,c-abs,d-abs")
    p.add_argument("--tokens", type=int, default=36)
    p.add_argument("--align-steps", type=int, default=240, help="over all projectors")
    p.add_argument("--tune-steps", type=int, default=400, help="over all projectors")
    p.add_argument("--scenes", type=int, default=1000, help="held-out scenes")
    p.add_argument("--written", type=int, default=80, help="scenes also asked for boxes and captions")
    p.add_argument("--pool", type=int, default=24_000, help="training scenes whose features are kept")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--out", type=Path, required=True)
    args = p.parse_args()
    device = setup(args.threads)
    names = args.projectors.split(",")
    for part in ("align_steps", "tune_steps"):
        if getattr(args, part) % len(names):
            p.error(f"--{part.replace('_', '-')} must be a multiple of the {len(names)} projectors: all get the same steps")
    result: dict = {
        "what": "the paper's recipe for the projectors: alignment by captions and questions through the frozen language model, "
                "then instruction tuning; no regression to a grid, no loss on attention; the same vision tower and language "
                "model to start from, the same steps for each projector; a seed gives new projector weights and other scenes",
        "projectors": names, "tokens": args.tokens, "scenes": args.scenes,
        "steps_per_projector": {"align": args.align_steps // len(names), "tune": args.tune_steps // len(names)},
        "command": f"python -m training.compare --run RUN --seeds {args.seeds} --projectors {args.projectors} "
                   f"--tokens {args.tokens} --align-steps {args.align_steps} --tune-steps {args.tune_steps} "
                   f"--scenes {args.scenes} --written {args.written} --out captions_only.json",
        "seeds": []}
    for seed in args.seeds.split(","):
        label = f"compare-{args.align_steps}-{args.tune_steps}-{seed}"
        kept = args.run / f"{label}-{args.scenes}.json"
        if not kept.exists():
            for stage, steps, extra in (("align", args.align_steps, ALIGN),
                                        ("tune", args.tune_steps, [*TUNE, "--start", f"{label}-align.pt"])):
                subprocess.run([
                    sys.executable, "-W", "ignore", "-m", "training.train", "--stage", stage, "--run", str(args.run),
                    "--save-as", f"{label}-{stage}.pt", "--label", f"{label}-{stage}", "--steps", str(steps), "--seed", seed,
                    "--projectors", args.projectors, "--tokens", str(args.tokens), "--threads", str(args.threads),
                    "--pool", str(args.pool), "--check-scenes", "20", "--check-every", "600", *extra], check=True)
            b = load(args.run, device, f"{label}-tune")
            splits = {"test": evaluate_split(b, "test", args.scenes, args.written, names, device)}
            kept.write_text(json.dumps({"seed": int(seed), "seconds": round(b.progress["spent"]), "splits": splits}))
            for stage in ("align", "tune"):
                (args.run / f"{label}-{stage}.pt").unlink()
        result["seeds"].append(json.loads(kept.read_text()))
        result["over_seeds"] = over_seeds(result["seeds"], str(args.tokens))
        args.out.write_text(json.dumps(result, indent=1) + "\n")
        for name, row in result["over_seeds"].items():
            print(f"after seed {seed}", name, " ".join(f"{t}={v['mean']:.3f}" for t, v in row.items()), flush=True)


if __name__ == "__main__":
    with torch.no_grad():
        main()
