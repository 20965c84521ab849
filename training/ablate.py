"""python -m training.ablate --run DIR --start align.pt --steps 200 --out ablations.json

Tuning runs of equal steps from one checkpoint, one projector at one M, that differ in one switch of the data recipe. All are
asked the same held-out questions: free-form, in the short-answer template, and in a wording that no recipe trains on; and for
a box and a caption in the template the run was trained with. Goes on where it ended when started again.
"""
from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from .bundle import Bundle, load
from .common import setup
from .data import scenes as S
from .data.batches import templated
from .data.questions import Question, questions
from .evaluate import SHORT_TASKS, caption_f1, exact, generate, iou, prefix_cache
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
UNSEEN = "Tell me about this picture: {}"  # none of data/batches.py WORDINGS
FORMS = ("free", "short", "reworded")
DRAWS = 2000


def reworded(q: Question) -> Question:
    return dataclasses.replace(q, question=UNSEEN.format(q.question))


@torch.no_grad()
def answers_right(b: Bundle, visual: torch.Tensor, asked: list[dict[str, Question]], form: str) -> np.ndarray:
    """[scenes, tasks]: 1 right, 0 wrong, nan where the scene has no such question."""
    out = np.full((len(asked), len(SHORT_TASKS)), np.nan)
    short = [[q for t, q in qs.items() if t in SHORT_TASKS] for qs in asked]
    if form == "reworded":
        short = [[reworded(q) for q in qs] for qs in short]
    for (i, task), ok in exact(b, visual, short, "short" if form == "short" else "free").items():
        out[i, SHORT_TASKS.index(task)] = ok
    return out


@torch.no_grad()
def written(b: Bundle, visual: torch.Tensor, asked: list[dict[str, Question]], switches: list[str]) -> dict[str, list[float]]:
    """IoU of boxes and F1 of captions, asked as the run was trained."""
    share = float(switches[switches.index("--templated-share") + 1]) if "--templated-share" in switches else 0.0
    granularity = switches[switches.index("--granularity") + 1] if "--granularity" in switches else "fine"
    detail = share < 1
    past, _ = prefix_cache(b, visual, detail)
    found: dict[str, list[float]] = {"box_iou": [], "caption_f1": []}
    for task, limit in (("referring", 24), ("caption", 64)):
        rows = [(i, qs[task]) for i, qs in enumerate(asked) if task in qs]
        texts = [(i, q.question if detail else templated(q, granularity)) for i, q in rows]
        by_length: dict[int, list[int]] = {}  # `generate` takes questions of one length
        for k, (_, text) in enumerate(texts):
            by_length.setdefault(len(b.prompt_ids(text, 1)), []).append(k)
        for group in by_length.values():
            said = generate(b, past, [texts[k] for k in group], limit)
            for k, a in zip(group, said):
                truth = rows[k][1].answer
                found["box_iou" if task == "referring" else "caption_f1"].append(
                    iou(a, truth) if task == "referring" else caption_f1(a, truth))
    return found


def measure(b: Bundle, scenes: list[S.Scene], feats: torch.Tensor, projector: str, tokens: int, boxes: int,
            switches: list[str], batch: int = 40) -> dict[str, np.ndarray]:
    right: dict[str, list[np.ndarray]] = {f: [] for f in FORMS}
    texts: dict[str, list[float]] = {"box_iou": [], "caption_f1": []}
    for start in range(0, len(scenes), batch):
        asked = [{q.task: q for q in questions(s)} for s in scenes[start:start + batch]]
        visual = visual_embeds(b.projectors[projector], feats[start:start + batch], tokens)
        for form in FORMS:
            right[form].append(answers_right(b, visual, asked, form))
        left = boxes - start
        if left > 0:
            for k, values in written(b, visual[:left], asked[:left], switches).items():
                texts[k] += values
    return {**{f: np.concatenate(v) for f, v in right.items()}, **{k: np.array(v) for k, v in texts.items()}}


