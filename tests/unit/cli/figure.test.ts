import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { figure } from '../../../src/cli/figure.ts';
import { readCapsule } from '../../../src/lib/viz/export/embed.ts';

const model = 'static/models/honeybee-mini';
const image = 'tests/fixtures/golden/images/scene_200x150.png';
const terminal = {
	write: () => undefined,
	progress: () => undefined,
	note: () => undefined,
	signal: new AbortController().signal
};

describe('honeybee figure', () => {
	it('writes a figure of the model in every form, as large as asked for', async () => {
		const folder = mkdtempSync(join(tmpdir(), 'figure-'));
		const files = ['svg', 'png', 'csv', 'npy', 'tex'].map((extension) => join(folder, `map.${extension}`));
		const args = ['token-map', '--model', model, '--image', image, '--projector', 'c-abs', '--tokens', '9'];
		const more = ['--token', '4', '--method', 'occlusion', '--width', 'double', '--dpi', '100'];
		expect(await figure.run([...args, ...more, ...files.flatMap((file) => ['--out', file])], terminal)).toBe(
			true
		);
		const [svg, png, csv, , tex] = files.map((file) => new Uint8Array(readFileSync(file)));
		for (const file of [svg!, png!])
			expect(readCapsule(file)?.origin).toMatchObject({ projector: 'c-abs', tokens: 9, backend: 'node' });
		const { width, height, data, channels } = decode(png!);
		expect(width).toBe(688);
		expect(height).toBeGreaterThan(400);
		// The picture is there: many colours in the middle.
		const row = Math.floor(200) * width * channels;
		expect(new Set(Array.from(data.slice(row, row + 400 * channels))).size).toBeGreaterThan(20);
		expect(new TextDecoder().decode(csv).trim().split('\n').length).toBe(145);
		expect(new TextDecoder().decode(tex)).toContain('\\begin{longtable}');
	});

	it.each([
		['locality-grid', 'c-abs', 'locality?'],
		['token-patch-matrix', 'c-abs', 'locality?'],
		['coverage', 'resampler', 'locality?'],
		['sampling-offsets', 'd-abs', 'offsets?'],
		['sampling-density', 'd-abs', 'offsets?'],
		['reference-points', 'd-abs', 'offsets?']
	])('makes %s, which opens again where it is shown', async (id, projector, page) => {
		const file = join(mkdtempSync(join(tmpdir(), 'figure-')), 'figure.svg');
		const args = [id, '--model', model, '--image', image, '--projector', projector, '--directions', '1'];
		expect(await figure.run([...args, '--out', file], terminal)).toBe(true);
		const bytes = new Uint8Array(readFileSync(file));
		const capsule = readCapsule(bytes)!;
		expect(capsule.figure.id).toBe(id);
		expect(capsule.table.rows).toBeGreaterThan(3);
		expect(capsule.origin.address).toContain(page);
		expect(capsule.origin.address).toContain(`projector=${projector}`);
		expect(new TextDecoder().decode(bytes)).not.toMatch(/NaN|undefined/);
	});

	it.each([
		[['nothing', '--model', model], /not a figure of one image/],
		[['token-map', '--image', image], /--model DIR is missing/],
		[['token-map', '--model', model, '--image', image, '--out', 'x.gif'], /ends in none of/],
		[['token-map', '--model', model, '--image', image, '--out', 'x.svg', '--token', '99'], /tokens 0 to/],
		[['token-map', '--model', model, '--image', image, '--out', 'x.svg', '--projector', 'x'], /no projector/],
		[
			['sampling-offsets', '--model', model, '--image', image, '--out', 'x.svg', '--projector', 'mlp'],
			/samples nowhere|D-Abstractor/
		]
	])('refuses %j in a sentence', async (args, words) => {
		await expect(figure.run(args, terminal)).rejects.toThrow(words);
	});
});
