import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertCommand } from '../../../src/cli/convert.ts';
import { series } from '../../../src/cli/series.ts';
import { readSeries } from '../../../src/lib/study/series-file.ts';
import { silent } from '../../support/golden-model.ts';

const images = 'tests/fixtures/golden/images';

describe('honeybee series', () => {
	let folder: string;
	beforeAll(() => {
		folder = mkdtempSync(join(tmpdir(), 'series-'));
		for (const step of [20, 10]) {
			const checkpoint = join(folder, `checkpoint-${step}`);
			mkdirSync(checkpoint);
			cpSync('tests/fixtures/golden/linear', checkpoint, { recursive: true });
		}
		writeFileSync(join(folder, 'checkpoint-20', 'last', 'trainer_state.json'), '{"global_step": 25}');
	});
	afterAll(() => rmSync(folder, { recursive: true }));

	const args = (out: string) => [
		...[join(folder, 'checkpoint-20', 'last'), '--image', `${images}/scene_200x150.png`],
		...['--image', `${images}/odd_97x113.png`, '--directions', '2', '--out', out]
	];

	it('measures checkpoints as they are, with steps of their trainer’s state, and goes on with what it has', async () => {
		const out = join(folder, 'series.json');
		const said: string[] = [];
		expect(await series.run(args(out), { ...silent, write: (text) => void said.push(text) })).toBe(true);
		expect(said).toEqual([`${out}: 1 checkpoint, steps 25\n`]);
		const made = readSeries(readFileSync(out, 'utf8'), out);
		expect(made.settings).toMatchObject({ directions: 2, set: { members: [{}, {}] } });
		const [first] = made.checkpoints;
		expect(first).toMatchObject({ name: 'last', step: 25 });
		const [projector] = first!.projectors;
		expect(projector!.locality.inside).toMatchObject({ over: 'images', n: 2 });
		expect(projector!.score).toBeUndefined();
		const notes: string[] = [];
		await series.run([...args(out)], { ...silent, note: (line) => notes.push(line) });
		expect(notes[0]).toBe(`last is in ${out} already.`);
		// Another way of measuring is another series.
		await expect(
			series.run([...args(out).filter((word) => word !== '2' && word !== '--directions')], silent)
		).rejects.toThrow('other pictures, directions or questions');
	});

	it('refuses folders whose step nobody tells, or that are of one step', async () => {
		const out = join(folder, 'none.json');
		const image = ['--image', `${images}/scene_200x150.png`, '--out', out];
		const plain = join(folder, 'checkpoint-10', 'last');
		await expect(series.run([plain, ...image], silent)).rejects.toThrow('give --steps');
		await expect(series.run([plain, plain, '--steps', '1,1', ...image], silent)).rejects.toThrow(
			'both of step 1'
		);
		await expect(series.run([join(folder, 'nothing-3'), ...image], silent)).rejects.toThrow('is not there');
		await expect(series.run(image, silent)).rejects.toThrow('FOLDER is missing');
	});

	it('computes all checkpoints in the way asked for, and says which; one that cannot be is refused', async () => {
		const out = join(folder, 'int8.json');
		const asked = [...args(out), '--device', 'node-int8'];
		await expect(series.run(asked, silent)).rejects.toThrow(
			/last: .*no matrices stored in 4 or 8 bits.* a series is computed in one way/
		);
		const q4 = join(folder, 'q4-30');
		await convertCommand.run([args(out)[0]!, q4, '--dtype', 'q4'], silent);
		await series.run([q4, ...asked.slice(1)], silent);
		const { settings, checkpoints } = readSeries(readFileSync(out, 'utf8'), out);
		expect([settings.backend, checkpoints.length]).toEqual(['node-int8', 1]);
		await expect(series.run([q4, ...args(out).slice(1)], silent)).rejects.toThrow('computed otherwise');
	});
});
