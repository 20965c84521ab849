import { safetensorsHeader, type SafetensorsPlan } from '../../checkpoint/safetensors.ts';
import { weightByteLength } from '../../onnx/graph.ts';
import type { Weight, WeightLocation } from '../../onnx/types.ts';

/** Largest weight shard in bytes, so that one fits an ArrayBuffer and a buffer binding anywhere. */
export const SHARD_LIMIT = 256 * 1024 * 1024;

/** Tensors begin at a multiple of this within the file, so that any of them can be viewed in place. */
const ALIGNMENT = 16;

export interface Shard {
	readonly path: string;
	readonly size: number;
	readonly header: Uint8Array;
	/** In file order; a padding entry has no weight. */
	readonly entries: readonly { readonly weight?: Weight; readonly byteLength: number }[];
	readonly locations: ReadonlyMap<string, WeightLocation>;
}

/**
 * Lays weights out in safetensors files of at most `SHARD_LIMIT` bytes (a larger tensor has one to itself), in the order
 * given. Safetensors allows no holes, so alignment is kept by small `__pad.n` tensors.
 */
export function planShards(stem: string, weights: readonly Weight[]): Shard[] {
	const groups: Weight[][] = [];
	let size = Infinity;
	for (const weight of weights) {
		const length = weightByteLength(weight) + ALIGNMENT;
		if (size + length > SHARD_LIMIT) {
			groups.push([]);
			size = 0;
		}
		groups.at(-1)?.push(weight);
		size += length;
	}
	return groups.map((group, index) => {
		const number = (n: number) => String(n).padStart(5, '0');
		const path =
			groups.length === 1
				? `${stem}.safetensors`
				: `${stem}-${number(index + 1)}-of-${number(groups.length)}.safetensors`;
		return planShard(path, group);
	});
}

function planShard(path: string, weights: readonly Weight[]): Shard {
	const plans: SafetensorsPlan[] = [];
	const entries: { weight?: Weight; byteLength: number }[] = [];
	let end = 0;
	for (const weight of weights) {
		const byteLength = weightByteLength(weight);
		plans.push({ name: weight.name, dtype: weight.dtype, dims: weight.dims, byteLength });
		entries.push({ weight, byteLength });
		end += byteLength;
		const padding = -end & (ALIGNMENT - 1);
		if (padding) {
			plans.push({ name: `__pad.${plans.length}`, dtype: 'uint8', dims: [padding], byteLength: padding });
			entries.push({ byteLength: padding });
			end += padding;
		}
	}
	const { header, offsets, size } = safetensorsHeader(plans, { format: 'honeybee' }, { align: 4096 });
	const locations = new Map<string, WeightLocation>();
	entries.forEach(({ weight, byteLength }, i) => {
		if (weight) locations.set(weight.name, { file: path, offset: offsets[i]!, length: byteLength });
	});
	return { path, size, header, entries, locations };
}
