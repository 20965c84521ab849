import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask } from '../../../src/cli/ask.ts';
import type { Command } from '../../../src/cli/command.ts';
import { convertCommand } from '../../../src/cli/convert.ts';
import { inspect } from '../../../src/cli/inspect.ts';
import { families } from '../../../src/lib/model/families/registry.ts';
import { silent } from '../../support/golden-model.ts';

const fixtures = new URL('../../fixtures/', import.meta.url).pathname;

async function printed(command: Command, args: readonly string[]): Promise<string> {
	const output: string[] = [];
	await command.run(args, { ...silent, write: (text) => void output.push(text) });
	return output.join('');
}

it('inspect tells the factors of a language model that has some', async () => {
	const about = await printed(inspect, [join(fixtures, 'families/hyperclovax-seed-vision-mup/model')]);
	expect(about).toContain(
		'head of its own, norms behind sublayers, embeddings × 3, q·k × 0.1, sublayers × 0.5, logits × 0.4'
	);
	const plain = await printed(inspect, [join(fixtures, 'families/hyperclovax-seed-vision/model')]);
	expect(plain).not.toMatch(/ × \d/);
	expect(plain).toContain(', spelling: the release of 2025-07 (text_config)');
});

/** A folder as it was published, through the three commands that a user gives. */
describe.each(families.flatMap(({ title, goldens }) => goldens.map((golden) => ({ title, golden }))))(
	'$golden',
	({ title, golden }) => {
		const set = join(fixtures, 'families', golden);
		const { config_dir, tower_dir, tokenizer_dir } = JSON.parse(
			readFileSync(join(set, 'golden.json'), 'utf8')
		) as Record<string, string | undefined>;
		const checkpoint = join(set, config_dir!);
		const vision = tower_dir === undefined ? [] : ['--vision', join(set, tower_dir)];
		const tokenizer = tokenizer_dir === undefined ? [] : ['--tokenizer', join(set, tokenizer_dir)];

		it('is inspected, converted in four types, and asked', async () => {
			const about = await printed(inspect, [checkpoint, ...vision]);
			expect(about).toContain(`family     ${title}`);
			expect(about).toMatch(/^reference {2}\S/m);
			expect(about).toMatch(/^tokenizer {2}/m);
			const folder = await mkdtemp(join(tmpdir(), 'honeybee-cli-'));
			try {
				for (const dtype of ['fp32', 'fp16', 'q4', 'q4f16']) {
					const model = join(folder, dtype);
					await convertCommand.run([checkpoint, model, ...vision, ...tokenizer, '--dtype', dtype], silent);
					const image = join(fixtures, 'golden/images/scene_200x150.png');
					const asked = ['--image', image, '--prompt', 'What is it?', '--max-new-tokens', '3', '--json'];
					const answer = JSON.parse(await printed(ask, ['--model', model, ...asked])) as Record<
						string,
						unknown
					>;
					expect(answer).toMatchObject({ dtype, backend: 'node' });
					expect(answer.ids).toHaveLength(3);
					expect(about).toContain(String(answer.reference));
				}
				const inspected = await printed(inspect, [join(folder, 'fp32')]);
				expect(inspected).toContain(`family     ${title}`);
				expect(inspected).not.toContain('DAMAGED');
			} finally {
				await rm(folder, { recursive: true });
			}
		});
	}
);
