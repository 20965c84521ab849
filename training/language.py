"""Stage 2: the LM alone, on scenes written in words at every place instead of visual tokens.

What the vision tower's dense head reads at a patch (class, size, cell of the object) is turned into the sum of the LM's
own embeddings of those words, on a 12x12 grid or averaged to 6x6. So the LM learns to look and to answer before any
projector exists; stage 3 then teaches every projector to write such tokens. The writer is thrown away.
"""
from __future__ import annotations

import numpy as np
import torch
from torch import nn

from .common import Clock, Log, end_worker, fork_workers, optimizer, save
from .data import scenes as S
from .data.batches import Options, answer_tasks, collate, make_batch
from .data.questions import TASKS, questions
from .data.text import Tokenizer, free_prompt, train_tokenizer
from .model.config import PRESETS
from .model.honeybee import answer_loss, splice
from .model.language import LlamaForCausalLM
from .vision import DenseHead

ROWS, COLUMNS, SIZES = ("top", "middle", "bottom"), ("left", "center", "right"), ("small", "large")
FORM_SHARES = {36: 0.75, 144: 0.25}


class Writer(nn.Module):
    """Reading of a patch -> sum of word embeddings, plus a learned part for place and box."""

    def __init__(self, tokenizer: Tokenizer, width: int):
        super().__init__()

        def ids(words):
            found = [tokenizer.text(w) for w in words]
            if any(len(f) != 1 for f in found):
                raise ValueError(f"not one token each: {words}")
            return torch.tensor([f[0] for f in found])

        for name, words in (("classes", S.class_names()), ("rows", ROWS), ("columns", COLUMNS), ("sizes", SIZES),
                            ("colors", [b[0] for b in S.BACKGROUNDS])):
            self.register_buffer(name, ids(words), persistent=False)
        self.box = nn.Linear(4, width, bias=False)
        self.place = nn.Parameter(torch.randn(144, width) * 0.1)

    def forward(self, table, reading, tokens: int):
        """reading: (label [B, 144] with 0 = background, box [B, 144, 4] in 0..1, colour [B])."""
        label, box, color = reading
        centre = (box[..., :2] + box[..., 2:]) / 2
        cell = (centre * 3).long().clamp(0, 2)
        large = ((box[..., 2] - box[..., 0]) * S.IMAGE > 25.5).long()
        on = (label > 0).unsqueeze(-1).float()
        words = (table(self.classes[(label - 1).clamp(min=0)]) * 1.5 + table(self.columns[cell[..., 0]])
                 + table(self.rows[cell[..., 1]]) + 0.7 * table(self.sizes[large]) + self.box(box))
        x = words * on + 0.7 * table(self.colors[color])[:, None] + self.place
        if tokens == 36:  # average of the patches that show something, else of all
            def pool(y):
                return y.unflatten(1, (6, 2, 6, 2)).sum((2, 4)).flatten(1, 2)
            weight = on + 0.02
            x = pool(x * weight) / pool(weight)
        return x


class Readings:
    """What the dense head says about every patch of the pool, and the true background colour."""

    @torch.no_grad()
    def __init__(self, run, device, pool):
        state = torch.load(run / "vision.pt", map_location=device, weights_only=False)
        head = DenseHead(pool.shape[2], len(S.class_names())).to(device)
        head.load_state_dict(state["head"])
        self.head = head
        labels, boxes = [], []
        for i in range(0, len(pool), 512):
            label, box = self.read(torch.from_numpy(np.asarray(pool[i:i + 512])).to(device).float())
            labels.append(label.to(torch.uint8))
            boxes.append(box.half())
        self.labels, self.boxes = torch.cat(labels), torch.cat(boxes)

    @torch.no_grad()
    def read(self, features):
        return self.head.cls(features).argmax(-1), self.head.box(features).clamp(0, 1)

    def of(self, index, scenes):
        color = torch.tensor([s.background for s in scenes], device=self.labels.device)
        return self.labels[index].long(), self.boxes[index].float(), color


def task_accuracy(rows) -> dict[str, float]:
    """rows of (task, right) -> accuracy by task."""
    total = {t: [0, 0] for t in TASKS}
    for task, right in rows:
        total[task][0] += right
        total[task][1] += 1
    return {t: a / n for t, (a, n) in total.items() if n}


