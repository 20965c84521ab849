"""Stage 2: the LM alone, on scenes given as symbols instead of pixels.

A throw-away encoder turns the labels of a scene into "visual tokens": a 12x12 or 6x6 grid (what a locality-preserving
projector gives) or an unordered set of objects with their boxes (what queries could give). So the LM learns to read
scenes and to answer before any projector exists, and no form of visual token is favoured.
"""
from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .common import Clock, Log, optimizer, save
from .data import scenes as S
from .data.batches import Options, answer_tasks, collate, make_batch
from .data.questions import TASKS, questions
from .data.text import Tokenizer, free_prompt, train_tokenizer
from .model.config import PRESETS
from .model.honeybee import answer_loss, splice
from .model.language import LlamaForCausalLM
from .vision import PATCH, patch_labels

FORMS = {"grid": 144, "pooled": 36, "set": 36}
FORM_SHARES = {"grid": 0.2, "pooled": 0.5, "set": 0.3}


class SymbolEncoder(nn.Module):
    def __init__(self, out: int, hidden: int = 128):
        super().__init__()
        self.cls = nn.Embedding(len(S.class_names()) + 1, hidden)
        self.background = nn.Embedding(len(S.BACKGROUNDS), hidden)
        self.box = nn.Linear(4, hidden)
        self.place = nn.Embedding(144, hidden)
        self.mix = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, out)
        nn.init.normal_(self.out.weight, std=2 * hidden ** -0.5)

    def forward(self, form: str, label, box, background):
        """label [B, N], box [B, N, 4] in 0..1, background [B]."""
        x = self.cls(label) + self.background(background)[:, None] + self.box(box) * (label > 0).unsqueeze(-1)
        if form != "set":
            x = x + self.place.weight
        x = F.silu(x)
        if form == "pooled":
            b, _, w = x.shape
            x = F.avg_pool2d(x.transpose(1, 2).reshape(b, w, 12, 12), 2).flatten(2).transpose(1, 2)
        return self.out(F.silu(self.mix(x)))


def symbols(scenes: list[S.Scene], form: str, rng: np.random.Generator):
    n = 36 if form == "set" else 144
    label = np.zeros((len(scenes), n), np.int64)
    box = np.zeros((len(scenes), n, 4), np.float32)
    for i, scene in enumerate(scenes):
        if form == "set":
            for o, k in zip(scene.objects, rng.permutation(n)):
                label[i, k] = o.cls + 1
                box[i, k] = (o.x, o.y, o.x + o.size, o.y + o.size)
        else:
            a, b = patch_labels([(o.cls, o.x, o.y, o.size) for o in scene.objects], S.IMAGE // PATCH)
            label[i], box[i] = a.ravel(), b.reshape(-1, 4)
    background = np.array([s.background for s in scenes])
    return torch.from_numpy(label), torch.from_numpy(box / S.IMAGE), torch.from_numpy(background)


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
    torch.manual_seed(args.seed)
    rng = np.random.default_rng([args.seed, 2])
    folder = run / "tokenizer"
    if not (folder / "tokenizer.json").exists():
        train_tokenizer(folder)
    tokenizer = Tokenizer(folder)
    config = dict(PRESETS[args.preset][1], vocab_size=tokenizer.size)
    lm = LlamaForCausalLM(config).to(device)
    encoder = SymbolEncoder(config["hidden_size"]).to(device)
    path = run / "language.pt"
    spent = seen = step = 0
    state = None
    if path.exists():
        state = torch.load(path, map_location=device, weights_only=False)
        lm.load_state_dict(state["lm"])
        encoder.load_state_dict(state["encoder"])
        spent, seen, step = state["spent"], state["seen"], state["step"]
        rng = np.random.default_rng([args.seed, 2, step])
    opt = optimizer([*lm.parameters(), *encoder.parameters()], args.lr)
    if state:
        opt.load_state_dict(state["opt"])
    clock, log = Clock(args.minutes, spent), Log(run / "log.jsonl", "language")
    options = Options()
    held_out = [S.generate_scene(i, "test") for i in range(200)]
    names, shares = list(FORMS), [FORM_SHARES[f] for f in FORMS]
    last_log = last_eval = clock.elapsed
    losses = []

    def check(final=False):
        for form in names:
            def visual(part):
                return encoder(form, *(t.to(device) for t in symbols(part, form, rng)))
            result = multi_turn_accuracy(lm, tokenizer, held_out, FORMS[form], visual, device)
            log.write(minute=clock.elapsed / 60, held_out=True, final=final, form=form, **result)
        save(path, lm=lm.state_dict(), encoder=encoder.state_dict(), opt=opt.state_dict(), config=config,
             spent=clock.elapsed, seen=seen, step=step)

    while clock.progress < 1:
        for group in opt.param_groups:
            group["lr"] = clock.lr(args.lr)
        form = names[rng.choice(len(names), p=shares)]
        captions = rng.random() < args.caption_share  # short sequences: twice the scenes
        scenes = [S.generate_scene(int(s)) for s in rng.integers(0, S.SEED_LIMIT, args.batch * (1 + captions))]
        b = make_batch(scenes, FORMS[form], tokenizer, rng, options, captions)
        visual = encoder(form, *(t.to(device) for t in symbols(scenes, form, rng)))
        embeds = splice(lm, b.ids.clamp(min=0).to(device), b.image_at, visual)
        loss, _, _ = answer_loss(lm, embeds, b.labels.to(device))
        opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_([*lm.parameters(), *encoder.parameters()], 1.0)
        opt.step()
        losses.append(loss.item())
        step += 1
        seen += len(scenes)
        if clock.elapsed - last_log > 15:
            last_log = clock.elapsed
            log.write(minute=clock.elapsed / 60, step=step, seen=seen, loss=float(np.mean(losses)))
            losses = []
        if clock.elapsed - last_eval > 120:
            last_eval = clock.elapsed
            check()
    check(final=True)
