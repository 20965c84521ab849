"""What every stage needs: device, schedule, log, checkpoints."""
from __future__ import annotations

import ctypes
import json
import math
import os
import time
from pathlib import Path

import torch


def setup(threads: int) -> torch.device:
    if torch.cuda.is_available():
        torch.backends.cuda.matmul.allow_tf32 = True
        return torch.device("cuda")
    torch.set_num_threads(threads)
    try:  # keep large blocks in the heap: page faults cost half of the time otherwise
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-4, 0)  # M_MMAP_MAX
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD
        libc.mallopt(-2, 64 << 20)  # M_TOP_PAD
    except OSError:
        pass
    torch.set_flush_denormal(True)
    return torch.device("cpu")


def fork_workers(count: int, *modules) -> int:
    """Fork count - 1 copies that train the same shared weights without locks (each with its own optimiser); -> rank.

    On few or busy cores this is faster than threads, which wait for each other at every operation.
    """
    if count == 1:
        return 0
    if torch.cuda.is_available():
        raise ValueError("several workers are for the CPU only")
    for m in modules:
        m.share_memory()
    for rank in range(1, count):
        if os.fork() == 0:
            try:
                ctypes.CDLL("libc.so.6").prctl(1, 15)  # end with the parent
            except OSError:
                pass
            return rank
    return 0


def end_worker(rank: int, count: int) -> None:
    """Children end here; the parent waits for them."""
    if rank:
        os._exit(0)
    for _ in range(count - 1):
        os.wait()


class Clock:
    """Progress 0..1 through `minutes` of training, or through `steps` where these are given.

    Time and steps of earlier runs of the same stage count. Steps make runs comparable on a machine that also does other work.
    """

    def __init__(self, minutes: float | None, spent: float = 0.0, steps: int | None = None, done: int = 0):
        if (minutes is None) == (steps is None):
            raise ValueError("either minutes or steps")
        self.total = None if minutes is None else minutes * 60
        self.steps, self.done = steps, done
        self.spent = spent
        self.start = time.time()

    @property
    def elapsed(self) -> float:
        return self.spent + time.time() - self.start

    @property
    def progress(self) -> float:
        return min(1.0, self.done / self.steps if self.steps else self.elapsed / self.total)

    def lr(self, peak: float, final: float = 0.02, warmup: float = 0.02) -> float:
        p = self.progress
        if p < warmup:
            return peak * max(p / warmup, 0.02)
        return peak * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * (p - warmup) / (1 - warmup))))


class Log:
    def __init__(self, path: Path, stage: str):
        self.path, self.stage = path, stage
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, **row) -> None:
        row = {"stage": self.stage, "unix": int(time.time()), **row}
        with self.path.open("a") as f:
            f.write(json.dumps(row) + "\n")
        print(" ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in row.items() if k != "unix"),
              flush=True)


def save(path: Path, **state) -> None:
    tmp = path.with_suffix(f".{os.getpid()}.tmp")  # two processes may save one path
    torch.save(state, tmp)
    os.replace(tmp, path)


def optimizer(parameters, lr: float, weight_decay: float = 0.01, betas=(0.9, 0.98)):
    decay, plain = [], []
    for p in parameters:
        if p.requires_grad:
            (decay if p.ndim >= 2 else plain).append(p)
    return torch.optim.AdamW([{"params": decay, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}],
                             lr=lr, betas=betas, eps=1e-6)
