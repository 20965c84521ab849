"""python -m training.evaluate --run DIR --scenes 2000 --out evaluation.json

Single-turn questions in upstream's free-form prompt on held-out scenes. Short answers count only when the whole greedy
answer equals the truth; boxes count at IoU >= 0.5; captions are scored by F1 of (class, cell) pairs.
"""
from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path

import numpy as np
import torch

from .bundle import Bundle, load
from .common import setup
from .data import scenes as S
from .data.packed import pack
from .data.questions import CELL_NAMES, TASKS, Question, questions
from .data.text import EOS, IMAGE_TOKEN
from .language import packed_forward
from .model.projectors import visual_embeds
from .tune import features_of

SHORT_TASKS = [t for t in TASKS if t not in ("referring", "caption")]
GOAL = {"existence": 0.95, "identity": 0.90, "localisation": 0.90, "relation": 0.85, "counting": 0.80}


def prefix_cache(b: Bundle, visual: torch.Tensor, detail: bool = True):
    """Keys and values of everything before the question, and the number of prefix ids."""
    ids = b.prompt_ids("x", visual.shape[1], detail)
    last = max(i for i, v in enumerate(ids) if v == IMAGE_TOKEN) + 1
    at = ids.index(IMAGE_TOKEN)
    table = b.lm.model.embed_tokens
    text = torch.tensor(ids[:at], device=visual.device)
    embeds = torch.cat([table(text).expand(visual.shape[0], -1, -1), visual], 1)
    _, past = b.lm.model(embeds)
    return past, last


def suffix(b: Bundle, question: str) -> list[int]:
    return b.prompt_ids(question, 1)[b.prompt_ids(question, 1).index(IMAGE_TOKEN) + 1:]


@torch.no_grad()
def exact(b: Bundle, visual: torch.Tensor, asked: list[list[Question]], form: str = "free") -> dict[tuple[int, str], bool]:
    """(row, task) -> is the greedy answer exactly the truth? All questions of a scene in one pass, each blind to the others."""
    p = pack(asked, visual.shape[1], b.tokenizer, form).to(visual.device)
    _, logits, on = packed_forward(b.lm, p, visual)
    right = {(i, q.task): True for i, qs in enumerate(asked) for q in qs}
    wrong = logits.argmax(-1) != p.labels[:, 1:][on]
    row, column = on.nonzero(as_tuple=True)
    for i, j in zip(row[wrong].tolist(), column[wrong].tolist()):
        right[i, asked[i][int(p.blocks[i, j + 1]) - 1].task] = False
    return right


@torch.no_grad()
def generate(b: Bundle, past, rows: list[tuple[int, str]], limit: int) -> list[str]:
    """Greedy answers; all questions must have the same number of tokens."""
    table = b.lm.model.embed_tokens
    device = table.weight.device
    ids = torch.tensor([suffix(b, q) for _, q in rows], device=device)
    pick = torch.tensor([r[0] for r in rows], device=device)
    past = [(k[pick], v[pick]) for k, v in past]
    answers = [[] for _ in rows]
    done = torch.zeros(len(rows), dtype=torch.bool, device=device)
    x = table(ids)
    for _ in range(limit):
        hidden, past = b.lm.model(x, past)
        token = b.lm.lm_head(hidden[:, -1]).argmax(-1)
        for i, t in enumerate(token.tolist()):
            if not done[i] and t != EOS:
                answers[i].append(t)
        done |= token == EOS
        if bool(done.all()):
            break
        x = table(token)[:, None]
    return [b.tokenizer.decode(a) for a in answers]


def iou(a: str, b: str) -> float:
    values = [re.fullmatch(r"\[(\d\.\d+),(\d\.\d+),(\d\.\d+),(\d\.\d+)\]", t) for t in (a, b)]
    if None in values:
        return 0.0
    (ax, ay, az, aw), (bx, by, bz, bw) = ([float(x) for x in v.groups()] for v in values)
    inter = max(0.0, min(az, bz) - max(ax, bx)) * max(0.0, min(aw, bw) - max(ay, by))
    union = (az - ax) * (aw - ay) + (bz - bx) * (bw - by) - inter
    return inter / union if union > 0 and inter > 0 else 0.0


CAPTION = re.compile(r"an? (?:large|small) (\w+) at the (" + "|".join(CELL_NAMES) + ")")


def caption_f1(a: str, b: str) -> float:
    x, y = CAPTION.findall(a), CAPTION.findall(b)
    left = list(y)
    hit = 0
    for pair in x:
        if pair in left:
            left.remove(pair)
            hit += 1
    return 2 * hit / (len(x) + len(y)) if x or y else 0.0


# tasks that are answered token by token: the longest answer, and what is measured of it
WRITTEN = (("referring", 24, iou), ("caption", 64, caption_f1))


