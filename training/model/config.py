"""Sizes of the embedded model. `base` is what two CPU cores can train; `larger` is for a GPU."""
from __future__ import annotations

import copy

CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]

VISION = dict(hidden_size=128, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4, num_channels=3,
              image_size=96, patch_size=8, hidden_act="quick_gelu", layer_norm_eps=1e-5, projection_dim=128,
              image_mean=CLIP_MEAN, image_std=CLIP_STD)
LANGUAGE = dict(hidden_size=160, intermediate_size=448, num_hidden_layers=4, num_attention_heads=5,
                num_key_value_heads=5, rope_theta=10000.0, rms_norm_eps=1e-5, max_position_embeddings=1024)
TOKENS = [16, 36, 64, 144]
_RESAMPLER = dict(projector_type="resampler", hidden_size=128, num_hidden_layers=3, num_attention_heads=4,
                  intermediate_size=256, layer_norm_eps=1e-6, pos_emb=True)
_D_ABS = dict(projector_type="d-abs", d_model=128, decoder_layers=3, decoder_ffn_dim=256, decoder_attention_heads=8,
              decoder_n_points=4, num_feature_levels=1, pooled_v_target="query", pos_emb=True)
# pool: average pooling and a linear layer, no part of upstream; in our converter a C-Abstractor of depth 0
PROJECTORS = {
    "linear": dict(projector_type="mlp", depth=1, num_query_tokens=144, pos_emb=False),
    "mlp": dict(projector_type="mlp", depth=2, num_query_tokens=144, pos_emb=False),
    "pool": dict(projector_type="c-abs", num_query_tokens=36, hidden_size=128, depth=0, mlp_depth=1, pos_emb=False,
                 prenorm=False, trained_tokens=TOKENS),
    "c-abs": dict(projector_type="c-abs", num_query_tokens=36, hidden_size=128, depth=2, mlp_depth=2, pos_emb=True,
                  prenorm=False, trained_tokens=TOKENS),
}
for _name, _c in (("resampler", _RESAMPLER), ("d-abs", _D_ABS)):  # one set of weights per M
    for _m in TOKENS:
        PROJECTORS[_name if _m == 36 else f"{_name}-m{_m}"] = dict(_c, num_query_tokens=_m)
for _name, _p in PROJECTORS.items():
    _p.setdefault("num_eos_tokens", 0)
    _p.setdefault("feature_layer_index", -1)
    _p.setdefault("trained_tokens", [_p["num_query_tokens"]])

PRESETS = {"base": (VISION, LANGUAGE)}
_lv = copy.deepcopy(VISION)
_lv.update(hidden_size=256, intermediate_size=1024, num_hidden_layers=6, num_attention_heads=8)
_ll = copy.deepcopy(LANGUAGE)
_ll.update(hidden_size=384, intermediate_size=1024, num_hidden_layers=6, num_attention_heads=12, num_key_value_heads=12)
PRESETS["larger"] = (_lv, _ll)
