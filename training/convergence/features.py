"""Features of the frozen tower, computed once: a memory-mapped file of float16 [scenes, patches, width], made in parts that resume."""
from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import torch

from ..data import scenes as S
from ..model.vision import CLIPVisionModel
from ..tune import features_of

PART = 256


def stamp(vision: CLIPVisionModel) -> str:
    """Changes with the tower's weights."""
    digest = hashlib.sha256()
    for key, value in sorted(vision.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.detach().cpu().numpy().tobytes())
    return digest.hexdigest()[:12]


@torch.no_grad()
def feature_pool(vision: CLIPVisionModel, folder: Path, size: int, device, log=print) -> np.ndarray:
    """Row i is scene i of the training split. Only one process may make the file; the others read what is there."""
    c = vision.config
    patches = (c["image_size"] // c["patch_size"]) ** 2
    path = folder / f"features-{stamp(vision)}-{size}.npy"
    if path.exists():
        return np.load(path, mmap_mode="r")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished, done = path.with_suffix(".part"), path.with_suffix(".done")
    mode = "r+" if unfinished.exists() else "w+"
    pool = np.lib.format.open_memmap(unfinished, mode, np.float16, (size, patches, c["hidden_size"]))
    start = int(done.read_text()) if mode == "r+" and done.exists() else 0
    for i in range(start, size, PART):
        scenes = [S.generate_scene(s) for s in range(i, min(size, i + PART))]
        pool[i:i + len(scenes)] = features_of(vision, scenes, device).half().cpu().numpy()
        pool.flush()
        done.write_text(str(i + len(scenes)))
        if (i // PART) % 8 == 0:
            log(f"features: {i + len(scenes)} of {size} scenes")
    del pool
    os.replace(unfinished, path)
    done.unlink()
    return np.load(path, mmap_mode="r")
