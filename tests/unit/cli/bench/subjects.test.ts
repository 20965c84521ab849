import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { summarize } from '../../../../src/cli/bench/report.ts';
import { writePeerFolder, type PeerFolder } from '../../../../src/cli/bench/peer-folder.ts';
import { measureGeneration, type SubjectName } from '../../../../src/cli/bench/subjects.ts';
import { convertCommand } from '../../../../src/cli/convert.ts';
import type { ModelManifest } from '../../../../src/lib/model/manifest.ts';

const golden = new URL('../../../fixtures/golden/linear/', import.meta.url).pathname;
const { text } = (
	JSON.parse(readFileSync(join(golden, 'golden.json'), 'utf8')) as {
		cases: Record<'text', { input_ids: number[]; generated_ids: number[] }>;
	}
).cases;

/** A comparison means something only when every subject computes what the checkpoint's authors' code computes. */
describe('subjects of the benchmark', () => {
	let temporary: string;
	let model: string;
	let manifest: ModelManifest;
	let peer: PeerFolder;
	beforeAll(async () => {
		temporary = await mkdtemp(join(tmpdir(), 'honeybee-'));
		model = join(temporary, 'model');
		await convertCommand.run([join(golden, 'last'), model], {
			write: () => undefined,
			progress: () => undefined,
			note: () => undefined,
			warn: () => undefined,
			signal: new AbortController().signal
		});
		manifest = JSON.parse(await readFile(join(model, 'honeybee.json'), 'utf8')) as ModelManifest;
		peer = await writePeerFolder(model, manifest);
	});
	afterAll(async () => {
		await peer.remove();
		await rm(temporary, { recursive: true });
	});

	it.each<SubjectName>(['honeybee', 'onnxruntime', 'transformers'])(
		'%s gives the golden ids',
		async (name) => {
			const folders = {
				honeybee: model,
				onnxruntime: peer.graph,
				transformers: join(peer.parent, peer.name)
			};
			const { generations, load_ms, peak_memory } = await measureGeneration(name, {
				folder: folders[name],
				prompt_ids: text.input_ids,
				new_tokens: text.generated_ids.length,
				repeats: 2,
				text_config: manifest.config.text_config
			});
			for (const { ids, at_ms } of generations) {
				expect(ids).toEqual(text.generated_ids);
				expect(at_ms).toHaveLength(ids.length);
				expect(at_ms).toEqual([...at_ms].sort((a, b) => a - b));
			}
			expect(generations).toHaveLength(2);
			expect(load_ms).toBeGreaterThan(0);
			expect(peak_memory).toBeGreaterThan(manifest.memory.weights);
		}
	);
});

describe('summarize', () => {
	it('takes cold times from first generations and rates from the later ones', () => {
		const round = (load_ms: number, cold: number) => ({
			load_ms,
			generations: [
				{ ids: [1, 2], at_ms: [cold, cold + 500] },
				{ ids: [1, 2], at_ms: [10, 110] }
			],
			peak_memory: load_ms * 2
		});
		expect(summarize([round(100, 50), round(300, 70), round(200, 90)])).toEqual({
			load_ms: 200,
			cold_first_token_ms: 70,
			first_token_ms: 10,
			decode_tokens_per_second: 10,
			peak_memory: 400
		});
	});
});
