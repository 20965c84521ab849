"""One run of the comparison: align, tune, learning curve, answers to every held-out question, locality.

A step's scenes and questions follow from seed, stage and step alone, so a run that was stopped and went on is the run that was
not: its state is kept every `KEEP` steps and nothing else is carried over. Runs whose alignment is the same in everything
(recipes that differ in tuning only) do it once.
"""
from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..bundle import Bundle
from ..common import optimizer, save
from ..data import scenes as S
from ..data.batches import MIXTURES, Options, caption_batch, collate, conversation, make_batch, wording
from ..data.packed import WEIGHTS, pack, some_questions
from ..data.questions import questions
from ..data.text import EOS, free_prompt
from ..evaluate import SHORT_TASKS, WRITTEN, exact, written_scores
from ..language import packed_accuracy, packed_forward
from ..model.config import PROJECTORS
from ..model.honeybee import answer_loss, build_projectors, splice
from ..model.projectors import visual_embeds
from ..tune import features_of
from .base import read_language, read_vision
from .features import feature_pool
from .locality import localities
from .plan import VERSION, Length, Recipe, Run, converged

KEEP = 100
CHECK_FROM = 5000  # scenes of the test split for the learning curve; the final questions are asked about 0..scenes-1
STAGES = {"align": 4, "tune": 5}
# what a step of alignment is made of
ALIGN_CAPTIONS = 0.5


def rate(peak: float, step: int, steps: int, length: Length) -> float:
    """Warm-up, constant, then a straight line to zero."""
    at = (step + 0.5) / steps
    if at < length.warmup:
        return peak * at / length.warmup
    return peak * min(1.0, (1 - at) / length.decay)


def rounds(recipe: Recipe) -> int:
    return 3 if recipe.mixture == "counting" else 2


def alignment(run: Run, length: Length) -> str:
    """Name of what a run's alignment follows from: runs with the same name end it with the same weights, to the digit."""
    of = [run.projector, run.tokens, run.seed, run.recipe.templated_share, rounds(run.recipe), length.align, length.batch,
          length.pool, length.warmup, length.decay, length.lr, length.check_every, length.check_scenes]
    return hashlib.sha256(json.dumps(of).encode()).hexdigest()[:12]


class Data:
    """Scenes of a step with their features, and the sequences made of them."""

    def __init__(self, run: Run, length: Length, pool: np.ndarray, tokenizer, device):
        self.run, self.length, self.pool, self.tokenizer, self.device = run, length, pool, tokenizer, device
        r = run.recipe
        self.options = Options(rounds=rounds(r), templated_share=r.templated_share,
                               multi_turn=r.multi_turn, mixture=MIXTURES[r.mixture], granularity=r.granularity,
                               diversity=r.diversity)

    def scenes(self, rng: np.random.Generator, count: int) -> tuple[list[S.Scene], torch.Tensor]:
        chosen = np.sort(rng.integers(0, len(self.pool), count))
        return ([S.generate_scene(int(i)) for i in chosen],
                torch.from_numpy(np.asarray(self.pool[chosen])).to(self.device).float())

    def conversations(self, rng: np.random.Generator):
        """Scenes until the step trains on exactly `answers` answers; -> (batch, features, answers)."""
        r, short = self.run.recipe, rng.random() < self.run.recipe.templated_share
        rows, chosen, left = [], [], r.answers
        while left > 0:
            i = int(rng.integers(0, len(self.pool)))
            turns = conversation(S.generate_scene(i), rng, self.options)[:left if r.multi_turn else 1]
            said = [(wording(q, rng, self.options, short), q.answer) for q in turns]
            rows.append(self.tokenizer.encode(free_prompt(said, detail=not short), self.run.tokens))
            chosen.append(i)
            left -= len(turns)
        feats = torch.from_numpy(np.stack([self.pool[i] for i in chosen])).to(self.device).float()
        return collate(rows, self.run.tokens), feats, r.answers


