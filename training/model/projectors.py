"""The five projectors of Honeybee, with upstream's state-dict names, and an average-pool control.

All take features without the class token [B, N, E] and give visual tokens [B, M + eos, O].
M of c-abs, d-abs, resampler and the control is `num_query_tokens`; c-abs and the control accept another M per call.
"""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn


def side(n: int) -> int:
    s = math.isqrt(n)
    if s * s != n:
        raise ValueError(f"{n} is not a square")
    return s


class Projector(nn.Module):
    """pos_emb, prenorm and eos_tokens as mlp and c-abs have them."""

    def __init__(self, c, patches, width, out):
        super().__init__()
        self.tokens = c["num_query_tokens"]
        if c.get("pos_emb"):
            self.pos_emb = nn.Parameter(torch.randn(1, patches, width) * 0.02)
        if c.get("prenorm"):
            self.prenorm = nn.LayerNorm(width, eps=1e-6)
        if c.get("num_eos_tokens", 0):
            self.eos_tokens = nn.Parameter(torch.randn(1, c["num_eos_tokens"], out) * 0.02)

    def prepare(self, x):
        if hasattr(self, "prenorm"):
            x = self.prenorm(x)
        if hasattr(self, "pos_emb"):
            x = x + self.pos_emb
        return x

    def finish(self, x):
        if hasattr(self, "eos_tokens"):
            x = torch.cat([x, self.eos_tokens.expand(x.shape[0], -1, -1)], 1)
        return x


def mlp(depth, width, out):
    layers = [nn.Linear(width, out)]
    for _ in range(1, depth):
        layers += [nn.SiLU(), nn.Linear(out, out)]
    return nn.Sequential(*layers)


class MlpProjector(Projector):
    def __init__(self, c, patches, width, out):
        super().__init__(c, patches, width, out)
        self.net = mlp(c["depth"], width, out)

    def forward(self, x):
        return self.finish(self.net(self.prepare(x)))


class PoolProjector(Projector):
    """Control: parameter-free average pooling, then one linear layer. Not part of upstream."""

    def __init__(self, c, patches, width, out):
        super().__init__(c, patches, width, out)
        self.net = mlp(1, width, out)

    def forward(self, x, tokens=None):
        b, n, w = x.shape
        g, m = side(n), side(tokens or self.tokens)
        y = F.adaptive_avg_pool2d(self.prepare(x).transpose(1, 2).reshape(b, w, g, g), m)
        return self.finish(self.net(y.flatten(2).transpose(1, 2)))


class LayerNorm2d(nn.LayerNorm):
    """Per pixel over channels; input and output are NHWC here."""


class ConvNorm(nn.Module):
    def __init__(self, cin, cout, kernel=1, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, padding=kernel // 2, groups=groups, bias=False)
        self.bn = LayerNorm2d(cout, eps=1e-5)

    def forward(self, x):  # NHWC
        k = self.conv.kernel_size[0]
        if k == 1:
            x = F.linear(x, self.conv.weight[:, :, 0, 0])
        else:
            x = self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self.bn(x)


class SqueezeExcite(nn.Module):
    def __init__(self, channels, reduced):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, reduced, 1)
        self.fc2 = nn.Conv2d(reduced, channels, 1)

    def forward(self, x):  # NHWC
        s = x.mean((1, 2), keepdim=True)
        s = F.silu(F.linear(s, self.fc1.weight[:, :, 0, 0], self.fc1.bias))
        return x * torch.sigmoid(F.linear(s, self.fc2.weight[:, :, 0, 0], self.fc2.bias))


