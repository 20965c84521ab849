import { InputError } from '../../tensor/errors.ts';
import type { DTypePreset, SubModelDTypes } from '../manifest.ts';
import { BLOCK } from '../../kernels/quantize.ts';

/**
 * What each preset stores. Projectors stay float32 (as upstream). Vision is 8 bits under q4, where the adapter has no
 * float16: CLIP loses little at 8 bits and would need 1.2 GB at 32.
 */
const presets: Readonly<Record<DTypePreset, SubModelDTypes>> = {
	fp32: { vision: 'fp32', projector: 'fp32', embedding: 'fp32', language: 'fp32' },
	fp16: { vision: 'fp16', projector: 'fp32', embedding: 'fp16', language: 'fp16' },
	q4: { vision: 'q8', projector: 'fp32', embedding: 'q8', language: 'q4' },
	q4f16: { vision: 'fp16', projector: 'fp32', embedding: 'q8', language: 'q4f16' }
};

export const dtypePresets = Object.keys(presets) as DTypePreset[];

export function parseDType(text: string): DTypePreset {
	const preset = dtypePresets.find((name) => name === text);
	if (!preset) throw new InputError(`--dtype is "${text}", but must be one of ${dtypePresets.join(', ')}.`);
	return preset;
}

/** The preset's types; embeddings whose width is no multiple of the block stay float32 (the gather kernel asks for it). */
export function subModelDTypes(preset: DTypePreset, hiddenSize: number): SubModelDTypes {
	const types = presets[preset];
	return types.embedding === 'q8' && hiddenSize % BLOCK ? { ...types, embedding: 'fp32' } : types;
}
