"""Stages 3 and 4: projector alignment, then instruction tuning of the projectors with one shared LM.

The vision tower is frozen, so its features of a pool of scenes are computed once and kept (float16).
Projectors take turns, one optimiser step each: the same number of steps, scenes and questions for every set of weights.
A projector that takes any M draws one per step.
"""
from __future__ import annotations

import numpy as np
import torch
from torch import nn

from .common import Clock, Log, end_worker, fork_workers, optimizer, save
from .data import scenes as S
from .data.batches import MIXTURES, Options, caption_batch, make_batch
from .data.packed import WEIGHTS, pack, some_questions
from .data.text import Tokenizer
from .language import Writer, packed_accuracy, packed_forward
from .model.config import PROJECTORS
from .model.honeybee import answer_loss, build_projectors, splice
from .model.language import LlamaForCausalLM
from .model.projectors import visual_embeds
from .model.vision import CLIPVisionModel
from .vision import normalise


def load_vision(run, device) -> CLIPVisionModel:
    state = torch.load(run / "vision.pt", map_location=device, weights_only=False)
    model = CLIPVisionModel(state["config"]).to(device)
    model.load_state_dict(state["model"])
    return model.eval()


@torch.no_grad()
def features_of(vision, scenes, device, layer=-1, batch=64) -> torch.Tensor:
    out = []
    for i in range(0, len(scenes), batch):
        images = np.stack([S.render_scene(s) for s in scenes[i:i + batch]])
        out.append(vision.features(normalise(images, device), layer))
    return torch.cat(out)


