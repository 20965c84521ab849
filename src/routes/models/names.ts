import type { CheckpointSummary } from '../../workers/convert/api.ts';
import type { DTypePreset, ModelManifest } from '$lib/model/manifest.ts';

/** A model's name made from a checkpoint's: the run's folder, since the weights' own is always `last`. */
export function suggestedName({ name }: Pick<CheckpointSummary, 'name'>, dtype: DTypePreset): string {
	const parts = name
		.replace(/\.(tar\.gz|tgz|tar)$/i, '')
		.split('/')
		.filter((part) => part !== '' && part !== 'last');
	const base = (parts.at(-1) ?? 'model')
		.replace(/[^\p{L}\p{N} ._+-]+/gu, '-')
		.replace(/^[^\p{L}\p{N}]+|[ .]+$/gu, '');
	return `${(base || 'model').slice(0, 60)}-${dtype}`;
}

/**
 * Bytes in the storage that a conversion takes: the model, and before it what is downloaded or an archive unpacks to. bfloat16 weights shrink to about
 * three quarters, so an archive is taken to grow by a third.
 */
export function spaceNeeded(
	{ contents, archive = 0, download }: CheckpointSummary,
	dtype: DTypePreset
): { readonly unpacked: number; readonly model: number } {
	const unpacked = download?.size ?? archive * (4 / 3);
	const share: Record<DTypePreset, number> = { fp32: 2, fp16: 1.02, q4: 0.36, q4f16: 0.32 };
	return { unpacked, model: contents ? contents.sizes[dtype] : unpacked * share[dtype] };
}

/** Projectors of a model with the M each was made at, e.g. "C-Abstractor, M = 144; Resampler, M = 64, 144". */
export function projectorsOf({ projectors }: Pick<ModelManifest, 'projectors'>): string {
	const tokens = new Map<string, number[]>();
	for (const { title, num_query_tokens } of Object.values(projectors))
		tokens.set(title, [...(tokens.get(title) ?? []), num_query_tokens]);
	return [...tokens]
		.map(([title, counts]) => `${title}, M = ${counts.sort((a, b) => a - b).join(', ')}`)
		.join('; ');
}
