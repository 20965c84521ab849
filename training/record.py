"""python -m training.record evaluation.json [--splits other.json …] [--part ablations=ablations.json …] [--note captions_only="…"]

Puts what several runs measured into one evaluation record: splits that were evaluated apart, the ablations, the comparison on
captions only. Nothing is computed here; a part replaces what the record had under its name.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

PARTS = ("ablations", "captions_only", "captions_only_seeds")
NOTED = (*PARTS, "training")


def join_splits(record: dict, other: dict) -> None:
    """Refuses records of different runs: they would be shown side by side as one model's."""
    for key in ("model", "prompt", "projectors", "training"):
        if record[key] != other[key]:
            raise ValueError(f"the records differ in \"{key}\": they are not of one run")
    record["splits"] |= other["splits"]
    record["seeds"]["scenes"] |= other["seeds"]["scenes"]
    record["seconds"] = record.get("seconds", 0) + other.get("seconds", 0)


def named(names: tuple[str, ...]):
    def read(text: str) -> tuple[str, str]:
        name, _, value = text.partition("=")
        if name not in names or not value:
            raise argparse.ArgumentTypeError(f"\"{text}\" is no NAME=VALUE with a name of {', '.join(names)}")
        return name, value

    return read


def main() -> None:
    p = argparse.ArgumentParser(description="Join evaluations, ablations and comparisons in one record.")
    p.add_argument("record", type=Path, help="evaluation.json, changed in place")
    p.add_argument("--splits", type=Path, nargs="*", default=[], help="evaluations of the same run on other splits")
    p.add_argument("--part", type=named(PARTS), action="append", default=[], help=f"NAME=FILE, of {', '.join(PARTS)}")
    p.add_argument("--note", type=named(NOTED), action="append", default=[],
                   help=f"NAME=TEXT, of {', '.join(NOTED)}: what a reader of the part must know")
    args = p.parse_args()
    record = json.loads(args.record.read_text())
    for file in args.splits:
        join_splits(record, json.loads(file.read_text()))
    for name, file in args.part:
        record[name] = json.loads(Path(file).read_text())
    for name, text in args.note:
        if name not in record:
            raise ValueError(f"the record has no \"{name}\" to put a note to")
        record[name]["note"] = text
    args.record.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