def feature_pool(run, device, size: int):
    """(memory-mapped float16 [size, N, E], seed of every row); grows the file when a larger pool is asked for."""
    path, seeds = run / "features.npy", np.arange(size)
    stamp = (run / "vision.pt").stat().st_mtime
    if path.exists() and path.stat().st_mtime > stamp:
        pool = np.load(path, mmap_mode="r")
        if len(pool) >= size:
            return pool[:size], seeds
    vision = load_vision(run, device)
    e = vision.config["hidden_size"]
    n = (vision.config["image_size"] // vision.config["patch_size"]) ** 2
    pool = np.lib.format.open_memmap(path, "w+", np.float16, (size, n, e))
    for i in range(0, size, 256):
        scenes = [S.generate_scene(int(s)) for s in seeds[i:i + 256]]
        pool[i:i + 256] = features_of(vision, scenes, device).half().cpu().numpy()
    pool.flush()
    return pool, seeds


SWITCHES = ("seed", "minutes", "steps", "batch", "lr", "lm_lr", "tokens", "target", "caption_share", "packed_share",
            "templated_share", "mixture", "granularity", "diversity", "multi_turn", "workers", "start")


class Alternation:
    """Which projector learns next: all in turn, in a new random order every round."""

    def __init__(self, names: list[str], rng: np.random.Generator):
        self.names, self.rng, self.left = names, rng, []

    def next(self) -> str:
        if not self.left:
            self.left = [str(n) for n in self.rng.permutation(self.names)]
        return self.left.pop()


def run_stage(args, device, run, stage: str, source: str):
    """`align`: LM frozen, captions (and, by --caption-share, single questions). `tune`: projectors and LM, conversations."""
    aligning = stage == "align"
    torch.manual_seed(args.seed)
    number = 4 if aligning else 5
    rng = np.random.default_rng([args.seed, number])
    tokenizer = Tokenizer(run / "tokenizer")
    names = args.projectors.split(",") if args.projectors else list(PROJECTORS)
    configs = {n: dict(PROJECTORS[n]) for n in names}
    if args.tokens:
        for n in names:
            if args.tokens not in configs[n]["trained_tokens"]:
                raise ValueError(f"{n} is not trained at M = {args.tokens}")
            configs[n].update(trained_tokens=[args.tokens], num_query_tokens=args.tokens)
    path = run / (args.save_as or f"{stage}.pt")
    resumed = path.exists()
    start = torch.load(path if resumed else run / source, map_location=device, weights_only=False)
    language_config = start["config"] if "config" in start else start["language_config"]
    lm = LlamaForCausalLM(language_config).to(device)
    lm.load_state_dict(start["lm"])
    vision = load_vision(run, device)
    projectors = build_projectors(configs, vision.config, language_config).to(device)
    if "projectors" in start:
        have = start["projectors"]
        projectors.load_state_dict({k: have[k] for k in projectors.state_dict()})
    pool, seeds = feature_pool(run, device, args.pool)
    held_out = [S.generate_scene(i, "test") for i in range(args.check_scenes)]
    held_features = features_of(vision, held_out, device)
    index = {s.seed: i for i, s in enumerate(held_out)}
    lm.requires_grad_(not aligning)
    writer = None
    if args.target == "tokens":
        writer = Writer(tokenizer, language_config["hidden_size"]).to(device)
        writer.load_state_dict(torch.load(run / "language.pt", map_location=device, weights_only=False)["writer"])
    rank = fork_workers(args.workers, lm, projectors)
    groups = {n: optimizer(projectors[n].parameters(), args.lr) for n in names}
    lm_opt = None if aligning else optimizer(lm.parameters(), args.lm_lr)
    spent = seen = step = 0
    sessions = list(start.get("sessions", [])) if resumed else []
    if resumed:
        spent, seen, step = start["spent"], start["seen"], start["step"]
        for n in names:
            groups[n].load_state_dict(start["opt"][n])
        if lm_opt:
            lm_opt.load_state_dict(start["lm_opt"])
    if resumed or rank:
        rng = np.random.default_rng([args.seed, number, step, rank])
    log = Log(run / "log.jsonl", args.label or stage)
    options = Options(rounds=3 if args.mixture == "counting" else 2, templated_share=args.templated_share,
                      multi_turn=args.multi_turn == "on",
                      mixture=MIXTURES[args.mixture], granularity=args.granularity, diversity=args.diversity)
    # a stage may be gone on with under other switches: what each part of it ran with belongs to the result
    sessions.append({"from_step": step, **{k: getattr(args, k) for k in SWITCHES}})
    clock = Clock(args.minutes, spent, args.steps, step)
    last_log = last_eval = clock.elapsed
    losses = {n: [] for n in names}
    turns = Alternation(names, rng)

    def check(final=False):
        projectors.eval()
        for n in names:
            for m in configs[n]["trained_tokens"] if final else configs[n]["trained_tokens"][:2][-1:]:
                result = packed_accuracy(lm, tokenizer, held_out, m, lambda part, n=n, m=m: visual_embeds(
                    projectors[n], held_features[[index[s.seed] for s in part]], m))
                log.write(minute=clock.elapsed / 60, step=step, held_out=True, final=final, projector=n, tokens=m, **result)
        projectors.train()
        save(path, projectors=projectors.state_dict(), lm=lm.state_dict(), configs=configs, spent=clock.elapsed,
             language_config=language_config, seen=seen, step=step, sessions=sessions,
             opt={n: groups[n].state_dict() for n in names}, lm_opt=lm_opt.state_dict() if lm_opt else None)

    while clock.progress < 1:
        name = turns.next()
        trained = configs[name]["trained_tokens"]
        tokens = trained[int(rng.integers(len(trained)))]
        chosen = np.sort(rng.integers(0, len(seeds), args.batch))
        scenes = [S.generate_scene(int(seeds[i])) for i in chosen]
        feats = torch.from_numpy(pool[chosen]).to(device).float()
        opt = groups[name]
        for group in opt.param_groups:
            group["lr"] = clock.lr(args.lr)
        visual = visual_embeds(projectors[name], feats, tokens)
        kind = rng.random()
        if aligning and writer is not None:
            with torch.no_grad():
                target = writer(lm.model.embed_tokens, scenes, tokens)
            loss = (visual - target).square().mean() / target.var()
        elif kind < args.caption_share:
            b = caption_batch(scenes, tokens, tokenizer)
            loss, _, _ = answer_loss(lm, splice(lm, b.ids.clamp(min=0).to(device), b.image_at, visual), b.labels.to(device))
        elif kind < args.caption_share + args.packed_share:  # single questions that do not see each other
            weights = WEIGHTS if args.mixture == "tuned" else options.mixture
            asked = [some_questions(s, rng, weights, options.rounds, 10) for s in scenes]
            p = pack(asked, tokens, tokenizer, "short" if rng.random() < args.templated_share else "free").to(device)
            loss, _, _ = packed_forward(lm, p, visual)
        else:
            b = make_batch(scenes, tokens, tokenizer, rng, options)
            loss, _, _ = answer_loss(lm, splice(lm, b.ids.clamp(min=0).to(device), b.image_at, visual), b.labels.to(device))
        losses[name].append(loss.item())
        opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(projectors[name].parameters(), 1.0)
        opt.step()
        if lm_opt:
            for group in lm_opt.param_groups:
                group["lr"] = clock.lr(args.lm_lr)
            nn.utils.clip_grad_norm_(lm.parameters(), 1.0)
            lm_opt.step()
            lm_opt.zero_grad(set_to_none=True)
        clock.done = step = step + 1
        seen += len(chosen)
        if rank:
            continue
        if clock.elapsed - last_log > 30:
            last_log = clock.elapsed
            log.write(minute=clock.elapsed / 60, step=step, seen=seen,
                      **{f"loss_{n}": float(np.mean(v)) for n, v in losses.items() if v})
            losses = {n: [] for n in names}
        if clock.elapsed - last_eval > args.check_every:
            last_eval = clock.elapsed
            check()
    end_worker(rank, args.workers)
    check(final=True)


def align(args, device, run):
    run_stage(args, device, run, "align", args.start or "language.pt")


def tune(args, device, run):
    run_stage(args, device, run, "tune", args.start or "align.pt")
