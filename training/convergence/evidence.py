"""python -m training.convergence.evidence --out FILE: what the finished runs say, in the form that the workbench reads
(`src/lib/study/comparison-file.ts`); static/models/honeybee-mini/comparison.json is made by it.

Intervals are hierarchical: seeds are drawn with replacement, then scenes, the same scenes for every projector and seed, so that
differences are paired. With two or three seeds such an interval is still optimistic about other seeds; it says how many there were.
"""
from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from .__main__ import RESULTS
from .plan import CRITERION, VERSION

FORMAT = "honeybee-training-comparison"
DRAWS = 4000
SPATIAL = ("localisation", "position", "identity")
# The parts that compare projectors at the length that all of these have.
STANDARD = ("projectors", "tokens")


def read(folder: Path) -> list[dict]:
    return [json.loads(f.read_text()) for f in sorted(folder.glob("*.json"))]


def matrix(record: dict, task: str) -> np.ndarray:
    """[scenes]: 1, 0, or nan where the scene has no such question."""
    return np.array([np.nan if c == "-" else float(c) for c in record["right"][task]])


def table(records: list[dict], tasks: list[str]) -> np.ndarray:
    """[seeds, tasks, scenes]"""
    return np.stack([[matrix(r, t) for t in tasks] for r in records])