def loss_of(lm, projector, data: Data, stage: str, rng: np.random.Generator) -> tuple[torch.Tensor, int, int]:
    """-> (loss, answers trained on, answer tokens trained on)"""
    run, tokens, device = data.run, data.run.tokens, data.device
    kind, recipe = rng.random(), data.run.recipe
    captions = ALIGN_CAPTIONS if stage == "align" else recipe.caption_share
    packed = 1 - ALIGN_CAPTIONS if stage == "align" else recipe.packed_share
    if kind < captions:
        scenes, feats = data.scenes(rng, data.length.batch)
        b, answers = caption_batch(scenes, tokens, data.tokenizer), len(scenes)
    elif kind < captions + packed:
        scenes, feats = data.scenes(rng, data.length.batch)
        asked = [some_questions(s, rng, WEIGHTS, data.options.rounds, 10) for s in scenes]
        p = pack(asked, tokens, data.tokenizer, "short" if rng.random() < recipe.templated_share else "free").to(device)
        loss, _, on = packed_forward(lm, p, visual_embeds(projector, feats, tokens))
        return loss, sum(map(len, asked)), int(on.sum())
    elif recipe.answers is not None:
        b, feats, answers = data.conversations(rng)
    else:
        scenes, feats = data.scenes(rng, data.length.batch)
        b = make_batch(scenes, tokens, data.tokenizer, rng, data.options)
        answers = int((b.labels == EOS).sum())
    visual = visual_embeds(projector, feats, tokens)
    embeds = splice(lm, b.ids.clamp(min=0).to(device), b.image_at, visual)
    loss, _, on = answer_loss(lm, embeds, b.labels.to(device))
    return loss, answers, int(on.sum())


def train(run: Run, length: Length, folder: Path, device, log, until: int | None = None) -> dict:
    """Trains what is left of the run; -> state with projector, LM, curve and counts. Keeps `folder/<id>.pt`.

    until: ends alignment after so many steps, with the schedule of the whole run (`repeat.py`).
    """
    path = folder / f"{run.id}.pt"
    lm, config, tokenizer = read_language()
    vision = read_vision().to(device)
    lm.to(device)
    torch.manual_seed(run.seed)
    sizes = dict(PROJECTORS[run.preset], num_query_tokens=run.tokens, trained_tokens=[run.tokens])
    projector = build_projectors({"it": sizes}, vision.config, config)["it"].to(device)
    pool = feature_pool(vision, folder, length.pool, device, log)
    held = [S.generate_scene(CHECK_FROM + i, "test") for i in range(length.check_scenes)]
    held_features = features_of(vision, held, device)
    index = {s.seed: i for i, s in enumerate(held)}
    data = Data(run, length, pool, tokenizer, device)
    done = {"stage": "align", "step": 0, "curve": [], "losses": [], "answers": 0, "answer_tokens": 0, "seconds": 0.0}
    aligned = folder / f"aligned-{alignment(run, length)}.pt"
    shared = not path.exists() and aligned.exists()
    kept = torch.load(aligned if shared else path, map_location=device, weights_only=False) if shared or path.exists() else None
    if kept:
        if not shared and (kept["run"], kept["length"]) != (asdict(run), asdict(length)):
            raise ValueError(f"{path.name} was trained with other settings; move it away to begin again")
        done = kept["done"]
        lm.load_state_dict(kept["lm"])
        projector.load_state_dict(kept["projector"])

    def check(stage: str, step: int) -> None:
        projector.eval()
        tasks = packed_accuracy(lm, tokenizer, held, run.tokens, lambda part: visual_embeds(
            projector, held_features[[index[s.seed] for s in part]], run.tokens), tasks=SHORT_TASKS)
        projector.train()
        done["curve"].append({"stage": stage, "step": step, "tasks": {t: round(v, 4) for t, v in tasks.items()}})
        log(f"{run.id} {stage} {step} loss {np.mean([x for _, _, x in done['losses'][-length.check_every:]]):.3f} "
            + " ".join(f"{t}={v:.2f}" for t, v in tasks.items()))

    for stage, steps in (("align", length.align), ("tune", length.tune)):
        if list(STAGES).index(stage) < list(STAGES).index(done["stage"]):
            continue
        if stage != done["stage"]:
            done.update(stage=stage, step=0)
        lm.requires_grad_(stage == "tune")
        projector_opt = optimizer(projector.parameters(), length.lr)
        lm_opt = optimizer(lm.parameters(), length.lm_lr) if stage == "tune" else None
        if kept and done["step"]:
            projector_opt.load_state_dict(kept["projector_opt"])
            if lm_opt:
                lm_opt.load_state_dict(kept["lm_opt"])
        kept = None
        began = time.time()

        def keep(to: Path = path) -> None:
            nonlocal began
            done["seconds"] += time.time() - began
            began = time.time()
            save(to, run=asdict(run), length=asdict(length), done=done, lm=lm.state_dict(), projector=projector.state_dict(),
                 sizes=sizes, language_config=config, projector_opt=projector_opt.state_dict(),
                 lm_opt=lm_opt.state_dict() if lm_opt else None)

        projector.train()
        while done["step"] < steps:
            step = done["step"]
            rng = np.random.default_rng([run.seed, STAGES[stage], step])
            for opt, peak in ((projector_opt, length.lr), (lm_opt, length.lm_lr)):
                if opt:
                    for group in opt.param_groups:
                        group["lr"] = rate(peak, step, steps, length)
            loss, answers, answer_tokens = loss_of(lm, projector, data, stage, rng)
            for opt in (projector_opt, lm_opt):
                if opt:
                    opt.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(projector.parameters(), 1.0)
            projector_opt.step()
            if lm_opt:
                nn.utils.clip_grad_norm_(lm.parameters(), 1.0)
                lm_opt.step()
                done["answers"] += answers
                done["answer_tokens"] += answer_tokens
            done["losses"].append((stage, step, round(loss.item(), 6)))
            done["step"] = step + 1
            if done["step"] % length.check_every == 0 or done["step"] == steps:
                check(stage, done["step"])
            if done["step"] % KEEP == 0 or done["step"] == steps:
                keep()
            if done["step"] == until and stage == "align":
                return {"done": done}
        keep()
        if stage == "align" and not aligned.exists():
            keep(aligned)
    return {"vision": vision, "lm": lm, "projector": projector, "sizes": sizes, "config": config, "tokenizer": tokenizer, "done": done}


