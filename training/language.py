"""Stage 2: the LM alone, on scenes written in words at every place instead of visual tokens.

Scenes need not be drawn here: what is where is turned into sums of the LM's own word embeddings and a linear code of the
place (`Writer`), for a grid of M tokens. So the LM learns to look, to count, to compare and to answer before any projector
exists. The writer and the probes are thrown away; no later stage sees them.
"""
from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .common import Clock, Log, end_worker, fork_workers, optimizer, save
from .data import scenes as S
from .data.batches import collate
from .data.packed import WEIGHTS, Facts, Looks, Packed, Words, lesson_scene, pack, scaffold, some_questions
from .data.questions import TASKS, caption, questions
from .data.text import IGNORE, Tokenizer, train_tokenizer
from .model.config import PRESETS
from .model.honeybee import answer_loss, splice
from .model.language import LlamaForCausalLM, rotate

ROWS, COLUMNS, SIZES = ("top", "middle", "bottom"), ("left", "center", "right"), ("small", "large")
FORM_SHARES = {36: 0.55, 16: 0.15, 64: 0.15, 144: 0.15}
EARLY = {"existence": 0.6, "counting": 0.8, "attribute": 0.7, "position": 1.0, "relation": 1.0, "localisation": 0.7,
         "identity": 0.7}


