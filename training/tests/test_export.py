"""A tiny, untrained run goes through export; the written folders give the same answers as the run itself."""
import json

import numpy as np
import torch

from training.bundle import load
from training.checkpoint import load_upstream
from training.data import scenes as S
from training.data.text import IMAGE_TOKEN, Tokenizer, train_tokenizer
from training.export import main as export_main
from training.model.config import LANGUAGE, PROJECTORS, VISION
from training.model.honeybee import build_projectors, greedy
from training.model.language import LlamaForCausalLM
from training.model.vision import CLIPVisionModel
from training.vision import normalise


def test_round_trip(tmp_path, monkeypatch):
    torch.manual_seed(0)
    run, out = tmp_path / "run", tmp_path / "out"
    train_tokenizer(run / "tokenizer")
    config = dict(LANGUAGE, vocab_size=Tokenizer(run / "tokenizer").size, num_hidden_layers=2)
    vision, lm = CLIPVisionModel(VISION), LlamaForCausalLM(config)
    torch.save({"model": vision.state_dict(), "config": VISION}, run / "vision.pt")
    torch.save({"projectors": build_projectors(PROJECTORS, VISION, config).state_dict(), "lm": lm.state_dict(),
                "configs": PROJECTORS, "language_config": config, "spent": 0, "seen": 0, "step": 0}, run / "tune.pt")
    monkeypatch.setattr("sys.argv", ["export", "--run", str(run), "--out", str(out), "--reference", "2"])
    export_main()
    assert set(load(run, "cpu").projectors) == set(PROJECTORS)
    reference = json.loads((out / "reference.json").read_text())
    assert len(reference["items"]) == 2 and len(reference["ids"]) == 2 * len(PROJECTORS)
    for case in reference["ids"]:
        model = load_upstream(out / case["projector"] / "last")
        ids = torch.tensor([case["prompt_ids"]])
        pixels = normalise(np.stack([S.render_scene(S.generate_scene(case["seed"], "test"))]), "cpu")
        with torch.no_grad():
            embeds = model.lm.model.embed_tokens(ids.clamp(min=0))
            embeds[ids == IMAGE_TOKEN] = model.visual_embeds(pixels).flatten(0, 1)
            assert greedy(model.lm, embeds, 64) == case["generated_ids"]
