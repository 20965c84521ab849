"""LLaMA with the names and the arithmetic of Hugging Face's LlamaForCausalLM (MHA and GQA)."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class RMSNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        w = c["hidden_size"]
        self.heads, self.kv_heads = c["num_attention_heads"], c["num_key_value_heads"]
        self.dim = w // self.heads
        self.q_proj = nn.Linear(w, w, bias=False)
        self.k_proj = nn.Linear(w, self.kv_heads * self.dim, bias=False)
        self.v_proj = nn.Linear(w, self.kv_heads * self.dim, bias=False)
        self.o_proj = nn.Linear(w, w, bias=False)

    def forward(self, x, cos, sin, cache=None):
        """`cache` = (keys, values, mask): earlier positions (or None) and an additive mask [B, 1, T, past + T] or None."""
        b, t, w = x.shape
        q_size, kv_size = self.heads * self.dim, self.kv_heads * self.dim
        qkv = F.linear(x, torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight]))
        q, k, v = qkv.split([q_size, kv_size, kv_size], -1)
        q = rotate(q.view(b, t, self.heads, self.dim).transpose(1, 2), cos, sin)
        k = rotate(k.view(b, t, self.kv_heads, self.dim).transpose(1, 2), cos, sin)
        v = v.view(b, t, self.kv_heads, self.dim).transpose(1, 2)
        mask = None
        if cache is not None:
            if cache[0] is not None:
                k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
            mask = cache[2]
        present = (k, v)
        if self.kv_heads != self.heads:
            k, v = (y.repeat_interleave(self.heads // self.kv_heads, 1) for y in (k, v))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None and t > 1)
        return self.o_proj(y.transpose(1, 2).reshape(b, t, w)), present


class Mlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        w, i = c["hidden_size"], c["intermediate_size"]
        self.gate_proj = nn.Linear(w, i, bias=False)
        self.up_proj = nn.Linear(w, i, bias=False)
        self.down_proj = nn.Linear(i, w, bias=False)

    def forward(self, x):
        gate, up = F.linear(x, torch.cat([self.gate_proj.weight, self.up_proj.weight])).chunk(2, -1)
        return self.down_proj(F.silu(gate) * up)


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.self_attn = Attention(c)
        self.mlp = Mlp(c)
        self.input_layernorm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])
        self.post_attention_layernorm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])

    def forward(self, x, cos, sin, cache=None):
        y, present = self.self_attn(self.input_layernorm(x), cos, sin, cache)
        x = x + y
        return x + self.mlp(self.post_attention_layernorm(x)), present


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])
        dim = c["hidden_size"] // c["num_attention_heads"]
        inv = c["rope_theta"] ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
        angle = torch.arange(c["max_position_embeddings"], dtype=torch.float64)[:, None] * inv[None]
        self.register_buffer("cos", torch.cat([angle.cos()] * 2, -1).float(), persistent=False)
        self.register_buffer("sin", torch.cat([angle.sin()] * 2, -1).float(), persistent=False)

    def forward(self, x, past=None, mask=None, positions=None, states=None):
        """-> (hidden after the final norm, per-layer keys and values); a list `states` gets the input of every layer."""
        start = 0 if past is None else past[0][0].shape[2]
        if positions is None:
            cos, sin = (y[start:start + x.shape[1]] for y in (self.cos, self.sin))
        else:
            cos, sin = (y[positions][:, None] for y in (self.cos, self.sin))  # positions [B, T]
        if past is not None and mask is None and x.shape[1] > 1:
            t = x.shape[1]
            mask = torch.full((t, start + t), float("-inf"), device=x.device).triu(start + 1)[None, None]
        present = []
        for i, layer in enumerate(self.layers):
            if states is not None:
                states.append(x)
            before = past[i] if past is not None else (None, None)
            x, kv = layer(x, cos, sin, None if past is None and mask is None else (*before, mask))
            present.append(kv)
        if states is not None:
            states.append(x)
        return self.norm(x), present


class LlamaForCausalLM(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.config = c
        self.model = Model(c)
        self.lm_head = nn.Linear(c["hidden_size"], c["vocab_size"], bias=False)
        self.reset(c)

    @torch.no_grad()
    def reset(self, c):
        """Mimetic start: most heads attend to similar tokens and copy them, the head reads the embedding back.

        From a plain random start, nothing beyond the background colour was learned in 20 CPU-minutes.
        """
        w, dim = c["hidden_size"], c["hidden_size"] // c["num_attention_heads"]
        nn.init.normal_(self.model.embed_tokens.weight, std=0.5)
        self.lm_head.weight.copy_(self.model.embed_tokens.weight * 0.3)
        for layer in self.model.layers:
            a, m = layer.self_attn, layer.mlp
            for p in (a.q_proj, a.k_proj, m.gate_proj, m.up_proj, m.down_proj):
                nn.init.normal_(p.weight, std=p.weight.shape[1] ** -0.5)
            m.down_proj.weight *= 0.35
            if a.kv_heads == a.heads:
                alike = (a.heads * 3 + 4) // 5 * dim
                a.q_proj.weight[:alike] = a.k_proj.weight[:alike]
            nn.init.orthogonal_(a.v_proj.weight)
            if a.kv_heads == a.heads:
                a.o_proj.weight.copy_(a.v_proj.weight.T * 0.5)
            else:
                nn.init.normal_(a.o_proj.weight, std=0.35 * w ** -0.5)