class Writer(nn.Module):
    """Objects -> M tokens. The token at an object's centre holds all about it, the others that it covers only its class."""

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
        self.box = nn.Parameter(torch.randn(4, width))  # centre and size, centred: linear in what is to be compared
        self.place = nn.Parameter(torch.randn(2, width) * 0.3)
        self.middle = nn.Parameter(torch.randn(width) * 0.7)

    def forward(self, table, scenes: list[S.Scene], tokens: int, noise: float = 0.0):
        side = int(tokens ** 0.5)
        step = S.IMAGE / side
        n = max(len(s.objects) for s in scenes)
        data = np.zeros((len(scenes), n, 6), np.float32)  # present, class, large, cx, cy, size
        for i, s in enumerate(scenes):
            for j, o in enumerate(s.objects):
                data[i, j] = (1, o.cls, o.large, o.cx2 / 2, o.cy2 / 2, o.size)
        on, cls, large, cx, cy, size = torch.from_numpy(data).to(table.weight.device).unbind(-1)
        line = torch.arange(side, device=on.device) * step

        def cover(c):  # share of every token's extent that the object covers [B, n, side]
            return ((torch.minimum(c + size / 2, torch.tensor(S.IMAGE, device=c.device))[..., None]).minimum(line + step)
                    - (c - size / 2)[..., None].maximum(line)).clamp(min=0) / step

        covered = (cover(cy)[..., :, None] * cover(cx)[..., None, :]).flatten(2) * on[..., None]
        centre = F.one_hot((cy // step * side + cx // step).long(), tokens) * on[..., None]
        word = table(self.classes[cls.long()])
        cell = [(c // S.CELL).long().clamp(0, 2) for c in (cx, cy)]
        code = torch.stack([cx / S.IMAGE - 0.5, cy / S.IMAGE - 0.5, (size - 25.5) / 12, (size - 25.5) / 12], -1) * 1.5
        full = (1.1 * word + 0.7 * table(self.columns[cell[0]]) + 0.7 * table(self.rows[cell[1]])
                + 0.7 * table(self.sizes[large.long()]) + code @ self.box + self.middle)
        x = centre.transpose(1, 2) @ full + 0.5 * (covered * (1 - centre)).transpose(1, 2) @ word
        y = (line + step / 2) / S.IMAGE - 0.5
        grid = torch.stack([y.repeat(side), y.repeat_interleave(side)], -1)
        x = x + grid @ self.place + 0.5 * table(self.colors[torch.tensor([s.background for s in scenes],
                                                                          device=x.device)])[:, None]
        return x + torch.randn_like(x) * noise if noise else x


class Probes(nn.Module):
    """Linear read-outs of a named word: its object's place, size, count (after layer 1); the comparison (after layer 2)."""

    def __init__(self, width: int):
        super().__init__()
        self.facts = nn.Linear(width, 2 + 1 + 7)
        self.compare = nn.Linear(width, 2)

    def forward(self, states, f: Facts):
        def at(x):
            x = x[f.rows, f.at]
            return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5)

        y = self.facts(at(states[1]))
        one = f.size >= 0
        loss = F.cross_entropy(y[:, 3:], f.count.clamp(max=6))
        if one.any():
            loss = loss + 4 * F.smooth_l1_loss(y[one, :2], f.place[one], beta=0.1)
            loss = loss + F.binary_cross_entropy_with_logits(y[one, 2], f.size[one].float())
        two = f.side[:, 0] >= 0
        if two.any():
            z = self.compare(at(states[2]))[two]
            loss = loss + F.binary_cross_entropy_with_logits(z, f.side[two].float())
        return loss


def look_loss(lm: LlamaForCausalLM, x: torch.Tensor, layer: int, head: int, looks: Looks | None, p: Packed):
    """Teaches one head where to look; x [B, T, O] is the layer's input."""
    if looks is None:
        return x.new_zeros(())
    block, model = lm.model.layers[layer], lm.model
    a, y = block.self_attn, block.input_layernorm(x)
    part = slice(head * a.dim, (head + 1) * a.dim)
    k = rotate(F.linear(y, a.k_proj.weight[part]), model.cos[p.positions], model.sin[p.positions])
    where = p.positions[looks.rows, looks.at]
    q = rotate(F.linear(y[looks.rows, looks.at], a.q_proj.weight[part]), model.cos[where], model.sin[where])
    scores = (k[looks.rows] @ q.unsqueeze(-1)).squeeze(-1) * a.dim ** -0.5
    log_p = (scores + p.mask[looks.rows, 0, looks.at]).log_softmax(-1)
    share = looks.share
    entropy = (share * share.clamp(min=1e-9).log()).sum(-1)
    return (entropy - torch.where(share > 0, share * log_p, 0.0).sum(-1)).mean()


def packed_forward(lm, p: Packed, visual, states=None):
    """-> (cross-entropy of the answers, logits, mask of answer positions)"""
    embeds = splice(lm, p.ids.clamp(min=0), p.image_at, visual)
    hidden, _ = lm.model(embeds, mask=p.mask, positions=p.positions, states=states)
    target = p.labels[:, 1:]
    on = target != IGNORE
    logits = lm.lm_head(hidden[:, :-1][on])
    return F.cross_entropy(logits, target[on]), logits, on


@torch.no_grad()
def packed_accuracy(lm, tokenizer, scenes, tokens, visual, form="free", batch=40, tasks=None) -> dict[str, float]:
    """Exact answers to single-turn questions, one per task and scene. visual(scenes) -> [B, M, O]."""
    total: dict[str, list] = {}
    for start in range(0, len(scenes), batch):
        part = scenes[start:start + batch]
        asked = [[q for q in questions(s) if q.task != "caption" and (tasks is None or q.task in tasks)] for s in part]
        shown = visual(part)
        p = pack(asked, tokens, tokenizer, form).to(shown.device)
        _, logits, on = packed_forward(lm, p, shown)
        wrong = logits.argmax(-1) != p.labels[:, 1:][on]
        row, col = on.nonzero(as_tuple=True)
        right = {(i, k): True for i, qs in enumerate(asked) for k in range(len(qs))}
        block = p.blocks[:, 1:]
        for i, j in zip(row[wrong].tolist(), col[wrong].tolist()):
            right[i, int(block[i, j]) - 1] = False
        for (i, k), ok in right.items():
            total.setdefault(asked[i][k].task, []).append(ok)
    return {t: float(np.mean(total[t])) for t in TASKS if t in total}


def train(args, device, run):
    torch.manual_seed(args.seed)
    rng = np.random.default_rng([args.seed, 2])
    folder = run / "tokenizer"
    if not (folder / "tokenizer.json").exists():
        train_tokenizer(folder)
    tokenizer = Tokenizer(folder)
    config = dict(PRESETS[args.preset][1], vocab_size=tokenizer.size)
    lm = LlamaForCausalLM(config).to(device)
    writer, probes = Writer(tokenizer, config["hidden_size"]).to(device), Probes(config["hidden_size"]).to(device)
    words = Words(tokenizer)
    path = run / "language.pt"
    spent = seen = step = 0
    state = None
    if path.exists():
        state = torch.load(path, map_location=device, weights_only=False)
        for name, module in (("lm", lm), ("writer", writer), ("probes", probes)):
            module.load_state_dict(state[name])
        spent, seen, step = state["spent"], state["seen"], state["step"]
        rng = np.random.default_rng([args.seed, 2, step])
    held_out = [S.generate_scene(i, "test") for i in range(args.check_scenes)]
    rank = fork_workers(args.workers, lm, writer, probes)
    if rank:
        rng = np.random.default_rng([args.seed, 2, step, rank])
    parameters = [*lm.parameters(), *writer.parameters(), *probes.parameters()]
    opt = optimizer(parameters, args.lr)
    if state:
        opt.load_state_dict(state["opt"])
    clock, log = Clock(args.minutes, spent, args.steps, step), Log(run / "log.jsonl", "language")
    sizes, shares = list(FORM_SHARES), list(FORM_SHARES.values())
    last_log = last_eval = clock.elapsed
    losses, captions = [], []

    def check(final=False):
        for tokens in (sizes if final else sizes[:1]):
            result = packed_accuracy(lm, tokenizer, held_out, tokens,
                                     lambda part, m=tokens: writer(lm.model.embed_tokens, part, m))
            log.write(minute=clock.elapsed / 60, held_out=True, final=final, tokens=tokens, **result)
        save(path, lm=lm.state_dict(), writer=writer.state_dict(), probes=probes.state_dict(), opt=opt.state_dict(),
             config=config, spent=clock.elapsed, seen=seen, step=step)

    while clock.progress < 1:
        for group in opt.param_groups:
            group["lr"] = clock.lr(args.lr)
        early = clock.progress < args.dense_fraction
        if early:
            tokens, form, weights = 36, "bare", EARLY
            scenes = [lesson_scene(rng, 2, 4, 0.3) for _ in range(args.batch)]
        else:
            tokens = sizes[rng.choice(len(sizes), p=shares)]
            form = str(rng.choice(["free", "short", "bare"], p=[0.6, 0.2, 0.2]))
            weights = WEIGHTS
            scenes = [lesson_scene(rng, 1, 6, float(rng.choice([0.3, 0.7], p=[0.7, 0.3]))) for _ in range(args.batch)]
        if not early and rng.random() < args.caption_share:  # upstream's [NO_PROMPT] form
            b = collate([tokenizer.caption(caption(s), tokens) for s in scenes], tokens)
            embeds = splice(lm, b.ids.clamp(min=0), b.image_at, writer(lm.model.embed_tokens, scenes, tokens, 0.2))
            loss, _, _ = answer_loss(lm, embeds, b.labels)
            opt.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            opt.step()
            captions.append(loss.item())
            clock.done = step = step + 1
            seen += len(scenes)
            continue
        asked = [some_questions(s, rng, weights, 3, args.questions) for s in scenes]
        p = pack(asked, tokens, tokenizer, form)
        named, cells, second, related, facts = scaffold(p, scenes, asked, words)
        states: list[torch.Tensor] = []
        visual = writer(lm.model.embed_tokens, scenes, tokens, 0.2)
        loss, _, _ = packed_forward(lm, p, visual, states)
        look = [look_loss(lm, states[0], 0, 0, named, p), look_loss(lm, states[1], 1, 0, cells, p),
                look_loss(lm, states[1], 1, 1, second, p), look_loss(lm, states[1], 1, 2, related, p)]
        fact = probes(states, facts)
        total = loss + args.pointer * sum(look) + args.probe * fact
        opt.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        opt.step()
        losses.append([loss.item(), *[y.item() for y in look], fact.item()])
        clock.done = step = step + 1
        seen += len(scenes)
        if rank:
            continue
        if clock.elapsed - last_log > 15:
            last_log = clock.elapsed
            mean = np.mean(losses, 0)
            log.write(minute=clock.elapsed / 60, step=step, seen=seen, loss=float(mean[0]), look_named=float(mean[1]),
                      look_cell=float(mean[2]), look_second=float(mean[3]), look_relation=float(mean[4]),
                      probes=float(mean[5]), captions=float(np.mean(captions)) if captions else 0.0)
            losses, captions = [], []
        if clock.elapsed - last_eval > args.check_every:
            last_eval = clock.elapsed
            check()
    end_worker(rank, args.workers)
    check(final=True)
