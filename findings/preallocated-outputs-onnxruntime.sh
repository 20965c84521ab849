#!/bin/sh
# What onnxruntime 1.30.0 does in JavaScript with an output tensor that the caller gives (`session.run(feeds, { y: tensor })`).
#
# Guess before the run: both packages write into the given memory and return the given tensor, as the documentation of `FetchesType` reads.
# What came out, for tensors in the processor's memory:
#  - onnxruntime-web (WASM) returns the given tensor with what it held before: the result is lost, without an error or a warning;
#  - onnxruntime-node writes into the given memory, but returns another tensor with a copy of it: a cache of keys and values that is written
#    in place is copied whole for every token.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python >/dev/null
python/bin/pip install -q onnx==1.20.1 2>/dev/null
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 onnxruntime-web@1.30.0 >/dev/null
cat > make.py <<'PY'
from onnx import TensorProto, helper as h
x, y = (h.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy")
graph = h.make_graph([h.make_node("Add", ["x", "one"], ["y"])], "graph", [x], [y], [h.make_tensor("one", TensorProto.FLOAT, [1], [1.0])])
model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=10)
open("model.onnx", "wb").write(model.SerializeToString())
PY
cat > run.mjs <<'JS'
import node from 'onnxruntime-node';
import * as web from 'onnxruntime-web';
for (const [name, ort] of [['onnxruntime-node', node], ['onnxruntime-web', web]]) {
	const session = await ort.InferenceSession.create('model.onnx');
	const x = new ort.Tensor('float32', Float32Array.of(1, 2, 3, 4), [4]);
	const given = new ort.Tensor('float32', Float32Array.of(9, 9, 9, 9), [4]);
	const { y } = await session.run({ x }, { y: given });
	const plain = (await session.run({ x })).y;
	console.log(`${name}: x + 1 without: ${plain.data}; given holds ${given.data}; returned ${y.data}, the given tensor: ${y === given}`);
}
JS
python/bin/python make.py
node run.mjs > seen.txt
cat seen.txt
cat > expected.txt <<'TXT'
onnxruntime-node: x + 1 without: 2,3,4,5; given holds 2,3,4,5; returned 2,3,4,5, the given tensor: false
onnxruntime-web: x + 1 without: 2,3,4,5; given holds 9,9,9,9; returned 9,9,9,9, the given tensor: true
TXT
diff expected.txt seen.txt && echo 'As described.'
