"""Parts measured apart become one record, and records of different runs do not."""
import json
import sys

import pytest

from training.record import main

RECORD = {"model": "m", "prompt": "p", "projectors": {"c-abs": {}}, "training": {"tune": {"step": 3}}, "seconds": 2,
          "seeds": {"training": 1, "scenes": {"test": "0..9"}}, "splits": {"test": {"c-abs": {}}}}


def call(monkeypatch, tmp_path, *args):
    file = tmp_path / "evaluation.json"
    if not file.exists():
        file.write_text(json.dumps(RECORD))
    monkeypatch.setattr(sys, "argv", ["record", str(file), *args])
    main()
    return json.loads(file.read_text())


def test_splits_parts_and_notes_are_put_in(monkeypatch, tmp_path):
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**RECORD, "splits": {"size": {}}, "seeds": {"scenes": {"size": "0..4"}}}))
    part = tmp_path / "ablations.json"
    part.write_text('{"variants": {}}')
    found = call(monkeypatch, tmp_path, "--splits", str(other), "--part", f"ablations={part}", "--note", "ablations=a=b")
    assert list(found["splits"]) == ["test", "size"] and found["seeds"]["scenes"] == {"test": "0..9", "size": "0..4"}
    assert found["ablations"] == {"variants": {}, "note": "a=b"} and found["seconds"] == 4


def test_other_runs_and_unknown_parts_are_refused(monkeypatch, tmp_path):
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**RECORD, "training": {"tune": {"step": 4}}}))
    with pytest.raises(ValueError, match='differ in "training"'):
        call(monkeypatch, tmp_path, "--splits", str(other))
    with pytest.raises(ValueError, match='no "ablations"'):
        call(monkeypatch, tmp_path, "--note", "ablations=x")
    with pytest.raises(SystemExit):
        call(monkeypatch, tmp_path, "--part", "splits=x.json")
