import { memorySource } from '../../src/lib/checkpoint/memory.ts';
import { openSafetensors } from '../../src/lib/checkpoint/safetensors.ts';
import { projectors } from '../../src/lib/model/projectors/registry.ts';
import type { Tensor } from '../../src/lib/tensor/tensor.ts';

/** One case of a `golden.json`. The case `batch` has several prompts and is left out here. */
export interface GoldenCase {
	readonly prompt: string;
	readonly images: readonly string[];
	readonly input_ids: readonly number[];
	readonly generated_ids: readonly number[];
	readonly generated_text: string;
}

export interface Golden {
	readonly cases: Readonly<Record<string, GoldenCase>>;
	/** By case, then by name. */
	readonly tensors: Readonly<Record<string, Readonly<Record<string, Tensor>>>>;
}

/** Folders of `tests/fixtures/golden` that the projectors’ definitions name; the repository test holds both equal. */
export const goldenCheckpoints: readonly string[] = projectors.flatMap(({ goldens }) => goldens);

/** Reads `golden.json` and `golden.safetensors` of one checkpoint. */
export async function readGolden(json: string, safetensors: Uint8Array): Promise<Golden> {
	const { cases } = JSON.parse(json) as { cases: Record<string, GoldenCase> };
	const file = await openSafetensors(memorySource('golden.safetensors', safetensors));
	const tensors: Record<string, Record<string, Tensor>> = {};
	for (const full of file.entries.keys()) {
		const dot = full.indexOf('.');
		(tensors[full.slice(0, dot)] ??= {})[full.slice(dot + 1)] = await file.read(full);
	}
	return {
		cases: Object.fromEntries(Object.entries(cases).filter(([, { prompt }]) => prompt !== undefined)),
		tensors
	};
}