class Bottleneck(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv1 = ConvNorm(cin, cout)
        self.conv2 = ConvNorm(cout, cout, 3, groups=cout)
        self.se = SqueezeExcite(cout, round(cin * 0.25))
        self.conv3 = ConvNorm(cout, cout)
        if cin != cout:
            self.downsample = ConvNorm(cin, cout)

    def forward(self, x):
        y = F.silu(self.conv2(F.silu(self.conv1(x))))
        y = self.conv3(self.se(y))
        return F.silu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class Stage(nn.Sequential):
    def __init__(self, depth, cin, cout):
        super().__init__()
        for i in range(depth):
            self.add_module(f"b{i + 1}", Bottleneck(cin if i == 0 else cout, cout))


class CAbstractor(Projector):
    def __init__(self, c, patches, width, out):
        super().__init__(c, patches, width, out)
        depth, hidden = c["depth"], c["hidden_size"]
        if depth:
            self.net = nn.ModuleDict({"0": Stage(depth, width, hidden), "2": Stage(depth, hidden, hidden)})
        self.readout = mlp(c["mlp_depth"], hidden if depth else width, out)

    def forward(self, x, tokens=None):
        b, n, w = x.shape
        g, m = side(n), side(tokens or self.tokens)
        y = self.prepare(x).view(b, g, g, w)
        if hasattr(self, "net"):
            y = self.net["0"](y)
        y = F.adaptive_avg_pool2d(y.permute(0, 3, 1, 2), m).permute(0, 2, 3, 1)
        if hasattr(self, "net"):
            y = self.net["2"](y)
        return self.finish(self.readout(y.flatten(1, 2)))


class ResamplerAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)

    def forward(self, q, kv):
        b, m, w = q.shape

        def split(y):
            return y.view(b, -1, self.heads, w // self.heads).transpose(1, 2)

        y = F.scaled_dot_product_attention(split(self.query(q)), split(self.key(kv)), split(self.value(kv)))
        return y.transpose(1, 2).reshape(b, m, w)


class ResamplerMlp(nn.Module):
    def __init__(self, width, hidden, eps):
        super().__init__()
        self.w1 = nn.Linear(width, hidden)
        self.w3 = nn.Linear(width, hidden)
        self.ffn_ln = nn.LayerNorm(hidden, eps=eps)
        self.w2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.w2(self.ffn_ln(F.silu(self.w1(x)) * self.w3(x)))


class ResamplerOutput(nn.Module):
    def __init__(self, width, hidden, eps):
        super().__init__()
        self.out_proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = ResamplerMlp(width, hidden, eps)


class ResamplerCross(nn.Module):
    def __init__(self, c):
        super().__init__()
        w = c["hidden_size"]
        self.attention = ResamplerAttention(w, c["num_attention_heads"])
        self.output = ResamplerOutput(w, c["intermediate_size"], c["layer_norm_eps"])
        self.norm1 = nn.LayerNorm(w)
        self.normk = nn.LayerNorm(w)

    def forward(self, q, kv):
        q, k = self.norm1(q), self.normk(kv)
        y = q + self.output.out_proj(self.attention(q, torch.cat([q, k], 1)))  # residual on the normalised queries
        return y + self.output.mlp(self.output.norm2(y))


class ResamplerLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.crossattention = ResamplerCross(c)


class ResamplerEncoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.layers = nn.ModuleList(ResamplerLayer(c) for _ in range(c["num_hidden_layers"]))


class Resampler(nn.Module):
    def __init__(self, c, patches, width, out):
        super().__init__()
        d = c["hidden_size"]
        if c.get("pos_emb"):
            self.pos_emb = nn.Parameter(torch.randn(1, patches, width) * 0.02)
        if c.get("num_eos_tokens", 0):
            self.vit_eos = nn.Parameter(torch.randn(1, c["num_eos_tokens"], out) * 0.02)
        self.query_tokens = nn.Parameter(torch.randn(1, c["num_query_tokens"], d) * 0.02)
        self.visual_input_fc = nn.Linear(width, d)
        self.encoder = ResamplerEncoder(c)
        self.visual_output_fc = nn.Linear(d, out)

    def forward(self, x):
        if hasattr(self, "pos_emb"):
            x = x + self.pos_emb
        kv = self.visual_input_fc(x)
        q = self.query_tokens.expand(x.shape[0], -1, -1)
        for layer in self.encoder.layers:
            q = layer.crossattention(q, kv)
        y = self.visual_output_fc(q)
        if hasattr(self, "vit_eos"):
            y = torch.cat([y, self.vit_eos.expand(y.shape[0], -1, -1)], 1)
        return y


class DetrAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, h, pos):
        b, m, w = h.shape

        def split(y):
            return y.view(b, m, self.heads, w // self.heads).transpose(1, 2)

        x = h + pos
        y = F.scaled_dot_product_attention(split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(h)))
        return self.out_proj(y.transpose(1, 2).reshape(b, m, w))