@torch.no_grad()
def answered(b: Bundle, name: str, length: Length, tokens: int, device, batch: int = 40) -> dict:
    """Every held-out scene's answers. Short answers: a string for each task, 1 right, 0 wrong, - not asked, in the order of the
    scenes; boxes (IoU) and captions (F1 of class and cell): lists, null where not asked."""
    right = {t: ["-"] * length.scenes for t in SHORT_TASKS}
    wrote: dict[str, list] = {task: [None] * length.written for task, _, _ in WRITTEN}
    for start in range(0, length.scenes, batch):
        scenes = [S.generate_scene(i, "test") for i in range(start, min(start + batch, length.scenes))]
        asked = [{q.task: q for q in questions(s)} for s in scenes]
        visual = visual_embeds(b.projectors[name], features_of(b.vision, scenes, device), tokens)
        for (i, task), ok in exact(b, visual, [[q for t, q in qs.items() if t in SHORT_TASKS] for qs in asked]).items():
            right[task][start + i] = "1" if ok else "0"
        within = asked[:max(0, length.written - start)]
        for i, task, value in written_scores(b, visual, within) if within else ():
            wrote[task][start + i] = round(value, 4)
    return {"right": {t: "".join(v) for t, v in right.items()}, "written": wrote}


def finish(run: Run, length: Length, trained: dict, device) -> dict:
    """The run's record: everything that the evidence is made of."""
    projector = trained["projector"].eval()
    bundle = Bundle(trained["vision"], nn.ModuleDict({"it": projector}), {"it": trained["sizes"]}, trained["lm"].eval(),
                    trained["config"], trained["tokenizer"], {})
    answers = answered(bundle, "it", length, run.tokens, device)
    scenes = [S.generate_scene(CHECK_FROM + 100 + i, "test") for i in range(length.locality_scenes)]
    features = features_of(trained["vision"], scenes, device)
    for p in projector.parameters():
        p.requires_grad_(False)
    local = localities(projector, features, run.tokens, length.directions, run.projector == "resampler")
    done = trained["done"]
    curve = done["curve"]
    every = max(1, length.check_every // 2)
    losses = [v for stage, _, v in done["losses"] if stage == "tune"]
    return {
        "version": VERSION, "id": run.id, "run": asdict(run), "length": asdict(length),
        "criterion": converged(curve, length), "curve": curve,
        "loss": {"every": every, "tune": [round(float(np.mean(losses[i:i + every])), 4) for i in range(0, len(losses), every)]},
        "answers_trained_on": done["answers"], "answer_tokens_trained_on": done["answer_tokens"],
        "seconds": round(done["seconds"]), "torch": torch.__version__, "device": device.type,
        "scenes": f"test 0..{length.scenes - 1}", **answers, "locality": local,
    }


def complete(run: Run, length: Length, folder: Path, results: Path, device, log) -> Path:
    """Trains and asks what is left; -> the record's file."""
    out = results / f"{run.id}.json"
    if out.exists():
        return out
    record = finish(run, length, train(run, length, folder, device, log), device)
    results.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(".part")
    part.write_text(json.dumps(record, indent=None, separators=(",", ":")) + "\n")
    part.replace(out)
    log(f"{run.id}: done, {record['criterion']}")
    return out


__all__ = ["complete", "finish", "rate", "train"]