def task_means(right: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """right [scenes, tasks], draws [D, scenes] how often each scene is drawn -> [D, tasks]"""
    return draws @ np.nan_to_num(right) / (draws @ ~np.isnan(right)).clip(1)


def interval(values: np.ndarray) -> list[float]:
    return [round(float(v), 4) for v in np.quantile(values, [0.025, 0.975])]


def row_of(scores: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> dict:
    """Accuracies; 95 % intervals over scenes; change of the mean over tasks against `base`, with the same scenes drawn for both."""
    n = len(scores["free"])
    draws = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), DRAWS).astype(float)
    out: dict = {"intervals": {}, "change": {}}
    for form in FORMS:
        drawn, drawn_base = task_means(scores[form], draws), task_means(base[form], draws)
        mean, mean_base = np.nanmean(scores[form], 0), np.nanmean(base[form], 0)
        out[form] = {t: round(float(v), 4) for t, v in zip(SHORT_TASKS, mean)}
        out["intervals"][form] = {**{t: interval(v) for t, v in zip(SHORT_TASKS, drawn.T)}, "mean": interval(drawn.mean(1))}
        difference = drawn - drawn_base
        out["change"][form] = {
            "mean": round(float((mean - mean_base).mean()), 4), "interval": interval(difference.mean(1)),
            "tasks": {t: interval(v) for t, v in zip(SHORT_TASKS, difference.T)}}
    out["written"] = {}
    for k in ("box_iou", "caption_f1"):
        v = scores[k]
        if len(v):
            sample = np.random.default_rng(0).integers(0, len(v), (DRAWS, len(v)))
            low, high = interval(v[sample].mean(1))
            out["written"][k] = {"mean": round(float(v.mean()), 4), "low": low, "high": high, "n": len(v)}
    return out


def main() -> None:
    p = argparse.ArgumentParser(description="Ablations of the data recipe at small scale.")
    p.add_argument("--run", type=Path, required=True)
    p.add_argument("--start", default="align.pt", help="checkpoint in the run folder that all start from")
    p.add_argument("--from", dest="origin", default="the aligned checkpoint", help="what the start is, in words")
    p.add_argument("--steps", type=int, default=200, help="of tuning per variant")
    p.add_argument("--projector", default="c-abs")
    p.add_argument("--tokens", type=int, default=36)
    p.add_argument("--scenes", type=int, default=500, help="held-out scenes")
    p.add_argument("--boxes", type=int, default=200, help="scenes also asked for a box and a caption")
    p.add_argument("--base-seeds", default="2", help="the base recipe again with these seeds: what chance alone changes")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--out", type=Path, required=True)
    args = p.parse_args()
    device = setup(args.threads)
    scenes = [S.generate_scene(i, "test") for i in range(args.scenes)]
    plan = {name: (switches, 1) for name, switches in VARIANTS.items()}
    plan |= {f"base, seed {s}": ([], int(s)) for s in args.base_seeds.split(",") if s}
    result = {"projector": args.projector, "tokens": args.tokens, "steps": args.steps, "scenes": args.scenes, "seed": 1,
              "from": args.origin, "intervals": f"95 %, bootstrap over scenes, {DRAWS} draws; change: paired with base",
              "reworded": UNSEEN, "batch": 16,
              "command": f"python -m training.ablate --run RUN --start {args.start} --steps {args.steps} "
                         f"--scenes {args.scenes} --boxes {args.boxes} --base-seeds {args.base_seeds} --out ablations.json",
              "variants": {}}
    feats, base = None, None
    for name, (switches, seed) in plan.items():
        label = f"ablation-{args.steps}-" + name.replace(",", "").replace(" ", "-")
        kept = args.run / f"{label}.npz"
        if not kept.exists():
            subprocess.run([
                sys.executable, "-W", "ignore", "-m", "training.train", "--stage", "tune", "--run", str(args.run),
                "--start", args.start, "--save-as", f"{label}.pt", "--label", label, "--steps", str(args.steps),
                "--seed", str(seed), "--projectors", args.projector, "--tokens", str(args.tokens),
                "--threads", str(args.threads), "--packed-share", "0", "--lr", "1e-3", "--lm-lr", "3e-4",
                "--check-scenes", "20", "--check-every", "600", *switches], check=True)
            b = load(args.run, device, label)
            if feats is None:
                feats = features_of(b.vision, scenes, device)
            scores = measure(b, scenes, feats, args.projector, args.tokens, args.boxes, switches)
            np.savez(kept, steps=b.progress["step"], seen=b.progress["seen"], spent=b.progress["spent"], **scores)
            (args.run / f"{label}.pt").unlink()
        scores = dict(np.load(kept))
        if len(scores["free"]) != args.scenes:
            raise ValueError(f"{kept} holds {len(scores['free'])} scenes, not {args.scenes}: remove it to measure again")
        base = base or scores
        row = {"switches": " ".join(switches), "steps": int(scores["steps"]), "scenes_seen": int(scores["seen"]),
               "seconds": round(float(scores["spent"])), **({"seed": seed} if seed != 1 else {}), **row_of(scores, base)}
        result["variants"][name] = row
        print(name, json.dumps({k: row[k] for k in ("steps", "free", "change", "written")}), flush=True)
        args.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
