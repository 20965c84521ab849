import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask } from '../../../src/cli/ask.ts';
import { convertCommand } from '../../../src/cli/convert.ts';
import { deviceOf, openDevice } from '../../../src/cli/device.ts';
import { evalCommand } from '../../../src/cli/eval.ts';
import { figure } from '../../../src/cli/figure.ts';
import { decodeImage } from '../../../src/cli/io/decode-image.ts';
import { openFolder } from '../../../src/cli/io/disk.ts';
import { HoneybeeModel } from '../../../src/lib/model/runtime/model.ts';
import { openModelFolder } from '../../../src/lib/model/runtime/model-folder.ts';
import { readCapsule } from '../../../src/lib/viz/export/embed.ts';
import { converted } from '../../support/converted.ts';
import { goldenImage, silent } from '../../support/golden-model.ts';
import { relativeError } from '../../support/run-graph.ts';

const golden = 'tests/fixtures/golden';
const image = join(golden, 'images/scene_160x240.png');
let folder: string;
/** Model folders of one checkpoint. */
let roots: Readonly<Record<'fp32' | 'q4', string>>;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'honeybee-device-'));
	roots = { fp32: join(folder, 'fp32'), q4: join(folder, 'q4') };
	for (const [dtype, root] of Object.entries(roots))
		await convertCommand.run([join(golden, 'c-abs/last'), root, '--dtype', dtype], silent);
});
afterAll(() => rm(folder, { recursive: true }));

/** What a command wrote and warned of. */
async function told(command: typeof ask, args: readonly string[]) {
	const [text, warnings]: [string[], string[]] = [[], []];
	const terminal = {
		...silent,
		write: (words: string) => void text.push(words),
		warn: (words: string) => void warnings.push(words)
	};
	await command.run(args, terminal);
	return { text: text.join(''), warnings };
}

it('Node in 8 bits computes another way, near what is stored', async () => {
	const source = await openFolder(roots.q4);
	const files = await openModelFolder(source);
	const traces = [];
	for (const device of ['node', 'node-int8'] as const) {
		const backend = await openDevice(device, roots.q4, files.manifest);
		expect(backend.info.backend).toBe(device);
		const model = await HoneybeeModel.load({ backend, folder: files, decodeImage });
		const projector = Object.keys(files.manifest.projectors)[0]!;
		traces.push(await model.trace({ projector, image: await goldenImage('scene_160x240.png') }));
		await model.dispose();
	}
	const [stored, int8] = traces as [(typeof traces)[0], (typeof traces)[0]];
	const error = relativeError(
		int8['vision.features']!.data as Float32Array,
		stored['vision.features']!.data as Float32Array
	);
	expect(error).toBeLessThan(0.05);
	expect(error).toBeGreaterThan(1e-5);
	await source.close();
});

it('a model that has nothing in 4 or 8 bits is computed as ever, under that name, and the reason is told', async () => {
	const source = await openFolder(roots.fp32);
	const { manifest } = await openModelFolder(source);
	const { info } = await openDevice('node-int8', roots.fp32, manifest);
	expect(info.backend).toBe('node');
	expect(info.reason).toMatch(/no matrices stored in 4 or 8 bits/);
	await source.close();
});

it('ask tells the way, and warns where it is not the one asked for', async () => {
	const asking = (root: string, device: string) => [
		...['--model', root, '--image', image, '--prompt', 'One?', '--max-new-tokens', '2', '--json'],
		...['--device', device]
	];
	const int8 = await told(ask, asking(roots.q4, 'node-int8'));
	expect(JSON.parse(int8.text)).toMatchObject({ backend: 'node-int8', dtype: 'q4' });
	expect(int8.warnings).toEqual([]);
	const other = await told(ask, asking(roots.fp32, 'node-int8'));
	expect(JSON.parse(other.text)).toMatchObject({ backend: 'node', dtype: 'fp32' });
	expect(other.warnings).toEqual([expect.stringMatching(/no matrices stored in 4 or 8 bits/)]);
	// Its heads are too narrow for the operator that the kernels compute.
	const unknown = await told(ask, asking(roots.q4, 'node-q4'));
	expect(JSON.parse(unknown.text)).toMatchObject({ backend: 'node-int8', dtype: 'q4' });
	expect(unknown.warnings).toEqual([
		expect.stringMatching(
			/\. Language model in 8 bits, since its graph has .+, which the kernels for 4 bits do not compute\.$/
		)
	]);
	const without = await told(ask, asking(roots.fp32, 'node-q4'));
	expect(JSON.parse(without.text)).toMatchObject({ backend: 'node', dtype: 'fp32' });
	expect(without.warnings).toEqual([expect.stringMatching(/no language model in 4 bits, which node-q4/)]);
	expect(() => deviceOf('gpu')).toThrow(/--device is "gpu"; there are node and node-int8 and node-q4/);
	expect(deviceOf(undefined)).toBe('node');
});

it('a figure’s origin and a run’s identity name the way', async () => {
	const out = join(folder, 'figure.svg');
	await figure.run(
		[
			...['attention-distance', '--model', roots.q4, '--image', image, '--out', out],
			...['--device', 'node-int8']
		],
		silent
	);
	expect(readCapsule(new Uint8Array(await readFile(out)))?.origin).toMatchObject({ backend: 'node-int8' });

	const runs = join(folder, 'runs');
	const scored = (device: string, ...more: readonly string[]) =>
		evalCommand.run(
			[
				...['--model', roots.q4, '--benchmark', 'scenes', '--out', runs, '--limit', '1'],
				...['--device', device, ...more]
			],
			silent
		);
	await scored('node-int8');
	// What was begun in one way does not go on in another.
	await expect(scored('node', '--resume')).rejects.toThrow(/backend/);
	await scored('node-int8', '--resume');
});

it('figures and runs are computed by the kernels, and are near those of what is stored', async () => {
	const model = await converted('q4', { text: { max_position_embeddings: 512 } });
	try {
		const read: number[][] = [];
		for (const device of ['node', 'node-q4'] as const) {
			const made = (name: string) => join(folder, `${device}-${name}`);
			const common = ['--model', model.root, '--device', device];
			// What the layers hand out besides logits.
			await figure.run(
				['logit-lens', ...common, '--image', image, '--out', made('lens.csv'), '--out', made('lens.svg')],
				silent
			);
			const capsule = readCapsule(new Uint8Array(await readFile(made('lens.svg'))));
			expect(capsule?.origin).toMatchObject({ backend: device });
			const [head, ...rows] = (await readFile(made('lens.csv'), 'utf8')).trim().split('\n');
			const column = head!.split(',').indexOf('probability of the first');
			read.push(rows.map((row) => Number(row.split(',').at(column))));
			const run = ['--benchmark', 'scenes', '--limit', '2', '--out', made('runs')];
			await evalCommand.run([...common, ...run], silent);
			const other = device === 'node' ? 'node-q4' : 'node';
			const goingOn = [...common.slice(0, 2), '--device', other, ...run, '--resume'];
			await expect(evalCommand.run(goingOn, silent)).rejects.toThrow(/backend/);
		}
		const [stored, kernels] = read as [number[], number[]];
		const error = relativeError(Float32Array.from(kernels), Float32Array.from(stored));
		expect(error).toBeLessThan(0.05);
		expect(error).toBeGreaterThan(1e-5);
	} finally {
		await model.remove();
	}
});
