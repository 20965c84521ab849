"""python -m training.convergence.export --folder FOLDER --only c-abs-m36-s1 --out DIR: finished runs in upstream's layout.

One folder `<id>/last` for each run, as `training.export` writes them: the frozen tower, the run's projector and its own copy of the
LM. `honeybee convert` makes model folders of them.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import torch

from ..bundle import Bundle
from ..export import write_checkpoint
from ..model.honeybee import build_projectors
from ..model.language import LlamaForCausalLM
from .base import read_language, read_vision


def bundle_of(state: dict) -> Bundle:
    """What `run.train` keeps of a run, for use."""
    run = state["run"]
    name = f"{run['projector']}-m{run['tokens']}-s{run['seed']}" if run["part"] != "recipe" else f"recipe-{run['variant']}-s{run['seed']}"
    vision, (_, config, tokenizer) = read_vision(), read_language()
    lm = LlamaForCausalLM(config)
    lm.load_state_dict(state["lm"])
    projector = build_projectors({name: state["sizes"]}, vision.config, config)
    projector[name].load_state_dict(state["projector"])
    return Bundle(vision, projector.eval(), {name: state["sizes"]}, lm.eval(), config, tokenizer, state["done"])


def write(state: dict, out: Path) -> Path:
    """-> the folder of the run's checkpoint. Raises ValueError for a run that has not ended."""
    length, done = state["length"], state["done"]
    if (done["stage"], done["step"]) != ("tune", length["tune"]):
        raise ValueError(f"the run stands at step {done['step']} of {done['stage']}; go on with it first")
    b = bundle_of(state)
    (name,) = b.configs
    write_checkpoint(b, name, out)
    return out / name


def main() -> None:
    p = argparse.ArgumentParser(description="Write checkpoints in upstream's layout of finished runs.")
    p.add_argument("--folder", type=Path, default=Path("runs/convergence"), help="where the runs keep their state")
    p.add_argument("--only", required=True, help="comma-separated names of runs")
    p.add_argument("--out", type=Path, required=True)
    args = p.parse_args()
    for name in args.only.split(","):
        path = args.folder / f"{name}.pt"
        if not path.exists():
            p.error(f"{path} does not exist; python -m training.convergence --only {name} makes it")
        print(write(torch.load(path, map_location="cpu", weights_only=False), args.out))


if __name__ == "__main__":
    main()