class DeformableAttention(nn.Module):
    def __init__(self, width, heads, levels, points):
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.sampling_offsets = nn.Linear(width, heads * levels * points * 2)
        self.attention_weights = nn.Linear(width, heads * levels * points)
        self.value_proj = nn.Linear(width, width)
        self.output_proj = nn.Linear(width, width)
        nn.init.zeros_(self.sampling_offsets.weight)
        angle = torch.arange(heads, dtype=torch.float32) * (2 * math.pi / heads)
        grid = torch.stack([angle.cos(), angle.sin()], -1)
        grid = (grid / grid.abs().max(-1, keepdim=True)[0]).view(heads, 1, 1, 2).repeat(1, levels, points, 1)
        for i in range(points):
            grid[:, :, i] *= i + 1
        self.sampling_offsets.bias.data = grid.flatten()
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)

    def forward(self, h, value, reference):
        """One level. h [B, M, D] already with positions; value [B, N, D]; reference [1, M, 2] (x, y)."""
        b, m, w = h.shape
        n, g = value.shape[1], side(value.shape[1])
        heads, points = self.heads, self.points * self.levels
        v = self.value_proj(value).view(b, n, heads, w // heads).permute(0, 2, 3, 1).reshape(b * heads, w // heads, g, g)
        offsets = self.sampling_offsets(h).view(b, m, heads, points, 2)
        weights = self.attention_weights(h).view(b, m, heads, points).softmax(-1)
        where = reference[:, :, None, None] + offsets / g
        where = (2 * where - 1).transpose(1, 2).flatten(0, 1)  # [B*H, M, P, 2]
        sampled = F.grid_sample(v, where, mode="bilinear", padding_mode="zeros", align_corners=False)
        y = (sampled * weights.transpose(1, 2).reshape(b * heads, 1, m, points)).sum(-1)
        return self.output_proj(y.view(b, w, m).transpose(1, 2))


class DeformableLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        w, heads = c["d_model"], c["decoder_attention_heads"]
        self.self_attn = DetrAttention(w, heads)
        self.self_attn_layer_norm = nn.LayerNorm(w)
        self.encoder_attn = DeformableAttention(w, heads, c["num_feature_levels"], c["decoder_n_points"])
        self.encoder_attn_layer_norm = nn.LayerNorm(w)
        self.fc1 = nn.Linear(w, c["decoder_ffn_dim"])
        self.fc2 = nn.Linear(c["decoder_ffn_dim"], w)
        self.final_layer_norm = nn.LayerNorm(w)

    def forward(self, h, pos, value, reference):
        h = self.self_attn_layer_norm(h + self.self_attn(h, pos))
        h = self.encoder_attn_layer_norm(h + self.encoder_attn(h + pos, value, reference))
        return self.final_layer_norm(h + self.fc2(F.relu(self.fc1(h))))


class DAbstractor(nn.Module):
    def __init__(self, c, patches, width, out):
        super().__init__()
        d, m, g = c["d_model"], c["num_query_tokens"], side(patches)
        if c["num_feature_levels"] != 1:
            raise ValueError("d-abs: one feature level only")
        self.mode = c["pooled_v_target"]
        steps = torch.linspace(0.5, g - 0.5, side(m)) / g
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        self.reference_points = nn.Parameter(torch.stack([x, y], -1).view(1, m, 2))
        self.query_position_embeddings = nn.Embedding(m, d if self.mode != "none" else 2 * d)
        nn.init.normal_(self.query_position_embeddings.weight, std=0.02)
        if c.get("pos_emb"):
            self.v_pos_emb = nn.Parameter(torch.randn(1, patches, d) * 0.02)
        if c.get("num_eos_tokens", 0):
            self.eos_tokens = nn.Parameter(torch.randn(1, c["num_eos_tokens"], d) * 0.02)
        if width != d:
            self.input_proj = nn.ModuleList([nn.Linear(width, d)])
        if out != d:
            self.output_proj = nn.Linear(d, out)
        self.layers = nn.ModuleList(DeformableLayer(c) for _ in range(c["decoder_layers"]))

    def forward(self, x):
        v = self.input_proj[0](x) if hasattr(self, "input_proj") else x
        if hasattr(self, "v_pos_emb"):
            v = v + self.v_pos_emb
        b, n, d = v.shape
        g, m = side(n), self.reference_points.shape[1]
        learned = self.query_position_embeddings.weight.expand(b, -1, -1)
        if self.mode == "none":
            pos, h = learned.split(d, -1)
        else:
            pooled = F.adaptive_avg_pool2d(v.transpose(1, 2).reshape(b, d, g, g), side(m)).flatten(2).transpose(1, 2)
            pos, h = (pooled, learned) if self.mode == "query" else (learned, pooled)
        for layer in self.layers:
            h = layer(h, pos, v, self.reference_points)
        if hasattr(self, "eos_tokens"):
            h = torch.cat([h, self.eos_tokens.expand(b, -1, -1)], 1)
        return self.output_proj(h) if hasattr(self, "output_proj") else h


KINDS = {"mlp": MlpProjector, "c-abs": CAbstractor, "resampler": Resampler, "d-abs": DAbstractor, "pool": PoolProjector}


def visual_embeds(projector: nn.Module, features: torch.Tensor, tokens: int) -> torch.Tensor:
    """[B, tokens + eos, O]; only c-abs and pool take another M than their own."""
    if isinstance(projector, (CAbstractor, PoolProjector)):
        return projector(features, tokens)
    return projector(features)


def build(c: dict, patches: int, width: int, out: int) -> nn.Module:
    return KINDS[c["projector_type"]](c, patches, width, out)
