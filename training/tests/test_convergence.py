"""The whole chain of the comparison at a few steps: features, two runs, an interruption, the record, the evidence. About a minute."""
import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from training.convergence import base, evidence, export, features, locality, plan, repeat
from training.convergence import run as one
from training.data.text import train_tokenizer
from training.model.config import PRESETS
from training.model.language import LlamaForCausalLM

SHORT = plan.Length(align=2, tune=4, batch=2, pool=6, check_every=2, check_scenes=2, scenes=6, written=2, locality_scenes=1, directions=1)


@pytest.fixture
def start(tmp_path, monkeypatch):
    """An untrained LM as the start of every run."""
    torch.manual_seed(0)
    train_tokenizer(tmp_path / "tokenizer")
    from training.data.text import Tokenizer
    tokenizer = Tokenizer(tmp_path / "tokenizer")
    config = dict(PRESETS["base"][1], vocab_size=tokenizer.size)
    lm = LlamaForCausalLM(config).state_dict()

    def read():
        model = LlamaForCausalLM(config)
        model.load_state_dict(lm)
        return model, config, tokenizer

    monkeypatch.setattr(one, "read_language", read)
    monkeypatch.setattr(export, "read_language", read)
    return tmp_path


def quiet(_):
    pass


def test_vision_tower_of_the_embedded_model_is_read_whole():
    vision = base.read_vision()
    assert set(vision.state_dict()) and all(torch.isfinite(v).all() for v in vision.state_dict().values())
    assert features.stamp(vision) == features.stamp(base.read_vision())


