"""How local a trained projector's visual tokens are, by the workbench's own definitions (src/lib/analysis/locality.ts).

Energy of the response of token m to patch n: the squared Jacobian of the token by the patch's features, averaged over random
directions of the output (unit vectors). Rows are shared out, then: spread (root-mean-square distance from the centroid), drift
(centroid to the home cell's centre) and inside (share in the home cell), in patches; means over tokens, one number a scene.
"""
from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment


def energies(projector, feats: torch.Tensor, tokens: int, directions: int, seed: int) -> np.ndarray:
    """[M, N] for the features [1, N, E] of one scene."""
    from ..model.projectors import visual_embeds
    x = feats.detach().clone().requires_grad_(True)
    out = visual_embeds(projector, x, tokens)
    generator = torch.Generator().manual_seed(seed)
    total = np.zeros((tokens, feats.shape[1]))
    for _ in range(directions):
        u = torch.randn(out.shape[-1], generator=generator)
        u = (u / u.norm()).to(out)
        for m in range(tokens):
            (g,) = torch.autograd.grad((out[0, m] * u).sum(), x, retain_graph=True)
            total[m] += g[0].square().sum(-1).cpu().numpy()
    return total / directions


def cells(tokens: int, side: int) -> np.ndarray:
    """[M, 4] left, top, right, bottom of the m x m equal cells, row-major, patches."""
    m = int(round(tokens ** 0.5))
    if m * m != tokens:
        raise ValueError(f"{tokens} tokens form no square grid")
    size = side / m
    return np.array([[c * size, r * size, (c + 1) * size, (r + 1) * size] for r in range(m) for c in range(m)])


def measure(energy: np.ndarray, homes: np.ndarray | None = None) -> dict[str, float]:
    """Means over tokens of one map [M, N]; homes [M, 4] or the m x m grid's."""
    side = int(round(energy.shape[1] ** 0.5))
    homes = cells(len(energy), side) if homes is None else homes
    share = energy / energy.sum(1, keepdims=True)
    y, x = (np.indices((side, side)) + 0.5).reshape(2, -1)
    cx, cy = share @ x, share @ y
    spread = np.sqrt((share * ((x - cx[:, None]) ** 2 + (y - cy[:, None]) ** 2)).sum(1))
    hx, hy = (homes[:, 0] + homes[:, 2]) / 2, (homes[:, 1] + homes[:, 3]) / 2
    drift = np.hypot(cx - hx, cy - hy)
    column, row = x - 0.5, y - 0.5
    wide = np.clip(np.minimum(column + 1, homes[:, 2:3]) - np.maximum(column, homes[:, 0:1]), 0, 1)
    high = np.clip(np.minimum(row + 1, homes[:, 3:4]) - np.maximum(row, homes[:, 1:2]), 0, 1)
    inside = (share * wide * high).sum(1)
    return {"inside": float(inside.mean()), "spread": float(spread.mean()), "drift": float(drift.mean())}


def assigned_homes(energy: np.ndarray) -> np.ndarray:
    """The kindest homes of tokens without an order: cells given one to one so that the squared drifts are smallest."""
    side = int(round(energy.shape[1] ** 0.5))
    grid = cells(len(energy), side)
    share = energy / energy.sum(1, keepdims=True)
    y, x = (np.indices((side, side)) + 0.5).reshape(2, -1)
    centre = np.stack([(grid[:, 0] + grid[:, 2]) / 2, (grid[:, 1] + grid[:, 3]) / 2], 1)
    at = np.stack([share @ x, share @ y], 1)
    _, column = linear_sum_assignment(((at[:, None] - centre[None]) ** 2).sum(-1))
    return grid[column]


def localities(projector, features: torch.Tensor, tokens: int, directions: int, assigned: bool) -> dict[str, list[float]]:
    """features [scenes, N, E] -> measure -> one number a scene. `assigned`: homes from the mean map of all scenes."""
    maps = [energies(projector, features[i:i + 1], tokens, directions, i) for i in range(len(features))]
    homes = assigned_homes(np.mean([m / m.sum(1, keepdims=True) for m in maps], 0)) if assigned else None
    rows = [measure(m, homes) for m in maps]
    return {k: [round(r[k], 5) for r in rows] for k in rows[0]}
