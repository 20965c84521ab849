#!/usr/bin/env python3
"""The files that transformers.js reads of a SmolVLM, for `npm run bench -- --vlm`.

Written here, since the published ones hold other weights: the same three graphs with the same names of inputs and outputs
(vision_encoder, embed_tokens, decoder_model_merged), out of the operators that exporters of language models give them
(GroupQueryAttention with rotary inside, SkipSimplifiedLayerNormalization), and made smaller by onnxruntime's own tools as transformers.js'
scripts call them: q8 is quantize_dynamic, q4 is MatMulNBits in blocks of 32. Two things are easier for the peer than what is published:
a picture's mask is not looked at, and logits are computed for as many positions as it asks for (num_logits_to_keep, which newer files have).

    peer.py CHECKPOINT_DIR OUT_DIR    writes OUT_DIR/*.json and OUT_DIR/onnx/*.onnx
"""
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """bfloat16 tensors as float32."""
    data = np.memmap(path, np.uint8, "r")
    start = 8 + int(data[:8].view("<u8")[0])
    header = json.loads(bytes(data[8:start]))
    weights = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        bits = np.frombuffer(data[start + begin : start + end].tobytes(), "<u2").astype(np.uint32) << 16
        weights[name] = bits.view(np.float32).reshape(entry["shape"])
    return weights


class Graph:
    """Nodes in the order of their computation; every operator gives its first output's name."""

    def __init__(self, weights: dict[str, np.ndarray]):
        self.weights, self.nodes, self.initializers, self.constants = weights, [], {}, {}

    def __call__(self, op: str, *inputs: str, outputs=1, domain="", **attributes):
        names = [f"{op}_{len(self.nodes)}.{i}" for i in range(outputs)] if isinstance(outputs, int) else outputs
        self.nodes.append(helper.make_node(op, inputs, names, name=f"/{op}_{len(self.nodes)}", domain=domain, **attributes))
        return names[0] if len(names) == 1 else names

    def value(self, array) -> str:
        array = np.asarray(array)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = self.store(f"constant_{len(self.constants)}", array)
        return self.constants[key]

    def store(self, name: str, array: np.ndarray) -> str:
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def weight(self, name: str) -> str:
        return self.store(name, self.weights[name])

    def linear(self, x: str, name: str, bias=False) -> str:
        y = self("MatMul", x, self.store(f"{name}.weight.T", self.weights[f"{name}.weight"].T))
        return self("Add", y, self.weight(f"{name}.bias")) if bias else y

    def ints(self, *values: int) -> str:
        return self.value(np.array(values, np.int64))

    def save(self, path: Path, inputs, outputs):
        info = lambda ports: [helper.make_tensor_value_info(name, kind, dims) for name, kind, dims in ports]
        graph = helper.make_graph(self.nodes, path.stem, info(inputs), info(outputs), list(self.initializers.values()))
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)