def test_chain(start, monkeypatch):
    device = torch.device("cpu")
    results = start / "results"
    runs = [plan.Run(p, 36, s) for s in (1, 2) for p in ("c-abs", "resampler")]
    for r in runs:
        one.complete(r, SHORT, start / "state", results, device, quiet)
    records = evidence.read(results)
    assert [r["id"] for r in records] == sorted(r.id for r in runs)
    for r in records:
        assert {len(v) for v in r["right"].values()} == {SHORT.scenes}
        assert [(c["stage"], c["step"]) for c in r["curve"]] == [("align", 2), ("tune", 2), ("tune", 4)]
        assert r["answers_trained_on"] > 0 and 0 < r["locality"]["inside"][0] <= 1
    said = evidence.evidence(records)
    assert said["tokens"]["36"]["seeds"] == [1, 2]
    assert set(said["tokens"]["36"]["difference"]) == {"c-abs - resampler"}
    assert (said["format"], said["version"]) == ("honeybee-training-comparison", 1)  # what the workbench reads
    assert {r["id"] for r in said["runs"]} == {r.id for r in runs}
    for r, record in zip(said["runs"], records):
        right = [c for c in record["right"]["existence"] if c != "-"]
        assert r["accuracy"]["existence"] == pytest.approx(right.count("1") / len(right), abs=1e-4)
        assert r["curve"] == record["curve"]

    # a finished run as a checkpoint of upstream's layout; an unfinished one is none
    state = torch.load(start / "state" / "c-abs-m36-s1.pt", map_location="cpu", weights_only=False)
    folder = export.write(state, start / "checkpoints")
    tensors = load_file(folder / "last" / "model.safetensors")
    for key, value in state["projector"].items():
        assert torch.equal(tensors[f"abstractor.{key}"], value), key
    for key, value in state["lm"].items():
        assert torch.equal(tensors[f"language_model.{key}"], value), key
    state["done"]["step"] = 3
    with pytest.raises(ValueError, match="step 3 of tune"):
        export.write(state, start / "checkpoints")

    # stopped after any kept step and gone on with: the same run, to the digit
    monkeypatch.setattr(one, "KEEP", 1)
    whole = json.loads((results / "c-abs-m36-s1.json").read_text())
    calls = 0
    original = one.loss_of

    def interrupted(*args):
        nonlocal calls
        calls += 1
        if calls in (2, 5):
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(one, "loss_of", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            one.complete(runs[0], SHORT, start / "again", start / "others", device, quiet)
    one.complete(runs[0], SHORT, start / "again", start / "others", device, quiet)
    again = json.loads((start / "others" / "c-abs-m36-s1.json").read_text())
    for key in ("curve", "loss", "right", "written", "locality", "answers_trained_on"):
        assert again[key] == whole[key], key


def test_a_run_with_other_settings_is_not_gone_on_with(start):
    device, run = torch.device("cpu"), plan.Run("pool", 36, 1)
    one.complete(run, SHORT, start / "state", start / "results", device, quiet)
    with pytest.raises(ValueError, match="other settings"):
        one.complete(run, dataclasses.replace(SHORT, lr=1e-4), start / "state", start / "elsewhere", device, quiet)


def test_every_variant_trains_on_the_same_number_of_answers(start):
    device = torch.device("cpu")
    few = {k: dataclasses.replace(v, answers=8, caption_share=0.0) for k, v in plan.VARIANTS.items()}
    for variant, recipe in few.items():
        run = plan.Run("pool", 16, 1, "recipe", variant, recipe)
        done = one.train(run, dataclasses.replace(SHORT, align=0, tune=2), start / "state", device, quiet)["done"]
        assert done["answers"] == 16, variant


def test_recipes_that_differ_in_tuning_only_share_their_alignment(start, monkeypatch):
    device, short = torch.device("cpu"), dataclasses.replace(SHORT, scenes=2)
    few = {v: dataclasses.replace(plan.VARIANTS[v], answers=4) for v in ("base", "mixture balanced", "templates per task")}
    base_, balanced, templates = (plan.Run("pool", 16, 1, "recipe", v, r) for v, r in few.items())
    assert one.alignment(base_, short) == one.alignment(balanced, short)
    for other in (templates, dataclasses.replace(base_, seed=2), dataclasses.replace(base_, tokens=36)):
        assert one.alignment(base_, short) != one.alignment(other, short)
    stages = []
    original = one.loss_of
    monkeypatch.setattr(one, "loss_of", lambda *a: stages.append(a[3]) or original(*a))
    one.train(base_, short, start / "state", device, quiet)
    after = one.train(balanced, short, start / "state", device, quiet)
    assert stages == ["align"] * 2 + ["tune"] * 4 + ["tune"] * 4
    alone = one.train(balanced, short, start / "alone", device, quiet)
    assert after["done"]["losses"] == alone["done"]["losses"] and after["done"]["curve"] == alone["done"]["curve"]
    for key, value in alone["lm"].state_dict().items():
        assert torch.equal(after["lm"].state_dict()[key], value), key


def test_criterion():
    length = plan.Length(tune=1000, check_every=50)

    def curve(accuracy):
        return [{"stage": "tune", "step": s, "tasks": {"localisation": accuracy(s)}} for s in range(50, 1001, 50)]

    learned = plan.converged(curve(lambda s: 0.2 if s < 300 else 0.9), length)
    assert learned == {"places": 300, "rise": pytest.approx(0), "flat": True, "converged": True}
    assert not plan.converged(curve(lambda s: 0.2 if s < 700 else 0.9), length)["converged"]  # learned too late
    assert not plan.converged(curve(lambda s: s / 1000), length)["flat"]  # still rising
    assert plan.converged(curve(lambda s: 0.2), length)["places"] is None


def test_plan_names_every_run_once_and_whole_seeds_first():
    every = [r.id for part in plan.PARTS for r in plan.runs(part)]
    assert len(set(every)) == len(every) == 12 + 18 + 14 + 12
    assert [r.seed for r in plan.runs("projectors")] == sorted(r.seed for r in plan.runs("projectors"))


def test_longer_runs_are_those_of_the_projectors_at_another_length():
    for short, long in zip(plan.runs("projectors"), plan.runs("longer"), strict=True):
        assert dataclasses.replace(long, part=short.part) == short and long.id == f"longer-{short.id}"
        assert plan.length_of(short) == plan.Length()
        assert plan.length_of(long) == dataclasses.replace(plan.Length(), tune=3600, check_every=100, check_scenes=200)


def test_locality_of_known_maps():
    energy = np.zeros((4, 16))
    energy[np.arange(4), [0, 3, 12, 15]] = 2.0  # each token sees one corner patch of its own quarter
    found = locality.measure(energy)
    assert found["inside"] == pytest.approx(1) and found["spread"] == pytest.approx(0)
    assert found["drift"] == pytest.approx(np.hypot(0.5, 0.5))
    turned = energy[[3, 2, 1, 0]]
    assert locality.measure(turned)["inside"] == pytest.approx(0)
    assert locality.measure(turned, locality.assigned_homes(turned))["inside"] == pytest.approx(1)
    even = locality.measure(np.ones((4, 16)))
    assert even["inside"] == pytest.approx(0.25)


def test_intervals_against_numbers_known_beforehand():
    rng = np.random.default_rng(0)
    right = {"a": rng.random((3, 400)) < 0.8, "b": rng.random((3, 400)) < 0.6}
    records = {k: [{"run": {"seed": s}, "right": {"localisation": "".join("1" if x else "0" for x in v[s])}} for s in range(3)]
               for k, v in right.items()}
    said = evidence.compared(records)
    for k, v in right.items():
        assert said["accuracy"][k]["localisation"]["mean"] == pytest.approx(v.mean(), abs=1e-4)
    low, high = said["difference"]["a - b"]["localisation"]["interval"]
    assert 0.1 < low < right["a"].mean() - right["b"].mean() < high < 0.3


def test_records_of_another_length_need_a_folder_of_their_own():
    said = subprocess.run([sys.executable, "-m", "training.convergence", "--tune", "3", "--list"], capture_output=True, text=True)
    assert said.returncode == 2 and "give --results" in said.stderr


def test_the_first_steps_are_the_same_to_the_digit_and_a_change_is_seen(start):
    device = torch.device("cpu")
    run, length = plan.Run("c-abs", 36, 1), dataclasses.replace(SHORT, align=4)
    features.feature_pool(base.read_vision(), start / "state", length.pool, device, quiet)
    again = [repeat.first_steps(run, length, 3, start / "state", device, quiet) for _ in range(2)]
    assert [step for _, step, _ in again[0]["losses"]] == [0, 1, 2]
    record = {"curve": again[0]["curve"] + [{"stage": "align", "step": 4, "tasks": {}}]}
    assert repeat.compare(again[1], again[0]["losses"], record, 3) == []
    stage, step, loss = again[0]["losses"][-1]
    changed = [*again[0]["losses"][:-1], (stage, step, loss + 1e-6)]
    assert len(repeat.compare(again[1], changed, record, 3)) == 1
    assert repeat.compare(again[1], again[0]["losses"], {"curve": []}, 3) == ["checks on the way are not those of the record"]
