import { describe, expect, it } from 'vitest';
import { memoryFolder } from '../../src/lib/checkpoint/memory.ts';
import { openModelFolder } from '../../src/lib/model/runtime/model-folder.ts';
import { convertFolder } from '../browser/model/converted.ts';
import { officialCheckpoint } from '../fullsize/checkpoint.ts';
import { compareWithReference, type Reference } from '../fullsize/compare.ts';
import { projectorTypes } from '../fullsize/shapes.ts';
import { backendOf, D_ABSTRACTOR_TOLERANCE, halfTypes, HALF_TOLERANCE } from './support.ts';
import tokenizer from '../fixtures/golden/c-abs/last/tokenizer.json?url';

const references = import.meta.glob<Reference>('../fixtures/fullsize/*.json', { import: 'default' });

/** Bytes of weights per language graph, so that there are three as of 7B in 4 bits. */
const PER_GRAPH = { fp16: 20e6, q4f16: 6e6 } as const;

describe.each(projectorTypes)('%s at a sixteenth of the official width, all layers', (projector) => {
	it.each(halfTypes)('converted here to %s gives the numbers of PyTorch on WebGPU', async (dtype) => {
		const files: Record<string, Uint8Array> = {
			'tokenizer.json': new Uint8Array(await (await fetch(tokenizer)).arrayBuffer())
		};
		for (const { path, chunks } of officialCheckpoint(projector, 16))
			files[path] = new Uint8Array(await new Blob([...chunks] as BlobPart[]).arrayBuffer());
		const converted = await convertFolder(memoryFolder(projector, files), dtype, {
			languageLimit: PER_GRAPH[dtype]
		});
		const folder = await openModelFolder(memoryFolder(projector, converted));
		expect(folder.manifest.graphs.language).toHaveLength(3);
		expect(folder.manifest.config.text_config.num_hidden_layers).toBe(32);
		const reference = await references[`../fixtures/fullsize/${projector}.${dtype}.json`]!();
		const { visual_embeds, logits } = await compareWithReference(
			folder,
			await backendOf('webgpu'),
			reference
		);
		const limit = projector === 'd-abs' ? D_ABSTRACTOR_TOLERANCE : HALF_TOLERANCE;
		expect(visual_embeds.relative, 'visual_embeds').toBeLessThan(limit);
		expect(logits.relative, 'logits').toBeLessThan(limit);
		expect(logits.argmax).toBe(true);
		console.info(
			`${projector} ${dtype}: visual_embeds ${visual_embeds.relative.toExponential(1)}, logits ${logits.relative.toExponential(1)} (rms ${logits.rms.toExponential(1)})`
		);
	});
});