@torch.no_grad()
def multi_turn_accuracy(lm, tokenizer, scenes, tokens, visual, device, batch=50):
    """Exact answers, teacher-forced in one conversation per scene (quick check while training)."""
    rows = []
    for start in range(0, len(scenes), batch):
        part = scenes[start:start + batch]
        turns = [[q for q in questions(s) if q.task != "caption"] for s in part]
        b = collate([tokenizer.encode(free_prompt([(q.question, q.answer) for q in t]), tokens) for t in turns], tokens)
        embeds = splice(lm, b.ids.clamp(min=0).to(device), b.image_at, visual(part))
        _, logits, on = answer_loss(lm, embeds, b.labels.to(device))
        hit = (logits.argmax(-1) == b.labels[:, 1:].to(device)[on]).cpu().numpy()
        which = answer_tasks(b.labels.numpy(), turns)[:, 1:]
        on = on.cpu().numpy()
        row = np.nonzero(on)[0]
        turn = which[on]
        right = {}
        for r, t, h in zip(row, turn, hit):
            right[r, t] = right.get((r, t), True) and bool(h)
        rows += [(turns[r][t].task, ok) for (r, t), ok in right.items()]
    return task_accuracy(rows)


def train(args, device, run):
    from .tune import feature_pool, features_of, load_vision
    torch.manual_seed(args.seed)
    rng = np.random.default_rng([args.seed, 2])
    folder = run / "tokenizer"
    if not (folder / "tokenizer.json").exists():
        train_tokenizer(folder)
    tokenizer = Tokenizer(folder)
    config = dict(PRESETS[args.preset][1], vocab_size=tokenizer.size)
    lm = LlamaForCausalLM(config).to(device)
    writer = Writer(tokenizer, config["hidden_size"]).to(device)
    path = run / "language.pt"
    spent = seen = step = 0
    state = None
    if path.exists():
        state = torch.load(path, map_location=device, weights_only=False)
        lm.load_state_dict(state["lm"])
        writer.load_state_dict(state["writer"])
        spent, seen, step = state["spent"], state["seen"], state["step"]
        rng = np.random.default_rng([args.seed, 2, step])
    pool, seeds = feature_pool(run, device, args.pool)
    readings = Readings(run, device, pool)
    held_out = [S.generate_scene(i, "test") for i in range(args.check_scenes)]
    held = readings.read(features_of(load_vision(run, device), held_out, device))
    index = {s.seed: i for i, s in enumerate(held_out)}
    rank = fork_workers(args.workers, lm, writer)
    if rank:
        rng = np.random.default_rng([args.seed, 2, step, rank])
    opt = optimizer([*lm.parameters(), *writer.parameters()], args.lr)
    if state:
        opt.load_state_dict(state["opt"])
    clock, log = Clock(args.minutes, spent), Log(run / "log.jsonl", "language")
    options = Options()
    sizes, shares = list(FORM_SHARES), list(FORM_SHARES.values())
    last_log = last_eval = clock.elapsed
    losses = []

    def check(final=False):
        for tokens in sizes:
            def visual(part):
                i = [index[s.seed] for s in part]
                color = torch.tensor([s.background for s in part], device=device)
                return writer(lm.model.embed_tokens, (held[0][i], held[1][i], color), tokens)
            result = multi_turn_accuracy(lm, tokenizer, held_out, tokens, visual, device)
            log.write(minute=clock.elapsed / 60, held_out=True, final=final, tokens=tokens, **result)
        save(path, lm=lm.state_dict(), writer=writer.state_dict(), opt=opt.state_dict(), config=config,
             spent=clock.elapsed, seen=seen, step=step)

    while clock.progress < 1:
        for group in opt.param_groups:
            group["lr"] = clock.lr(args.lr)
        tokens = sizes[rng.choice(len(sizes), p=shares)]
        captions = rng.random() < args.caption_share  # short sequences: twice the scenes
        dense = rng.random() < (1 if clock.progress < args.dense_fraction else 0.2)
        chosen = rng.integers(0, len(seeds), args.batch * (1 + captions))
        scenes = [S.generate_scene(int(seeds[i])) for i in chosen]
        b = make_batch(scenes, tokens, tokenizer, rng, options, captions, dense)
        visual = writer(lm.model.embed_tokens, readings.of(torch.from_numpy(chosen).to(device), scenes), tokens)
        embeds = splice(lm, b.ids.clamp(min=0).to(device), b.image_at, visual)
        loss, _, _ = answer_loss(lm, embeds, b.labels.to(device))
        opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_([*lm.parameters(), *writer.parameters()], 1.0)
        opt.step()
        losses.append(loss.item())
        step += 1
        seen += len(scenes)
        if rank:
            continue
        if clock.elapsed - last_log > 15:
            last_log = clock.elapsed
            log.write(minute=clock.elapsed / 60, step=step, seen=seen, loss=float(np.mean(losses)))
            losses = []
        if clock.elapsed - last_eval > 75:
            last_eval = clock.elapsed
            check()
    end_worker(rank, args.workers)
    check(final=True)