def accuracy(values: np.ndarray, scenes: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Mean over seeds and asked scenes for each task, then their mean as the last entry: [tasks + 1]."""
    per = np.nanmean(values[:, :, scenes], axis=(0, 2))
    return np.append(per, per.mean())


def draws(groups: dict[str, np.ndarray], seed: int = 0, count: int = DRAWS) -> dict[str, np.ndarray]:
    """group -> [count, tasks + 1]; one draw of seeds (by place) and scenes for all groups."""
    rng = np.random.default_rng(seed)
    seeds = min(len(v) for v in groups.values())
    scenes = next(iter(groups.values())).shape[2]
    out = {k: [] for k in groups}
    for _ in range(count):
        s, c = rng.integers(0, seeds, seeds), rng.integers(0, scenes, scenes)
        for k, v in groups.items():
            out[k].append(accuracy(v[s], c))
    return {k: np.stack(v) for k, v in out.items()}


def interval(values: np.ndarray) -> list[float]:
    return [round(float(x), 4) for x in np.quantile(values, [0.025, 0.975])]


def compared(records: dict[str, list[dict]]) -> dict:
    """name -> records over the same seeds  ->  accuracies, paired differences, every seed's own."""
    tasks = sorted(next(iter(records.values()))[0]["right"])
    columns = [*tasks, "mean"]
    groups = {k: table(v, tasks) for k, v in records.items()}
    drawn = draws(groups)
    point = {k: accuracy(v) for k, v in groups.items()}
    return {
        "seeds": [r["run"]["seed"] for r in next(iter(records.values()))],
        "accuracy": {k: {t: {"mean": round(float(point[k][i]), 4), "interval": interval(drawn[k][:, i]),
                             "seeds": [round(float(accuracy(v[j:j + 1])[i]), 4) for j in range(len(v))],
                             "answers": int(np.isfinite(v[:, i] if i < len(tasks) else v).sum())}
                         for i, t in enumerate(columns)} for k, v in groups.items()},
        "difference": {f"{a} - {b}": {t: {"mean": round(float(point[a][i] - point[b][i]), 4),
                                          "interval": interval(drawn[a][:, i] - drawn[b][:, i])}
                                      for i, t in enumerate(columns)}
                       for a, b in itertools.combinations(groups, 2)},
    }


def complete_seeds(records: list[dict], key) -> dict[str, list[dict]]:
    """Grouped by `key`, cut to the seeds that every group has."""
    groups: dict[str, dict[int, dict]] = {}
    for r in records:
        groups.setdefault(key(r), {})[r["run"]["seed"]] = r
    shared = sorted(set.intersection(*(set(g) for g in groups.values()))) if groups else []
    return {k: [g[s] for s in shared] for k, g in groups.items()} if shared else {}


def correlated(rows: list[dict]) -> dict:
    """Does a run's locality go with its accuracy where places are asked for? Rank correlation over runs, and within each M."""
    out: dict = {"rank_correlation": {}}
    numbers = sorted({r["tokens"] for r in rows})
    sets = {"all": rows, **{f"M = {m}": [r for r in rows if r["tokens"] == m] for m in numbers if len(numbers) > 1}}
    for name, part in sets.items():
        if len(part) < 6:
            continue
        out["rank_correlation"][name] = {
            f"{measure} and {task}": {"rho": round(float(found.statistic), 3), "p": round(float(found.pvalue), 4), "runs": len(part)}
            for measure in ("inside", "spread", "drift") for task in SPATIAL
            for found in [spearmanr([r["locality"][measure] for r in part], [r["accuracy"][task] for r in part])]
            if np.isfinite(found.statistic)}
    out["cannot_say"] = ("Runs of one projector are not independent of each other in kind: with few projectors a rank correlation "
                         "mostly compares projectors, and another difference between them may be the cause. Nothing here was made "
                         "more or less local with all else kept. The language model that all runs begin with had learned from "
                         "visual tokens that stand for one place each, so that it expects tokens which keep places.")
    return out


def row(r: dict) -> dict:
    """A run without its single answers."""
    tasks = {t: round(float(np.nanmean(matrix(r, t))), 4) for t in sorted(r["right"])}
    return {
        "id": r["id"], **{k: r["run"][k] for k in ("part", "variant", "projector", "tokens", "seed")},
        "criterion": r["criterion"], "answers_trained_on": r["answers_trained_on"], "seconds": r["seconds"],
        "accuracy": {**tasks, "mean": round(float(np.mean(list(tasks.values()))), 4)},
        "written": {t: round(float(np.mean(found)), 4) for t, values in r["written"].items()
                    if (found := [v for v in values if v is not None])},
        "locality": {k: round(float(np.mean(v)), 4) for k, v in r["locality"].items()},
        "curve": r["curve"],
    }


def evidence(records: list[dict]) -> dict:
    rows = [row(r) for r in records]
    plain = [r for r in records if r["run"]["part"] in STANDARD]
    recipe = [r for r in records if r["run"]["part"] == "recipe"]
    longer = [r for r in records if r["run"]["part"] == "longer"]
    by_m = {}
    for m in sorted({r["run"]["tokens"] for r in plain}):
        groups = complete_seeds([r for r in plain if r["run"]["tokens"] == m], lambda r: r["run"]["projector"])
        if groups:
            by_m[str(m)] = compared(groups)
    variants = complete_seeds(recipe, lambda r: r["run"]["variant"])
    lengthened = complete_seeds(longer, lambda r: r["run"]["projector"])
    first = (plain or recipe or longer)[0]
    return {
        "format": FORMAT, "version": 1, "plan": VERSION,
        "trained_on": "captions and answers alone, no grid",
        "what": "the paper's recipe for the projectors, one projector and one copy of the language model a run: alignment by captions and "
                "questions through the frozen language model, then instruction tuning; no regression to a grid; equal steps and scenes",
        "length": first["length"], "scenes": first["scenes"], "draws": DRAWS, "criterion": CRITERION,
        "intervals": "95 %, hierarchical bootstrap: seeds, then scenes; scenes the same for all, so differences are paired",
        "runs": rows, "tokens": by_m, **({"recipe": compared(variants)} if variants else {}),
        **({"longer": {"length": longer[0]["length"], **compared(lengthened)}} if lengthened else {}),
        "locality": correlated([r for r in rows if r["part"] in STANDARD]),
    }


def main() -> None:
    p = argparse.ArgumentParser(description="Statistics over the finished runs.")
    p.add_argument("--results", type=Path, default=RESULTS)
    p.add_argument("--out", type=Path, required=True)
    args = p.parse_args()
    records = read(args.results)
    if not records:
        p.error(f"{args.results} holds no records; python -m training.convergence makes them")
    args.out.write_text(json.dumps(evidence(records), indent=1) + "\n")
    print(f"{len(records)} runs -> {args.out}")


if __name__ == "__main__":
    main()