def written_scores(b: Bundle, visual: torch.Tensor, asked: list[dict[str, Question]]):
    """Yields (row, task, IoU of the box or F1 of the caption) for the scenes asked about; visual has a row for each of them or more."""
    past, _ = prefix_cache(b, visual)
    for task, limit, score in WRITTEN:
        rows = [(i, qs[task]) for i, qs in enumerate(asked) if task in qs]
        said = generate(b, past, [(i, q.question) for i, q in rows], limit) if rows else []
        for (i, q), a in zip(rows, said):
            yield i, task, score(a, q.answer)


def summary(values: list[float], rng: np.random.Generator, draws: int = 2000) -> dict:
    """Mean with a 95 % bootstrap interval over scenes (a task asks one question per scene)."""
    v = np.asarray(values, np.float64)
    means = np.array([v[rng.integers(0, len(v), len(v))].mean() for _ in range(draws)])
    low, high = np.quantile(means, [0.025, 0.975])
    return {"accuracy": round(float(v.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4), "n": len(v)}


@torch.no_grad()
def evaluate_split(b: Bundle, split: str, count: int, written: int, names: list[str], device, batch: int = 40) -> dict:
    """-> projector -> M -> task. `written`: how many scenes are also asked for boxes and captions (token by token)."""
    columns = [(n, m) for n in names for m in b.configs[n]["trained_tokens"]]
    scores = {c: {t: [] for t in TASKS} for c in columns}
    mean_iou = {c: [] for c in columns}
    for start in range(0, count, batch):
        scenes = [S.generate_scene(i, split) for i in range(start, min(start + batch, count))]
        feats = features_of(b.vision, scenes, device)
        asked = [{q.task: q for q in questions(s)} for s in scenes]
        short = [[q for t, q in qs.items() if t in SHORT_TASKS] for qs in asked]
        for name, tokens in columns:
            c = name, tokens
            visual = visual_embeds(b.projectors[name], feats, tokens)
            for (_, task), ok in exact(b, visual, short).items():
                scores[c][task].append(float(ok))
            if start >= written:
                continue
            for _, task, value in written_scores(b, visual, asked):
                if task == "referring":
                    mean_iou[c].append(value)
                scores[c][task].append(float(value >= 0.5) if task == "referring" else value)
    rng = np.random.default_rng(0)
    out: dict = {}
    for (name, tokens), tasks in scores.items():
        row = out.setdefault(name, {})[str(tokens)] = {t: summary(v, rng) for t, v in tasks.items() if v}
        if mean_iou[name, tokens]:
            row["referring"]["mean_iou"] = round(float(np.mean(mean_iou[name, tokens])), 4)
    return out


def main() -> None:
    p = argparse.ArgumentParser(description="Accuracy per task and projector on held-out scenes.")
    p.add_argument("--run", type=Path, required=True)
    p.add_argument("--stage", default="tune", help="checkpoint of the run: tune, align, or what --save-as named (without .pt)")
    p.add_argument("--scenes", type=int, default=2000)
    p.add_argument("--other-scenes", type=int, default=500, help="scenes of the held-out style and size sets")
    p.add_argument("--written", type=int, default=400, help="scenes asked for boxes and captions")
    p.add_argument("--splits", default="test,style,size")
    p.add_argument("--projectors", default="")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--out", type=Path, required=True)
    args = p.parse_args()
    device = setup(args.threads)
    b = load(args.run, device, args.stage)
    names = args.projectors.split(",") if args.projectors else list(b.configs)
    began = time.time()
    result = {"splits": {}}
    for split in args.splits.split(","):
        count = args.scenes if split == "test" else args.other_scenes
        result["splits"][split] = evaluate_split(b, split, count, min(args.written, count), names, device)
        for n in names:
            for m, row in result["splits"][split][n].items():
                print(split, n, m, " ".join(f"{t}={v['accuracy']:.3f}" for t, v in row.items()), flush=True)
    state = torch.load(args.run / "vision.pt", map_location="cpu", weights_only=False)
    document = {
        "model": "honeybee-mini",
        "prompt": "free-form, one question",
        "metrics": {"short answers": "whole greedy answer equals the truth", "referring": "IoU >= 0.5",
                    "caption": "F1 of (class, cell) pairs"},
        "intervals": "95 %, bootstrap over scenes, 2000 draws",
        "seeds": {"training": 1, "scenes": {k: f"0..{(args.scenes if k == 'test' else args.other_scenes) - 1}"
                                           for k in result["splits"]}},
        "targets": GOAL,
        "projectors": {n: {k: v for k, v in b.configs[n].items()} for n in names},
        "training": {"vision": {k: state[k] for k in ("spent", "seen", "step")}, args.stage: b.progress,
                     "shared": "one vision tower and one language model for all projectors; one set of weights for all M of "
                               "c-abs and pool, one per M of resampler and d-abs"},
        "command": f"python -m training.evaluate --run RUN --scenes {args.scenes} --other-scenes {args.other_scenes} "
                   f"--written {args.written} --out evaluation.json",
        "seconds": round(time.time() - began),
        **result,
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
