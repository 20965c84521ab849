import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask } from '../../../src/cli/ask.ts';
import type { Command } from '../../../src/cli/command.ts';
import { convertCommand } from '../../../src/cli/convert.ts';
import { pope } from '../../../src/lib/benchmarks/pope.ts';
import { identify } from '../../../src/lib/benchmarks/run/target.ts';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';
import { openSafetensors } from '../../../src/lib/checkpoint/safetensors.ts';
import type { ModelManifest } from '../../../src/lib/model/manifest.ts';
import { modelFacts } from '../../../src/lib/workbench/words/facts.ts';
import { silent } from '../../support/golden-model.ts';

const fixtures = new URL('../../fixtures/', import.meta.url).pathname;

async function printed(command: Command, args: readonly string[]): Promise<string> {
	const output: string[] = [];
	await command.run(args, { ...silent, write: (text) => void output.push(text) });
	return output.join('');
}

describe('a transparent picture at the command line', () => {
	it('is seen as asked for, or as the model folder says, and the answer tells', async () => {
		const folder = await mkdtemp(join(tmpdir(), 'honeybee-transparency-'));
		try {
			const checkpoint = join(fixtures, 'families/llava-hf-5/checkpoint');
			const models = { drop: join(folder, 'drop'), white: join(folder, 'white') };
			await convertCommand.run([checkpoint, models.drop], silent);
			await convertCommand.run([checkpoint, models.white, '--transparency', 'white'], silent);
			const asked = async (model: string, picture: string, ...more: string[]) => {
				const trace = join(folder, 'trace.safetensors');
				const answer = JSON.parse(
					await printed(ask, [
						...['--model', model, '--image', join(fixtures, picture), '--prompt', 'What is it?'],
						...['--max-new-tokens', '1', '--json', '--trace', trace, ...more]
					])
				) as Readonly<Record<string, unknown>>;
				const tensors = await openSafetensors(memorySource('trace', await readFile(trace)));
				return { answer, pixels: Array.from((await tensors.read('pixel_values')).data, Number) };
			};
			const rgba = 'golden/images/rgba_90x70.png';
			const dropped = await asked(models.drop, rgba);
			const white = await asked(models.drop, rgba, '--transparency', 'white');
			const own = await asked(models.white, rgba);
			const against = await asked(models.white, rgba, '--transparency', 'drop');
			expect(dropped.answer.transparency).toBe('drop');
			expect(white.answer.transparency).toBe('white');
			expect(own.answer.transparency).toBe('white');
			expect(against.answer.transparency).toBe('drop');
			expect(white.pixels).not.toEqual(dropped.pixels);
			expect(own.pixels).toEqual(white.pixels);
			expect(against.pixels).toEqual(dropped.pixels);
			const opaque = 'golden/images/scene_200x150.png';
			expect((await asked(models.white, opaque)).pixels).toEqual((await asked(models.drop, opaque)).pixels);

			const manifestOf = async (path: string) =>
				JSON.parse(await readFile(join(path, 'honeybee.json'), 'utf8')) as ModelManifest;
			const [usual, laid] = [await manifestOf(models.drop), await manifestOf(models.white)];
			expect(usual.image.transparency).toBeUndefined();
			expect(laid.image.transparency).toBe('white');
			const sentence = expect.stringMatching(
				/^Transparent pictures are laid on white, as transformers 5\.24/
			) as string;
			expect(laid.provenance.followed).toContainEqual(sentence);
			expect(usual.provenance.followed ?? []).not.toContainEqual(sentence);
			// What releases read differently is told with the answer, too.
			expect(own.answer.followed).toEqual(laid.provenance.followed);
			expect(dropped.answer.followed).toEqual(usual.provenance.followed);
			expect(dropped.answer.followed).toContainEqual(expect.stringContaining('transformers 4'));
			expect(modelFacts(laid)).toContainEqual({ term: 'Transparent pictures', value: 'laid on white' });
			const run = {
				projector: Object.keys(laid.projectors)[0]!,
				tokens: 4,
				data: { examples: 1, sha256: '' }
			};
			const where = { backend: 'node', versions: {} };
			expect(identify(pope, laid, { ...run, ...where }).transparency).toBe('white');
			expect(identify(pope, usual, { ...run, ...where })).not.toHaveProperty('transparency');
		} finally {
			await rm(folder, { recursive: true });
		}
	});

	it('has two ways only', async () => {
		const model = ['--model', 'none', '--prompt', 'x', '--transparency', 'grey'];
		await expect(ask.run(model, silent)).rejects.toThrow(
			'--transparency is "grey"; there are drop and white.'
		);
		await expect(convertCommand.run(['a', 'b', '--transparency', 'grey'], silent)).rejects.toThrow(
			'--transparency is "grey"'
		);
	});
});
