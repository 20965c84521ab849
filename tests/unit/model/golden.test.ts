import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../../src/cli/ask.ts';
import type { Terminal } from '../../../src/cli/command.ts';
import { convertCommand } from '../../../src/cli/convert.ts';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';
import { openSafetensors } from '../../../src/lib/checkpoint/safetensors.ts';
import type { Tensor } from '../../../src/lib/tensor/tensor.ts';
import { compareTensors, tolerance } from '../../support/compare.ts';
import { goldenCheckpoints, readGolden, type Golden } from '../../support/golden.ts';

const fixtures = new URL('../../fixtures/golden/', import.meta.url).pathname;

/** Every golden tensor and greedy id through `honeybee convert` and `honeybee ask --trace`, float32 on the CPU. */
describe.each(goldenCheckpoints)('golden %s on onnxruntime-node', (checkpoint) => {
	let folder: string;
	let golden: Golden;
	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'honeybee-'));
		const path = join(fixtures, checkpoint);
		golden = await readGolden(
			await readFile(join(path, 'golden.json'), 'utf8'),
			await readFile(join(path, 'golden.safetensors'))
		);
		await convertCommand.run([join(path, 'last'), join(folder, 'model')], terminal());
	});
	afterAll(() => rm(folder, { recursive: true }));

	it('matches upstream in every case', async () => {
		const names = Object.keys(golden.cases);
		expect(names).toContain('main');
		for (const name of names) {
			const { prompt, images, input_ids, generated_ids, generated_text } = golden.cases[name]!;
			const trace = join(folder, `${name}.safetensors`);
			const output: string[] = [];
			await ask.run(
				[
					...['--model', join(folder, 'model'), '--raw-prompt', prompt, '--max-new-tokens', '20'],
					...images.flatMap((image) => ['--image', join(fixtures, 'images', image)]),
					...['--json', '--trace', trace]
				],
				terminal(output)
			);
			const result = JSON.parse(output.join('')) as Record<string, unknown>;
			expect(result.prompt_ids, `${name}: prompt ids`).toEqual(input_ids);
			expect(result.ids, `${name}: greedy ids`).toEqual(generated_ids);
			expect(result.text, `${name}: text`).toBe(generated_text);
			const { failures, report } = compareTensors(
				await readTensors(trace),
				golden.tensors[name]!,
				tolerance.node
			);
			expect(failures, `${name}, all differences:\n${report}`).toEqual([]);
		}
	});
});

function terminal(output: string[] = []): Terminal {
	return {
		write: (text) => void output.push(text),
		progress: () => undefined,
		note: () => undefined,
		warn: () => undefined,
		signal: new AbortController().signal
	};
}

async function readTensors(path: string): Promise<Record<string, Tensor>> {
	const file = await openSafetensors(memorySource(path, await readFile(path)));
	const tensors: Record<string, Tensor> = {};
	for (const name of file.entries.keys()) tensors[name] = await file.read(name);
	return tensors;
}
