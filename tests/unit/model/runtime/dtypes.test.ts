import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask } from '../../../../src/cli/ask.ts';
import type { Terminal } from '../../../../src/cli/command.ts';
import { convertCommand } from '../../../../src/cli/convert.ts';
import { memorySource } from '../../../../src/lib/checkpoint/memory.ts';
import { openSafetensors } from '../../../../src/lib/checkpoint/safetensors.ts';
import { difference } from '../../../support/compare.ts';
import { readGolden } from '../../../support/golden.ts';

const golden = new URL('../../../fixtures/golden/', import.meta.url).pathname;
let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'honeybee-'));
});
afterAll(() => rm(folder, { recursive: true }));

/**
 * Error of the logits against float32. Rounding to half keeps 11 bits; 4-bit weights of random matrices lose far more, so that
 * their limit only tells a working graph from a broken one (an unrelated tensor of this size is off by 1 to 2).
 */
const limits = { fp16: 1e-2, q4: 0.7, q4f16: 0.7 } as const;

it.each(['fp16', 'q4', 'q4f16'] as const)('%s answers over many steps, near float32', async (dtype) => {
	const model = join(folder, dtype);
	const trace = join(folder, `${dtype}.safetensors`);
	const output: string[] = [];
	const terminal: Terminal = {
		write: (text) => void output.push(text),
		progress: () => undefined,
		note: () => undefined,
		warn: () => undefined,
		signal: new AbortController().signal
	};
	await convertCommand.run([join(golden, 'd-abs/last'), model, '--dtype', dtype], {
		...terminal,
		write: () => undefined
	});
	const { cases, tensors } = await readGolden(
		await readFile(join(golden, 'd-abs/golden.json'), 'utf8'),
		await readFile(join(golden, 'd-abs/golden.safetensors'))
	);
	const { prompt, images } = cases.main!;
	await ask.run(
		[
			...['--model', model, '--raw-prompt', prompt, '--image', join(golden, 'images', images[0]!)],
			...['--max-new-tokens', '8', '--json', '--trace', trace]
		],
		terminal
	);
	const result = JSON.parse(output.join('')) as { ids: number[]; dtype: string };
	expect(result.dtype).toBe(dtype);
	expect(result.ids).toHaveLength(8);
	const file = await openSafetensors(memorySource(trace, await readFile(trace)));
	const { error, problem } = difference('logits', await file.read('logits'), tensors.main!.logits!);
	expect(problem).toBeUndefined();
	console.info(`${dtype}: logits differ by ${error.toExponential(2)}`);
	expect(error).toBeLessThan(limits[dtype]);
});
