import { readFileSync } from 'node:fs';

const root = new URL('../../../fixtures/golden/', import.meta.url);

export function goldenBytes(path: string): Uint8Array {
	return new Uint8Array(readFileSync(new URL(path, root)));
}

export function goldenJson<T>(path: string): T {
	return JSON.parse(readFileSync(new URL(path, root), 'utf8')) as T;
}

interface SafetensorsEntry {
	readonly dtype: string;
	readonly shape: readonly number[];
	readonly data_offsets: readonly [number, number];
}

/** Tensors of a golden safetensors file: shape and bytes, copied so that they are aligned. */
export function goldenTensors(path: string): Map<string, { shape: readonly number[]; bytes: Uint8Array }> {
	const file = goldenBytes(path);
	const headerLength = Number(new DataView(file.buffer).getBigUint64(0, true));
	const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerLength))) as Record<
		string,
		SafetensorsEntry
	>;
	const tensors = new Map<string, { shape: readonly number[]; bytes: Uint8Array }>();
	for (const [name, entry] of Object.entries(header)) {
		if (name === '__metadata__') continue;
		const [start, end] = entry.data_offsets;
		tensors.set(name, {
			shape: entry.shape,
			bytes: file.slice(8 + headerLength + start, 8 + headerLength + end)
		});
	}
	return tensors;
}
