"""CLIP vision tower with the names and the arithmetic of Hugging Face's CLIPVisionModel."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x):
        b, t, w = x.shape

        def split(y):
            return y.view(b, t, self.heads, w // self.heads).transpose(1, 2)

        y = F.scaled_dot_product_attention(split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x)))
        return self.out_proj(y.transpose(1, 2).reshape(b, t, w))


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(quick_gelu(self.fc1(x)))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(c["hidden_size"], eps=c["layer_norm_eps"])
        self.self_attn = Attention(c["hidden_size"], c["num_attention_heads"])
        self.layer_norm2 = nn.LayerNorm(c["hidden_size"], eps=c["layer_norm_eps"])
        self.mlp = Mlp(c["hidden_size"], c["intermediate_size"])

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Embeddings(nn.Module):
    def __init__(self, c):
        super().__init__()
        w, p = c["hidden_size"], c["patch_size"]
        self.grid = c["image_size"] // p
        self.class_embedding = nn.Parameter(torch.randn(w) * 0.02)
        self.patch_embedding = nn.Conv2d(3, w, p, p, bias=False)
        self.position_embedding = nn.Embedding(self.grid ** 2 + 1, w)
        nn.init.normal_(self.position_embedding.weight, std=0.02)

    def forward(self, pixels, window=None):
        """`window` (row, column): the image is a crop that starts at this patch of the full grid (pre-training only)."""
        x = self.patch_embedding(pixels)
        g = x.shape[-1]
        x = x.flatten(2).transpose(1, 2)
        pos = self.position_embedding.weight
        if g != self.grid:
            grid = pos[1:].view(self.grid, self.grid, -1)
            r, c = window
            pos = torch.cat([pos[:1], grid[r:r + g, c:c + g].reshape(g * g, -1)])
        cls = self.class_embedding.expand(x.shape[0], 1, -1)
        return torch.cat([cls, x], 1) + pos


class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))


class VisionTransformer(nn.Module):
    def __init__(self, c):
        super().__init__()
        w = c["hidden_size"]
        self.embeddings = Embeddings(c)
        self.pre_layrnorm = nn.LayerNorm(w, eps=c["layer_norm_eps"])
        self.encoder = Encoder(c)
        self.post_layernorm = nn.LayerNorm(w, eps=c["layer_norm_eps"])  # in checkpoints, never used by Honeybee

    def forward(self, pixels, window=None):
        x = self.pre_layrnorm(self.embeddings(pixels, window))
        states = [x]
        for layer in self.encoder.layers:
            x = layer(x)
            states.append(x)
        return states


class CLIPVisionModel(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.config = c
        self.vision_model = VisionTransformer(c)

    def forward(self, pixels, window=None):
        return self.vision_model(pixels, window)

    def features(self, pixels, index=-1, window=None):
        """Hidden state `index` without the class token."""
        return self(pixels, window)[index][:, 1:]
