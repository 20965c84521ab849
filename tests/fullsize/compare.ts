import { poolingMatrix } from '../../src/lib/model/projectors/pooling.ts';
import { gridSide } from '../../src/lib/model/config.ts';
import type { DTypePreset } from '../../src/lib/model/manifest.ts';
import type { Backend } from '../../src/lib/model/runtime/backend.ts';
import { GraphSession, toFloats } from '../../src/lib/model/runtime/graph-session.ts';
import { LanguageModel } from '../../src/lib/model/runtime/language.ts';
import type { ModelFolder } from '../../src/lib/model/runtime/model-folder.ts';
import { fixedInput } from './checkpoint.ts';

/** What reference.py writes. */
export interface Reference {
	readonly torch: string;
	/** What the weights were rounded to. */
	readonly dtype: DTypePreset;
	/** How far PyTorch in other arithmetics is from PyTorch in float32 on the same weights, relative to the largest value. */
	readonly drift: Partial<
		Record<'float64' | 'float16', { readonly visual_embeds: number; readonly logits: number }>
	>;
	/** Every `step`-th value of [M, O], and the largest of all. */
	readonly visual_embeds: {
		readonly step: number;
		readonly values: readonly number[];
		readonly scale: number;
	};
	/** Of the last position. */
	readonly logits: readonly number[];
}

/**
 * Largest difference allowed, relative to the largest value. Where products are computed in float32, both sides differ by the
 * order of sums alone: PyTorch in float32 lies up to 4e-6 from PyTorch in float64. With inputs and outputs of products in
 * float16, PyTorch itself moves by up to 2.4e-3 (`drift`). Twice to five times that is allowed.
 */
export const tolerances: Readonly<Record<DTypePreset, number>> = {
	fp32: 2e-5,
	q4: 2e-5,
	fp16: 5e-3,
	q4f16: 5e-3
};

/** Differences of some values from the expected ones. */
export interface Difference {
	/** The largest, relative to the largest value. */
	readonly relative: number;
	readonly absolute: number;
	/** Root of the mean square, relative to that of the values. */
	readonly rms: number;
}

export interface Differences {
	readonly visual_embeds: Difference;
	/** `argmax`: whether the most likely token is the same. */
	readonly logits: Difference & { readonly argmax: boolean };
}

/** Runs a converted model on the fixed input, graph after graph. */
export async function compareWithReference(
	folder: ModelFolder,
	backend: Backend,
	reference: Reference
): Promise<Differences> {
	const { manifest } = folder;
	if (manifest.dtype !== reference.dtype)
		throw new Error(`The model is ${manifest.dtype}, the reference ${reference.dtype}.`);
	const { text_config, vision_config } = manifest.config;
	const input = fixedInput(text_config.vocab_size, vision_config.image_size);
	const [entry] = Object.values(manifest.projectors);
	if (!entry) throw new Error('The model has no projector.');
	const side = gridSide(vision_config);
	const M = entry.num_query_tokens;

	const vision = await GraphSession.create(backend, { folder, files: manifest.graphs.vision });
	const features = `vision.features.${entry.feature_layers[0]}`;
	const size = vision_config.image_size;
	const seen = await vision.run(
		{ pixel_values: new backend.Tensor('float32', input.pixels, [1, 3, size, size]) },
		[features]
	);
	const visualFeatures = await toFloats(seen[features]!);
	await vision.release();

	const projector = await GraphSession.create(backend, { folder, files: entry });
	const projected = await projector.run(
		{
			visual_features: new backend.Tensor('float32', visualFeatures, [
				1,
				side * side,
				vision_config.hidden_size
			]),
			...(projector.hasInput('pooling_matrix') && {
				pooling_matrix: new backend.Tensor('float32', poolingMatrix(side, Math.sqrt(M)), [M, side * side])
			})
		},
		['visual_embeds']
	);
	const visual = await toFloats(projected.visual_embeds!);
	await projector.release();

	const language = await LanguageModel.load(backend, folder);
	const parts = [await language.embed(input.before), visual, await language.embed(input.after)];
	const embeds = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
	let at = 0;
	for (const part of parts) {
		embeds.set(part, at);
		at += part.length;
	}
	const positions = embeds.length / text_config.hidden_size;
	const logits = await language.append(
		embeds,
		Array.from({ length: positions }, (_, i) => i)
	);
	await language.dispose();

	const { step, values, scale } = reference.visual_embeds;
	const largest = reference.logits.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
	return {
		visual_embeds: difference(values, (i) => visual[i * step]!, scale),
		logits: {
			...difference(reference.logits, (i) => logits[i]!, largest),
			argmax: argmax(reference.logits) === argmax(logits)
		}
	};
}

function difference(
	expected: readonly number[],
	actual: (index: number) => number,
	scale: number
): Difference {
	let absolute = 0;
	let squares = 0;
	let all = 0;
	for (const [i, value] of expected.entries()) {
		const distance = Math.abs(actual(i) - value);
		absolute = Math.max(absolute, Number.isFinite(distance) ? distance : Infinity);
		squares += distance ** 2;
		all += value ** 2;
	}
	return { relative: absolute / scale, absolute, rms: Math.sqrt(squares / all) };
}

function argmax(values: ArrayLike<number>): number {
	let best = 0;
	for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
	return best;
}
