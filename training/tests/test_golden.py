"""Our modules against tensors made by upstream's own code (random weights, see tests/fixtures/golden/README.md)."""
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from training.checkpoint import load_upstream
from training.data.text import Tokenizer
from training.model.honeybee import greedy

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "golden"
NAMES = ["linear", "mlp", "resampler", "c-abs", "d-abs"]


def close(a, b, limit):
    assert a.shape == b.shape
    assert (a - b).abs().max().item() < limit


@pytest.fixture(scope="module", params=NAMES)
def case(request):
    folder = GOLDEN / request.param
    g = {k[5:]: v for k, v in load_file(folder / "golden.safetensors").items() if k.startswith("main.")}
    return load_upstream(folder / "last"), g


@torch.no_grad()
def test_vision(case):
    model, g = case
    states = model.vision(g["pixel_values"].float())
    for i, s in enumerate(states):
        close(s, g[f"vision.hidden_states.{i}"].float(), 1e-4)


@torch.no_grad()
def test_projector(case):
    model, g = case
    close(model.visual_embeds(g["pixel_values"].float()), g["proj.output"].float(), 2e-4)


@torch.no_grad()
def test_logits_and_greedy(case):
    model, g = case
    ids = g["input_ids"]
    embeds = model.lm.model.embed_tokens(ids.clamp(min=0))
    embeds[ids < 0] = model.visual_embeds(g["pixel_values"].float()).flatten(0, 1)
    hidden, _ = model.lm.model(embeds)
    close(model.lm.lm_head(hidden), g["logits"].float(), 5e-4)
    assert greedy(model.lm, embeds, 20, eos=None) == g["generated_ids"][0].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_prompt_ids(name):
    tokenizer = Tokenizer(GOLDEN / name / "last")
    golden = json.loads((GOLDEN / name / "golden.json").read_text())
    for case in golden["cases"].values():
        if isinstance(case.get("prompt"), str):
            ids, _ = tokenizer.encode(case["prompt"], golden["num_visual_tokens"], no_eos=True)
            assert ids == case["input_ids"]
