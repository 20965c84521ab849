import { poolingMatrix } from '../../src/lib/model/projectors/pooling.ts';
import { gridSide } from '../../src/lib/model/config.ts';
import type { Backend } from '../../src/lib/model/runtime/backend.ts';
import { GraphSession, toFloats } from '../../src/lib/model/runtime/graph-session.ts';
import { LanguageModel } from '../../src/lib/model/runtime/language.ts';
import type { ModelFolder } from '../../src/lib/model/runtime/model-folder.ts';
import { fixedInput } from './checkpoint.ts';

/** What reference.py writes. */
export interface Reference {
	readonly torch: string;
	/** Every `step`-th value of [M, O], and the largest of all. */
	readonly visual_embeds: {
		readonly step: number;
		readonly values: readonly number[];
		readonly scale: number;
	};
	/** Of the last position. */
	readonly logits: readonly number[];
}

/** Runs a converted model on the fixed input, graph after graph. @returns largest differences, relative to the largest value */
export async function compareWithReference(
	folder: ModelFolder,
	backend: Backend,
	reference: Reference
): Promise<{ readonly visual_embeds: number; readonly logits: number }> {
	const { manifest } = folder;
	const { text_config, vision_config } = manifest.config;
	const input = fixedInput(text_config.vocab_size, vision_config.image_size);
	const [entry] = Object.values(manifest.projectors);
	if (!entry) throw new Error('The model has no projector.');
	const side = gridSide(vision_config);
	const M = entry.num_query_tokens;

	const vision = await GraphSession.create(backend, { folder, files: manifest.graphs.vision });
	const features = `vision.features.${entry.feature_layer}`;
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
	return {
		visual_embeds: largest(values, (i) => visual[i * step]!) / scale,
		logits: largest(reference.logits, (i) => logits[i]!) / Math.max(...reference.logits.map(Math.abs))
	};
}

function largest(expected: readonly number[], actual: (index: number) => number): number {
	return expected.reduce((most, value, i) => {
		const distance = Math.abs(actual(i) - value);
		return Math.max(most, Number.isFinite(distance) ? distance : Infinity);
	}, 0);
}
