import { toBytes } from '../../src/lib/checkpoint/bytes.ts';
import { parseConfig } from '../../src/lib/model/families/honeybee/parse-config.ts';
import { bfloat16sToFloat32 } from '../../src/lib/tensor/half.ts';
import { elementCount } from '../../src/lib/tensor/tensor.ts';
import { expectedTensors } from '../support/random-checkpoint.ts';
import { officialConfig, type OfficialProjector, type OfficialSize } from './shapes.ts';
import { torchFile, type TorchTensor } from './torch-file.ts';
import { weightBits } from './weights.ts';

/** A file of a checkpoint folder, as chunks. */
export interface CheckpointFile {
	readonly path: string;
	readonly chunks: Iterable<Uint8Array>;
}

/**
 * A randomly initialised checkpoint in upstream's layout: config.json, two shards of torch.save and their index. bfloat16, with
 * a D-Abstractor in float32 (SPEC §1). Made chunk by chunk, so that 13 GB need little memory.
 */
export function* officialCheckpoint(
	projector: OfficialProjector,
	divide: number,
	size: OfficialSize = '7b',
	shards = 2
): Generator<CheckpointFile, void, void> {
	const json = officialConfig(projector, divide, size);
	yield { path: 'config.json', chunks: [encode(json)] };
	const width = json.vision_config.hidden_size;
	const shapes = expectedTensors(parseConfig(json));
	// Official checkpoints have it, and nothing uses it.
	for (const what of ['weight', 'bias'])
		shapes.set(`vision_model.vision_model.post_layernorm.${what}`, [width]);
	const tensors = [...shapes].map(([key, dims]) =>
		torchTensor(key, dims, projector === 'd-abs' && key.startsWith('abstractor.'))
	);
	const bytes = (tensor: TorchTensor) => elementCount(tensor.dims) * (tensor.dtype === 'float32' ? 4 : 2);
	const total = tensors.reduce((sum, tensor) => sum + bytes(tensor), 0);
	const weight_map: Record<string, string> = {};
	let at = 0;
	for (let shard = 1; shard <= shards; shard++) {
		const number = (n: number) => String(n).padStart(5, '0');
		const path = `pytorch_model-${number(shard)}-of-${number(shards)}.bin`;
		const own: TorchTensor[] = [];
		for (let written = 0; at < tensors.length && (shard === shards || written < total / shards); at++) {
			const tensor = tensors[at]!;
			own.push(tensor);
			written += bytes(tensor);
			weight_map[tensor.key] = path;
		}
		yield { path, chunks: torchFile(own) };
	}
	yield {
		path: 'pytorch_model.bin.index.json',
		chunks: [encode({ metadata: { total_size: total }, weight_map })]
	};
}

function torchTensor(key: string, dims: readonly number[], wide: boolean): TorchTensor {
	return {
		key,
		dims,
		dtype: wide ? 'float32' : 'bfloat16',
		part(start, end) {
			const size = wide ? 4 : 2;
			const data = weightBits(key, dims, start / size, end / size);
			return wide
				? toBytes({ dtype: 'float32', dims: [data.length], data: bfloat16sToFloat32(data) })
				: toBytes({ dtype: 'bfloat16', dims: [data.length], data });
		}
	};
}

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** Pixels and ids that go into both implementations; the ids lie before and behind the image's visual tokens. */
export function fixedInput(vocabulary: number, side: number) {
	const pixels = bfloat16sToFloat32(weightBits('pixel_values', [4, 3 * side * side], 0, 3 * side * side));
	const ids = (count: number, step: number) =>
		Array.from({ length: count }, (_, i) => 3 + ((i * step) % (vocabulary - 3)));
	return { pixels, before: [1, ...ids(9, 389)], after: ids(14, 617) };
}
