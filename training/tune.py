"""Stages 3 and 4: projector alignment, then instruction tuning of all projectors with one shared LM.

The vision tower is frozen, so its features of a pool of scenes are computed once and kept (float16).
Projectors take turns, one optimiser step each: the same number of steps, scenes and questions for every one.
"""
from __future__ import annotations

import numpy as np
import torch
from torch import nn

from .common import Clock, Log, end_worker, fork_workers, optimizer, save
from .data import scenes as S
from .data.batches import Options, class_words, make_batch, pointers
from .data.text import Tokenizer
from .language import Readings, Writer, multi_turn_accuracy
from .model.config import PROJECTORS
from .model.honeybee import answer_loss, build_projectors, pointer_loss, splice
from .model.language import LlamaForCausalLM
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


def align(args, device, run):
    """Every projector learns to write what the LM learned to read (language.Writer), patch group by patch group.

    Cheap, since the LM does not run. The target is the same grid for all projectors, the resampler included.
    """
    torch.manual_seed(args.seed)
    rng = np.random.default_rng([args.seed, 3])
    tokenizer = Tokenizer(run / "tokenizer")
    start = torch.load(run / "language.pt", map_location=device, weights_only=False)
    config = start["config"]
    lm = LlamaForCausalLM(config).to(device)
    lm.load_state_dict(start["lm"])
    writer = Writer(tokenizer, config["hidden_size"]).to(device)
    writer.load_state_dict(start["writer"])
    vision = load_vision(run, device)
    names = args.projectors.split(",") if args.projectors else list(PROJECTORS)
    configs = {n: dict(PROJECTORS[n]) for n in names}
    projectors = build_projectors(configs, vision.config, config).to(device)
    pool, seeds = feature_pool(run, device, args.pool)
    readings = Readings(run, device, pool)
    held_out = [S.generate_scene(i, "test") for i in range(args.check_scenes)]
    held_features = features_of(vision, held_out, device)
    index = {s.seed: i for i, s in enumerate(held_out)}
    colors = torch.tensor([S.generate_scene(int(s)).background for s in seeds], device=device)
    opts = {n: optimizer(projectors[n].parameters(), args.lr) for n in names}
    path, spent, step = run / "align.pt", 0.0, 0
    if path.exists():
        state = torch.load(path, map_location=device, weights_only=False)
        projectors.load_state_dict(state["projectors"])
        for n in names:
            opts[n].load_state_dict(state["opt"][n])
        spent, step = state["spent"], state["step"]
    clock, log = Clock(args.minutes, spent), Log(run / "log.jsonl", "align")
    last_log = clock.elapsed
    losses = {n: [] for n in names}
    while clock.progress < 1:
        chosen = rng.integers(0, len(seeds), args.batch)
        feats = torch.from_numpy(pool[chosen]).to(device).float()
        where = torch.from_numpy(chosen).to(device)
        reading = (readings.labels[where].long(), readings.boxes[where].float(), colors[where])
        for n in names:
            with torch.no_grad():
                target = writer(lm.model.embed_tokens, reading, configs[n]["num_query_tokens"])
            for group in opts[n].param_groups:
                group["lr"] = clock.lr(args.lr)
            loss = (projectors[n](feats) - target).square().mean() / target.var()
            opts[n].zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(projectors[n].parameters(), 1.0)
            opts[n].step()
            losses[n].append(loss.item())
        step += 1
        if clock.elapsed - last_log > 20:
            last_log = clock.elapsed
            log.write(minute=clock.elapsed / 60, step=step, **{f"unexplained_{n}": float(np.mean(v)) for n, v in losses.items()})
            losses = {n: [] for n in names}
    projectors.eval()
    for n in names:
        def visual(part, n=n):
            return projectors[n](held_features[[index[s.seed] for s in part]])
        with torch.no_grad():
            result = multi_turn_accuracy(lm, tokenizer, held_out, configs[n]["num_query_tokens"], visual, device)
        log.write(minute=clock.elapsed / 60, held_out=True, final=True, projector=n, **result)
    save(path, projectors=projectors.state_dict(), lm=lm.state_dict(), configs=configs, language_config=config,
         spent=clock.elapsed, seen=step * args.batch, step=step, opt={n: opts[n].state_dict() for n in names})


