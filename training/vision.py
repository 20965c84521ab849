"""Stage 1: pre-training of the vision tower by dense labels (class and box of the sprite at every patch).

Crops of 6x6 patches first (cheap: a quarter of the tokens, the position rows of a random window), whole scenes later.
"""
from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .common import Clock, Log, optimizer, save
from .data import scenes as S
from .model.config import CLIP_MEAN, CLIP_STD
from .model.vision import CLIPVisionModel

PATCH = 8


def normalise(images: np.ndarray, device) -> torch.Tensor:
    """uint8 [B, H, W, 3] -> float32 [B, 3, H, W] as CLIP wants it."""
    x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).to(device).float().div_(255)
    mean = torch.tensor(CLIP_MEAN, device=device).view(1, 3, 1, 1)
    std = torch.tensor(CLIP_STD, device=device).view(1, 3, 1, 1)
    return (x - mean) / std


def patch_labels(boxes: list[tuple[int, int, int, int]], grid: int) -> tuple[np.ndarray, np.ndarray]:
    """boxes (class, x, y, size) -> class per patch (0 = background) and x1, y1, x2, y2 in pixels of the crop."""
    label = np.zeros((grid, grid), np.int64)
    box = np.zeros((grid, grid, 4), np.float32)
    centre = np.arange(grid) * PATCH + PATCH / 2
    for cls, x, y, s in boxes:
        rows = np.nonzero((centre >= y) & (centre < y + s))[0]
        columns = np.nonzero((centre >= x) & (centre < x + s))[0]
        if len(rows) and len(columns):
            label[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1] = cls + 1
            box[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1] = (x, y, x + s, y + s)
    return label, box


def crop_batch(rng: np.random.Generator, n: int, grid: int, styles=(0, 1)):
    """Free-hand crops: one to three sprites, possibly cut by the border."""
    side = grid * PATCH
    n_classes = len(S.class_names())
    images = np.empty((n, side, side, 3), np.int32)
    labels = np.empty((n, grid, grid), np.int64)
    boxes = np.empty((n, grid, grid, 4), np.float32)
    for i in range(n):
        images[i] = S.BACKGROUNDS[rng.integers(len(S.BACKGROUNDS))][1]
        placed = []
        for _ in range(rng.integers(2, 5)):
            size = int(rng.integers(20, 24) if rng.random() < 0.5 else rng.integers(28, 33))
            for _ in range(10):
                x, y = (int(v) for v in rng.integers(-size // 2, side - size // 2, 2))
                if all(x + size <= a or a + s <= x or y + size <= b or b + s <= y for _, a, b, s in placed):
                    cls = int(rng.integers(n_classes))
                    S.blend(images[i], S.sprite(cls, styles[rng.integers(len(styles))], size), x, y)
                    placed.append((cls, x, y, size))
                    break
        labels[i], boxes[i] = patch_labels(placed, grid)
    return images.astype(np.uint8), labels, boxes


def scene_batch(seeds, split="train"):
    images, labels, boxes = [], [], []
    for seed in seeds:
        scene = S.generate_scene(int(seed), split)
        images.append(S.render_scene(scene))
        label, box = patch_labels([(o.cls, o.x, o.y, o.size) for o in scene.objects], S.IMAGE // PATCH)
        labels.append(label)
        boxes.append(box)
    return np.stack(images), np.stack(labels), np.stack(boxes)


class DenseHead(nn.Module):
    """Linear read-outs of the last hidden state; thrown away after pre-training."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.cls = nn.Linear(width, classes + 1)
        self.box = nn.Linear(width, 4)


def dense_loss(head, feats, labels, boxes):
    logits = head.cls(feats)
    target = labels.flatten()
    ce = F.cross_entropy(logits.flatten(0, 1), target)
    on = target > 0
    box = F.smooth_l1_loss(head.box(feats).flatten(0, 1)[on], boxes.view(-1, 4)[on] / S.IMAGE, beta=0.05)
    accuracy = (logits.flatten(0, 1).argmax(-1)[on] == target[on]).float().mean()
    return ce + 4 * box, ce, box, accuracy


@torch.no_grad()
def evaluate(model, head, device, n=256, split="test"):
    model.eval()
    images, labels, boxes = scene_batch(range(n), split)
    feats = model.features(normalise(images, device))
    labels, boxes = torch.from_numpy(labels).to(device), torch.from_numpy(boxes).to(device)
    _, ce, _, accuracy = dense_loss(head, feats, labels, boxes)
    on = labels.flatten() > 0
    error = (head.box(feats).flatten(0, 1)[on] * S.IMAGE - boxes.view(-1, 4)[on]).abs().mean()
    model.train()
    return dict(ce=ce.item(), object_patches=accuracy.item(), box_error_px=error.item())


def train(args, device, run):
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    from .model.config import PRESETS
    config = PRESETS[args.preset][0]
    model = CLIPVisionModel(config).to(device)
    head = DenseHead(config["hidden_size"], len(S.class_names())).to(device)
    path = run / "vision.pt"
    spent = seen = step = 0
    if path.exists():
        state = torch.load(path, map_location=device, weights_only=False)
        model.load_state_dict(state["model"])
        head.load_state_dict(state["head"])
        spent, seen, step = state["spent"], state["seen"], state["step"]
        rng = np.random.default_rng([args.seed, step])
    opt = optimizer([*model.parameters(), *head.parameters()], args.lr, 0.02)
    if path.exists() and state.get("opt"):
        opt.load_state_dict(state["opt"])
    clock, log = Clock(args.minutes, spent, args.steps, step), Log(run / "log.jsonl", "vision")
    grid, full = 6, config["image_size"] // PATCH
    last_log = last_eval = clock.elapsed
    while clock.progress < 1:
        for group in opt.param_groups:
            group["lr"] = clock.lr(args.lr)
        crops = clock.progress < args.crop_fraction
        if crops:
            n = args.batch * 4
            images, labels, boxes = crop_batch(rng, n, grid)
            window = tuple(int(v) for v in rng.integers(0, full - grid + 1, 2))
            boxes = boxes + np.array([window[1], window[0]] * 2, np.float32) * PATCH
        else:
            n, window = args.batch, None
            images, labels, boxes = scene_batch(rng.integers(0, S.SEED_LIMIT, n))
        feats = model.features(normalise(images, device), window=window)
        loss, ce, box, accuracy = dense_loss(head, feats, torch.from_numpy(labels).to(device),
                                             torch.from_numpy(boxes).to(device))
        opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        clock.done = step = step + 1
        seen += n
        if clock.elapsed - last_log > 15:
            last_log = clock.elapsed
            log.write(minute=clock.elapsed / 60, step=step, seen=seen, crops=crops, ce=ce.item(), box=box.item(),
                      object_patches=accuracy.item())
        if clock.elapsed - last_eval > 90:
            last_eval = clock.elapsed
            log.write(minute=clock.elapsed / 60, held_out=True, **evaluate(model, head, device))
            save(path, model=model.state_dict(), head=head.state_dict(), opt=opt.state_dict(), config=config,
                 spent=clock.elapsed, seen=seen, step=step)
    log.write(minute=clock.elapsed / 60, held_out=True, final=True, **evaluate(model, head, device, 1000))
    save(path, model=model.state_dict(), head=head.state_dict(), opt=opt.state_dict(), config=config,
         spent=clock.elapsed, seen=seen, step=step)
