import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { figure } from '../../../src/cli/figure.ts';
import { unpack } from '../../../src/lib/viz/export/capsule.ts';
import { readCapsule } from '../../../src/lib/viz/export/embed.ts';
import { figures } from '../../../src/lib/viz/registry.ts';

const model = 'static/models/honeybee-mini';
const image = 'tests/fixtures/golden/images/scene_200x150.png';
const terminal = {
	write: () => undefined,
	progress: () => undefined,
	note: () => undefined,
	warn: () => undefined,
	signal: new AbortController().signal
};

describe('honeybee figure', () => {
	it('writes a figure of the model in every form, as large as asked for', async () => {
		const folder = mkdtempSync(join(tmpdir(), 'figure-'));
		const files = ['svg', 'png', 'csv', 'npy', 'tex', 'pdf'].map((extension) =>
			join(folder, `map.${extension}`)
		);
		const args = ['token-map', '--model', model, '--image', image, '--projector', 'c-abs', '--tokens', '9'];
		const more = ['--token', '4', '--method', 'occlusion', '--width', 'double', '--dpi', '100'];
		const said: string[] = [];
		const watched = { ...terminal, write: (text: string) => void said.push(text) };
		expect(await figure.run([...args, ...more, ...files.flatMap((file) => ['--out', file])], watched)).toBe(
			true
		);
		// What was written is said, in one line.
		expect(said).toEqual([`${files.join(', ')}: What one visual token sees\n`]);
		const [svg, png, csv, , tex, pdf] = files.map((file) => new Uint8Array(readFileSync(file)));
		for (const file of [svg!, png!, pdf!])
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
		['offset-split', 'd-abs', 'offsets?'],
		['stage-responses', 'c-abs', 'anatomy?'],
		['channel-gates', 'c-abs', 'anatomy?'],
		['answer-influence', 'c-abs', 'answer?'],
		['logit-lens', 'c-abs', 'answer?'],
		['surgery-change', 'c-abs', 'answer?'],
		['sampling-density', 'd-abs', 'offsets?'],
		['reference-points', 'd-abs', 'offsets?']
	])('makes %s, which opens again where it is shown', async (id, projector, page) => {
		const file = join(mkdtempSync(join(tmpdir(), 'figure-')), 'figure.svg');
		const args = [id, '--model', model, '--image', image, '--projector', projector];
		expect(await figure.run([...args, '--out', file], terminal)).toBe(true);
		const bytes = new Uint8Array(readFileSync(file));
		const capsule = readCapsule(bytes)!;
		expect(capsule.figure.id).toBe(id);
		expect(capsule.table.rows).toBeGreaterThan(0);
		expect(capsule.origin.address).toContain(page);
		expect(capsule.origin.address).toContain(`projector=${projector}`);
		// Pictures and data in base64 may hold these letters.
		expect(new TextDecoder().decode(bytes).replace(/[A-Za-z0-9+/=]{100,}/g, '')).not.toMatch(/NaN|undefined/);
	});

	it('says the unit and shows the token that the page has', async () => {
		const file = join(mkdtempSync(join(tmpdir(), 'figure-')), 'figure.json');
		const made = async (...args: string[]) => {
			const all = ['--model', model, '--image', image, '--directions', '1', '--out', file];
			expect(await figure.run([...args, ...all], terminal)).toBe(true);
			return readCapsule(new Uint8Array(readFileSync(file)))!;
		};
		const { origin, table } = await made('token-map', '--projector', 'c-abs', '--tokens', '36');
		expect(table.columns.join()).toContain('rms/rms');
		expect(origin.address).toContain('tokens=36');
		const middle = await made('token-map', '--projector', 'c-abs', '--tokens', '36', '--token', '21');
		expect(unpack(middle.table)).toEqual(unpack(table));
	});

	it('names the images of a figure over several, by their files or as they are called', async () => {
		const other = 'tests/fixtures/golden/images/scene_160x240.png';
		const args = [
			'offset-split',
			'--model',
			model,
			'--image',
			image,
			'--image',
			other,
			'--projector',
			'd-abs'
		];
		for (const [more, name] of [
			[[], 'scene_200x150.png, scene_160x240.png'],
			[['--set', 'Two scenes'], 'Two scenes']
		] as const) {
			const file = join(mkdtempSync(join(tmpdir(), 'figure-')), 'figure.svg');
			expect(await figure.run([...args, ...more, '--out', file], terminal)).toBe(true);
			const capsule = readCapsule(new Uint8Array(readFileSync(file)))!;
			expect(capsule.provenance).toContain(`${name}, 2 images`);
			expect(capsule.set).toEqual({
				name,
				members: [
					{ id: capsule.origin.image!.id, name: 'scene_200x150.png' },
					{ id: expect.stringMatching(/^[0-9a-f]{64}$/) as string, name: 'scene_160x240.png' }
				]
			});
		}
	});

	it('lists every figure, and refuses a setting that a figure does not take', async () => {
		const lines: string[] = [];
		await figure.run(['--list'], { ...terminal, write: (text) => void lines.push(text) });
		expect(lines).toHaveLength(figures.length);
		expect(lines.join('')).toMatch(/token-map +What one visual token sees\n +--model DIR --image FILE/);
		await expect(
			figure.run(['coverage', '--model', model, '--image', image, '--out', 'x.svg', '--token', '1'], terminal)
		).rejects.toThrow(/--token is no setting of coverage; it takes --method/);
	});

	it.each([
		[['nothing', '--model', model], /not a figure; there are locality-grid/],
		[['token-map', '--image', image], /--model DIR is missing/],
		[['token-map', '--model', model, '--image', image, '--out', 'x.gif'], /ends in none of/],
		[['token-map', '--model', model, '--image', image, '--out', 'x.svg', '--token', '99'], /tokens 0 to/],
		[
			['token-map', '--model', model, '--image', image, '--out', 'x.png', '--width', '99999'],
			/^x\.png would be 29,999,700 pixels wide \(99999 in at 300 pixels to the inch\), and .* 32,767 on a side .*; give less --width or --dpi, or write \.svg or \.pdf\.$/
		],
		[
			// Not too wide: its height is known when it is drawn.
			['attention-distance', '--model', model, '--image', image, '--out', 'x.png', '--dpi', '9900'],
			/^x\.png would be [23]\d,\d{3} pixels wide and [\d,]+ high .* 268,402,689 in all/
		],
		[
			['token-map', '--model', model, '--image', image, '--out', 'x.png', '--width=-1'],
			/--width is -1; give more/
		],
		[
			['token-map', '--model', model, '--image', image, '--out', 'x.png', '--dpi', '0'],
			/--dpi is 0; give more/
		],
		[['token-map', '--model', model, '--image', image, '--out', 'x.svg', '--projector', 'x'], /no projector/],
		[
			['sampling-offsets', '--model', model, '--image', image, '--out', 'x.svg', '--projector', 'mlp'],
			/samples nowhere/
		]
	])('refuses %j in a sentence', async (args, words) => {
		await expect(figure.run(args, terminal)).rejects.toThrow(words);
	});
});
