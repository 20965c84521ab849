"""Every stage after vision runs for some steps on a tiny, untrained tower, and goes on from its own checkpoint."""
import sys

import pytest
import torch

from training.data.text import Tokenizer, train_tokenizer
from training.model.config import PRESETS, PROJECTORS
from training.model.vision import CLIPVisionModel
from training.train import main

SECONDS = ["--minutes", "0.02", "--threads", "1", "--check-scenes", "2", "--batch", "2"]
POOL = ["--pool", "8", "--projectors", "c-abs,d-abs-m16"]


def call(monkeypatch, run, *args):
    monkeypatch.setattr(sys, "argv", ["train", "--run", str(run), *SECONDS, *args])
    main()


@pytest.fixture(params=["base", "larger"])
def run(request, tmp_path):
    torch.manual_seed(0)
    folder = tmp_path / "run"
    train_tokenizer(folder / "tokenizer")
    config = PRESETS[request.param][0]
    torch.save({"model": CLIPVisionModel(config).state_dict(), "config": config}, folder / "vision.pt")
    return folder, request.param


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
    call(monkeypatch, folder, "--stage", "tune", *POOL, "--minutes", "0.06")
    again = torch.load(folder / "tune.pt", weights_only=False)
    assert again["step"] > tuned["step"] > 0 and again["spent"] > tuned["spent"]
    assert set(again["configs"]) == {"c-abs", "d-abs-m16"} <= set(PROJECTORS)
    assert Tokenizer(folder / "tokenizer").size == again["language_config"]["vocab_size"]


def test_a_projector_refuses_an_m_it_is_not_trained_at(run, monkeypatch):
    folder, _ = run
    call(monkeypatch, folder, "--stage", "language")
    with pytest.raises(ValueError, match="d-abs-m16 is not trained at M = 36"):
        call(monkeypatch, folder, "--stage", "align", *POOL, "--tokens", "36")