def tune(args, device, run):
    stage = "tune"
    torch.manual_seed(args.seed)
    rng = np.random.default_rng([args.seed, 4])
    tokenizer = Tokenizer(run / "tokenizer")
    vision = load_vision(run, device)
    names = args.projectors.split(",") if args.projectors else list(PROJECTORS)
    configs = {n: dict(PROJECTORS[n]) for n in names}
    path, source = run / f"{stage}.pt", None
    resumed = path.exists()
    if resumed:
        source = path
    elif (run / "align.pt").exists():
        source = run / "align.pt"
    start = torch.load(run / "language.pt", map_location=device, weights_only=False)
    language_config = start["config"]
    lm = LlamaForCausalLM(language_config).to(device)
    lm.load_state_dict(start["lm"])
    projectors = build_projectors(configs, vision.config, language_config).to(device)
    spent = seen = step = 0
    state = None
    if source is not None:
        state = torch.load(source, map_location=device, weights_only=False)
        projectors.load_state_dict(state["projectors"])
        lm.load_state_dict(state["lm"])
    pool, seeds = feature_pool(run, device, args.pool)
    held_out = [S.generate_scene(i, "test") for i in range(args.check_scenes)]
    held_features = features_of(vision, held_out, device)
    index = {s.seed: i for i, s in enumerate(held_out)}
    counts = np.array([len(S.generate_scene(int(s)).objects) for s in seeds])
    few = np.nonzero((counts == 2) | (counts == 3))[0]
    rank = fork_workers(args.workers, lm, projectors)
    groups = {n: optimizer(projectors[n].parameters(), args.lr) for n in names}
    lm_opt = optimizer(lm.parameters(), args.lm_lr)
    if resumed:
        spent, seen, step = state["spent"], state["seen"], state["step"]
        rng = np.random.default_rng([args.seed, 5, step])
        for n in names:
            groups[n].load_state_dict(state["opt"][n])
        lm_opt.load_state_dict(state["lm_opt"])
    if rank:
        rng = np.random.default_rng([args.seed, 5, step, rank])
    log = Log(run / "log.jsonl", stage)
    options = Options(templated_share=args.templated_share)
    clock = Clock(args.minutes, spent)
    last_log = last_eval = clock.elapsed
    losses, looks = {n: [] for n in names}, []
    words = class_words(tokenizer)

    def check(final=False):
        projectors.eval()
        for n in names:
            def visual(part, n=n):
                return projectors[n](held_features[[index[s.seed] for s in part]])
            with torch.no_grad():
                result = multi_turn_accuracy(lm, tokenizer, held_out, configs[n]["num_query_tokens"], visual, device)
            log.write(minute=clock.elapsed / 60, held_out=True, final=final, projector=n, **result)
        projectors.train()
        save(path, projectors=projectors.state_dict(), lm=lm.state_dict(), configs=configs, spent=clock.elapsed,
             language_config=language_config, seen=seen, step=step, opt={n: groups[n].state_dict() for n in names},
             lm_opt=lm_opt.state_dict())

    order = rng.permutation(names)
    while clock.progress < 1:
        if step % len(names) == 0:
            order = rng.permutation(names)
        name = str(order[step % len(names)])
        captions = rng.random() < args.caption_share
        dense = rng.random() < args.dense_share
        # A few objects, each asked for one way: from these the LM finds out how to look for a word's object.
        early = clock.progress < args.lesson_until
        lesson = rng.random() < (0.85 if early else 0.3)
        captions, dense = captions and not lesson, dense and not lesson
        if lesson and early:
            chosen = rng.choice(few, args.batch * 2)
        else:
            chosen = rng.integers(0, len(seeds), args.batch * (1 + (captions or lesson)))
        scenes = [S.generate_scene(int(seeds[i])) for i in chosen]
        batch = make_batch(scenes, configs[name]["num_query_tokens"], tokenizer, rng, options, captions, dense, lesson)
        feats = torch.from_numpy(pool[np.sort(chosen)][np.argsort(np.argsort(chosen))]).to(device).float()
        opt = groups[name]
        for group in opt.param_groups:
            group["lr"] = clock.lr(args.lr)
        for group in lm_opt.param_groups:
            group["lr"] = clock.lr(args.lm_lr)
        embeds = splice(lm, batch.ids.clamp(min=0).to(device), batch.image_at, projectors[name](feats))
        loss, _, _ = answer_loss(lm, embeds, batch.labels.to(device))
        losses[name].append(loss.item())
        if not captions and args.pointer > 0:
            rows, at, target = (t.to(device) for t in pointers(batch, scenes, words))
            if len(rows):
                pointing = pointer_loss(lm, embeds, rows, at, target)
                looks.append(pointing.item())
                loss = loss + args.pointer * pointing
        loss.backward()
        nn.utils.clip_grad_norm_(projectors[name].parameters(), 1.0)
        opt.step()
        opt.zero_grad(set_to_none=True)
        nn.utils.clip_grad_norm_(lm.parameters(), 1.0)
        lm_opt.step()
        lm_opt.zero_grad(set_to_none=True)
        step += 1
        seen += len(chosen)
        if rank:
            continue
        if clock.elapsed - last_log > 30:
            last_log = clock.elapsed
            log.write(minute=clock.elapsed / 60, step=step, seen=seen,
                      **{f"loss_{n}": float(np.mean(v)) for n, v in losses.items() if v},
                      pointing=float(np.mean(looks)) if looks else 0.0)
            losses, looks = {n: [] for n in names}, []
        if clock.elapsed - last_eval > args.check_every:
            last_eval = clock.elapsed
            check()
    end_worker(rank, args.workers)
    check(final=True)