def vision_encoder(g: Graph, config: dict, scale: int, out: Path):
    width, heads, layers = config["hidden_size"], config["num_attention_heads"], config["num_hidden_layers"]
    size, patch = config["image_size"], config["patch_size"]
    side = size // patch
    root = "model.vision_model"
    pixels = g("Reshape", "pixel_values", g.ints(-1, 3, size, size))
    conv = f"{root}.embeddings.patch_embedding"
    x = g("Conv", pixels, g.weight(f"{conv}.weight"), g.weight(f"{conv}.bias"), kernel_shape=[patch] * 2, strides=[patch] * 2)
    x = g("Transpose", g("Reshape", x, g.ints(0, width, side * side)), perm=[0, 2, 1])
    x = g("Add", x, g.weight(f"{root}.embeddings.position_embedding.weight"))
    norm = lambda x, name: g("LayerNormalization", x, g.weight(f"{name}.weight"), g.weight(f"{name}.bias"), epsilon=1e-6)
    split = g.ints(0, 0, heads, width // heads)
    for i in range(layers):
        layer = f"{root}.encoder.layers.{i}"
        normed = norm(x, f"{layer}.layer_norm1")
        part = lambda name, perm: g("Transpose", g("Reshape", g.linear(normed, f"{layer}.self_attn.{name}_proj", True), split), perm=perm)
        scores = g("MatMul", part("q", [0, 2, 1, 3]), part("k", [0, 2, 3, 1]))
        scores = g("Softmax", g("Mul", scores, g.value(np.float32((width // heads) ** -0.5))), axis=-1)
        mixed = g("Transpose", g("MatMul", scores, part("v", [0, 2, 1, 3])), perm=[0, 2, 1, 3])
        mixed = g("Reshape", mixed, g.ints(0, 0, width))
        x = g("Add", x, g.linear(mixed, f"{layer}.self_attn.out_proj", True))
        inner = g("Gelu", g.linear(norm(x, f"{layer}.layer_norm2"), f"{layer}.mlp.fc1", True), approximate="tanh")
        x = g("Add", x, g.linear(inner, f"{layer}.mlp.fc2", True))
    x = norm(x, f"{root}.post_layernorm")
    few = side // scale
    x = g("Reshape", x, g.ints(-1, side, few, width * scale))
    x = g("Transpose", x, perm=[0, 2, 1, 3])
    x = g("Reshape", x, g.ints(-1, few, few, width * scale * scale))
    x = g("Transpose", x, perm=[0, 2, 1, 3])
    x = g("Reshape", x, g.ints(-1, few * few, width * scale * scale))
    y = g.linear(x, "model.connector.modality_projection.proj")
    g("Identity", y, outputs=["image_features"])
    hidden = g.weights["model.connector.modality_projection.proj.weight"].shape[0]
    mask = ("pixel_attention_mask", BOOL, ["batch_size", "num_images", "height", "width"])
    g.save(
        out / "vision_encoder.onnx",
        [("pixel_values", FLOAT, ["batch_size", "num_images", 3, "height", "width"]), mask],
        [("image_features", FLOAT, ["num_tiles", few * few, hidden])],
    )


def embed_tokens(g: Graph, hidden: int, out: Path):
    g("Gather", g.weight("model.text_model.embed_tokens.weight"), "input_ids", outputs=["inputs_embeds"])
    g.save(
        out / "embed_tokens.onnx",
        [("input_ids", INT64, ["batch_size", "sequence_length"])],
        [("inputs_embeds", FLOAT, ["batch_size", "sequence_length", hidden])],
    )


def decoder(g: Graph, config: dict, out: Path):
    heads, kv_heads, size = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]
    layers, hidden, epsilon = config["num_hidden_layers"], config["hidden_size"], config["rms_norm_eps"]
    angles = np.outer(
        np.arange(config["max_position_embeddings"]), config["rope_theta"] ** (-np.arange(0, size, 2) / size)
    )
    cos, sin = g.store("cos_cache", np.cos(angles).astype(np.float32)), g.store("sin_cache", np.sin(angles).astype(np.float32))
    one = g.ints(1)
    lengths = g("Sub", g("ReduceSum", "attention_mask", one, keepdims=0), one)
    lengths = g("Cast", lengths, to=TensorProto.INT32)
    total = g("Gather", g("Shape", "attention_mask"), g.value(np.int64(1)))
    total = g("Cast", total, to=TensorProto.INT32)
    text = "model.text_model"
    x = "inputs_embeds"
    normed = g("SimplifiedLayerNormalization", x, g.weight(f"{text}.layers.0.input_layernorm.weight"), epsilon=epsilon, axis=-1)

    def add_and_norm(x: str, y: str, weight: str):
        """Sum, and the norm of the sum."""
        names = [f"{weight}.normed", "", "", f"{weight}.sum"]
        g("SkipSimplifiedLayerNormalization", x, y, g.weight(weight), outputs=names, domain="com.microsoft", epsilon=epsilon)
        return names[3], names[0]

    for i in range(layers):
        layer = f"{text}.layers.{i}"
        q, k, v = (g.linear(normed, f"{layer}.self_attn.{part}_proj") for part in "qkv")
        mixed = f"{layer}.attention"
        past, present = ([f"{what}.{i}.{part}" for part in ("key", "value")] for what in ("past_key_values", "present"))
        g(
            "GroupQueryAttention", q, k, v, *past, lengths, total, cos, sin, outputs=[mixed, *present], domain="com.microsoft",
            num_heads=heads, kv_num_heads=kv_heads, do_rotary=1, rotary_interleaved=0,
        )
        y = g.linear(mixed, f"{layer}.self_attn.o_proj")
        x, normed = add_and_norm(x, y, f"{layer}.post_attention_layernorm.weight")
        gate = g.linear(normed, f"{layer}.mlp.gate_proj")
        gate = g("Mul", gate, g("Sigmoid", gate))
        y = g.linear(g("Mul", gate, g.linear(normed, f"{layer}.mlp.up_proj")), f"{layer}.mlp.down_proj")
        following = f"{text}.layers.{i + 1}.input_layernorm.weight" if i + 1 < layers else f"{text}.norm.weight"
        x, normed = add_and_norm(x, y, following)
    kept = g("Neg", g("Reshape", "num_logits_to_keep", one))
    last = g("Slice", normed, kept, g.ints(2**62), one)
    logits = g.linear(last, "lm_head")
    g("Identity", logits, outputs=["logits"])
    cache = lambda what, length: [
        (f"{what}.{i}.{part}", FLOAT, ["batch_size", kv_heads, length, size]) for i in range(layers) for part in ("key", "value")
    ]
    g.save(
        out / "decoder_model_merged.onnx",
        [
            ("inputs_embeds", FLOAT, ["batch_size", "sequence_length", hidden]),
            ("attention_mask", INT64, ["batch_size", "total_sequence_length"]),
            ("num_logits_to_keep", INT64, []),
            *cache("past_key_values", "past_sequence_length"),
        ],
        [
            ("logits", FLOAT, ["batch_size", "num_logits", config["vocab_size"]]),
            *cache("present", "total_sequence_length"),
        ],
    )


def smaller(path: Path):
    """q8 and q4 beside the float32 file."""
    eight = path.with_name(f"{path.stem}_quantized.onnx")
    # The kernel for integer convolutions takes unsigned weights alone.
    kind = QuantType.QUInt8 if "vision" in path.stem else QuantType.QInt8
    options = dict(EnableSubgraph=True, MatMulConstBOnly=True, DefaultTensorType=FLOAT)
    quantize_dynamic(path, eight, per_channel=False, reduce_range=False, weight_type=kind, extra_options=options)
    four = MatMulNBitsQuantizer(onnx.load(path), block_size=32, is_symmetric=True)
    four.process()
    four.model.save_model_to_file(str(path.with_name(f"{path.stem}_q4.onnx")), use_external_data_format=False)


def main(checkpoint: Path, out: Path):
    config = json.loads((checkpoint / "config.json").read_text())
    weights = read_weights(checkpoint / "model.safetensors")
    graphs = out / "onnx"
    graphs.mkdir(parents=True, exist_ok=True)
    vision_encoder(Graph(weights), config["vision_config"], config["scale_factor"], graphs)
    embed_tokens(Graph(weights), config["text_config"]["hidden_size"], graphs)
    decoder(Graph(weights), config["text_config"], graphs)
    for path in list(graphs.glob("*.onnx")):
        smaller(path)
    for path in checkpoint.glob("*.json"):
        shutil.copy(path, out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
