"""Every stage after vision runs for some steps on a tiny, untrained tower, and goes on from its own checkpoint."""
import json
import sys

import pytest
import torch

from training.bundle import load
from training.compare import main as run_compare
from training.data.batches import MIXTURES
from training.data.text import Tokenizer, train_tokenizer
from training.model.config import PRESETS, PROJECTORS
from training.model.vision import CLIPVisionModel
from training.train import main

TINY = ["--threads", "1", "--check-scenes", "2", "--batch", "2"]
POOL = ["--pool", "8", "--projectors", "c-abs,d-abs-m16"]


def call(monkeypatch, run, *args, steps=2):
    monkeypatch.setattr(sys, "argv", ["train", "--run", str(run), *TINY, "--steps", str(steps), *args])
    main()


def untrained(folder, preset):
    torch.manual_seed(0)
    train_tokenizer(folder / "tokenizer")
    config = PRESETS[preset][0]
    torch.save({"model": CLIPVisionModel(config).state_dict(), "config": config}, folder / "vision.pt")
    return folder


@pytest.fixture(params=["base", "larger"])
def run(request, tmp_path):
    return untrained(tmp_path / "run", request.param), request.param


def test_language_align_tune(run, monkeypatch):
    folder, preset = run
    call(monkeypatch, folder, "--stage", "language", "--preset", preset)
    call(monkeypatch, folder, "--stage", "align", "--target", "tokens", "--save-as", "tokens.pt", *POOL)
    call(monkeypatch, folder, "--stage", "align", *POOL)
    first = torch.load(folder / "align.pt", weights_only=False)
    before = torch.load(folder / "language.pt", weights_only=False)["lm"]
    assert all(torch.equal(before[k], v) for k, v in first["lm"].items())  # the LM is frozen
    call(monkeypatch, folder, "--stage", "tune", "--multi-turn", "off", "--mixture", "balanced", "--granularity", "coarse",
         "--diversity", "2", *POOL)
    tuned = torch.load(folder / "tune.pt", weights_only=False)
    assert any(not torch.equal(before[k], v) for k, v in tuned["lm"].items())
    call(monkeypatch, folder, "--stage", "tune", "--mixture", "counting", *POOL, steps=5)
    again = torch.load(folder / "tune.pt", weights_only=False)
    assert (tuned["step"], again["step"]) == (2, 5) and again["spent"] > tuned["spent"]
    assert [(s["from_step"], s["mixture"]) for s in load(folder, "cpu").progress["sessions"]] == [(0, "balanced"), (2, "counting")]
    assert set(again["configs"]) == {"c-abs", "d-abs-m16"} <= set(PROJECTORS)
    assert Tokenizer(folder / "tokenizer").size == again["language_config"]["vocab_size"]


@pytest.mark.parametrize("mixture", list(MIXTURES))
@pytest.mark.parametrize("packed", ["0", "1"])
def test_every_mixture_trains(tmp_path, monkeypatch, mixture, packed):
    folder = untrained(tmp_path / "run", "base")
    call(monkeypatch, folder, "--stage", "language", steps=1)
    call(monkeypatch, folder, "--stage", "tune", "--start", "language.pt", "--mixture", mixture, "--packed-share", packed,
         "--caption-share", "0", "--pool", "8", "--projectors", "pool", "--tokens", "16")
    assert torch.load(folder / "tune.pt", weights_only=False)["step"] == 2


def test_steps_make_runs_equal(tmp_path, monkeypatch):
    folder = untrained(tmp_path / "run", "base")
    call(monkeypatch, folder, "--stage", "language", steps=1)
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        call(monkeypatch, folder, "--stage", "tune", "--start", "language.pt", "--save-as", f"{name}.pt", "--seed", seed,
             "--pool", "8", "--projectors", "c-abs", "--tokens", "16")
    a, b, c = (torch.load(folder / f"{n}.pt", weights_only=False)["projectors"] for n in "abc")
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert any(not torch.equal(a[k], c[k]) for k in a)


def test_the_comparison_gives_every_seed_and_goes_on(tmp_path, monkeypatch):
    folder = untrained(tmp_path / "run", "base")
    call(monkeypatch, folder, "--stage", "language", steps=1)
    out = tmp_path / "compare.json"

    def compare(seeds, *more):
        monkeypatch.setattr(sys, "argv", [
            "compare", "--run", str(folder), "--seeds", seeds, "--projectors", "pool,d-abs-m16", "--tokens", "16",
            "--align-steps", "2", "--tune-steps", "2", "--scenes", "4", "--written", "0", "--pool", "8", "--out", str(out), *more])
        run_compare()
        return json.loads(out.read_text())

    first = compare("1")
    both = compare("1,2")
    assert both["seeds"][0] == first["seeds"][0] and [r["seed"] for r in both["seeds"]] == [1, 2]
    assert both["steps_per_projector"] == {"align": 1, "tune": 1}
    for name in ("pool", "d-abs-m16"):
        values = [r["splits"]["test"][name]["16"]["existence"]["accuracy"] for r in both["seeds"]]
        assert both["over_seeds"][name]["existence"]["values"] == values
    with pytest.raises(SystemExit):
        compare("1", "--tune-steps", "3")


def test_a_projector_refuses_an_m_it_is_not_trained_at(run, monkeypatch):
    folder, _ = run
    call(monkeypatch, folder, "--stage", "language")
    with pytest.raises(ValueError, match="d-abs-m16 is not trained at M = 36"):
        call(monkeypatch, folder, "--stage", "align", *POOL, "--tokens", "36")
