"""python -m training.ablate --run DIR --minutes 1 --out ablations.json

Short tuning runs of equal time from the aligned checkpoint, one projector at one M, that differ in one switch of the data
recipe. All are asked the same held-out questions: free-form, and in the short-answer template.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch

from .bundle import load
from .common import setup
from .data import scenes as S
from .language import packed_accuracy
from .model.projectors import visual_embeds
from .tune import features_of

VARIANTS = {
    "base": [],
    "mixture balanced": ["--mixture", "balanced"],
    "mixture unbalanced": ["--mixture", "unbalanced"],
    "single turn": ["--multi-turn", "off"],
    "four wordings": ["--diversity", "4"],
    "templates only, per task": ["--templated-share", "1"],
    "templates only, one for all": ["--templated-share", "1", "--granularity", "coarse"],
}


def main() -> None:
    p = argparse.ArgumentParser(description="Ablations of the data recipe at small scale.")
    p.add_argument("--run", type=Path, required=True)
    p.add_argument("--minutes", type=float, default=1.0, help="of tuning per variant")
    p.add_argument("--projector", default="c-abs")
    p.add_argument("--tokens", type=int, default=36)
    p.add_argument("--scenes", type=int, default=500, help="held-out scenes")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--out", type=Path, required=True)
    args = p.parse_args()
    device = setup(args.threads)
    scenes = [S.generate_scene(i, "test") for i in range(args.scenes)]
    index = {s.seed: i for i, s in enumerate(scenes)}
    result = {"projector": args.projector, "tokens": args.tokens, "minutes": args.minutes, "scenes": args.scenes, "seed": 1,
              "from": "the aligned checkpoint", "variants": {}}
    feats = None
    for name, switches in VARIANTS.items():
        label = "ablation-" + name.replace(",", "").replace(" ", "-")
        (args.run / f"{label}.pt").unlink(missing_ok=True)
        subprocess.run([sys.executable, "-W", "ignore", "-m", "training.train", "--stage", "tune", "--run", str(args.run), "--start", "align.pt",
                        "--save-as", f"{label}.pt", "--label", label, "--minutes", str(args.minutes), "--projectors",
                        args.projector, "--tokens", str(args.tokens), "--threads", str(args.threads), "--packed-share", "0",
                        "--lr", "1e-3", "--lm-lr", "3e-4", "--check-scenes", "20", *switches], check=True)
        b = load(args.run, device, label)
        if feats is None:
            feats = features_of(b.vision, scenes, device)
        row = {"switches": " ".join(switches), "steps": b.progress["step"], "scenes_seen": b.progress["seen"]}
        for form in ("free", "short"):
            row[form] = {t: round(v, 4) for t, v in packed_accuracy(
                b.lm, b.tokenizer, scenes, args.tokens, lambda part: visual_embeds(
                    b.projectors[args.projector], feats[[index[s.seed] for s in part]], args.tokens), form).items()
                if t != "referring"}
        result["variants"][name] = row
        print(name, row, flush=True)
        args.out.write_text(json.dumps(result, indent=1) + "\n")
        (args.run / f"{label}.pt").unlink()


if __name__ == "__main__":
    with torch.no_grad():
        main()
