import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../src/cli/io/hash.ts';
import { openFolder } from '../../../../src/cli/io/disk.ts';
import { openFolderSink } from '../../../../src/cli/io/sink.ts';
import { convert } from '../../../../src/lib/model/convert/convert.ts';
import type { LocalityMaps } from '../../../../src/lib/model/probes/locality.ts';
import type { HoneybeeModel } from '../../../../src/lib/model/runtime/model.ts';
import type { LocalityRequest } from '../../../../src/lib/model/runtime/types.ts';
import { projectorOf } from '../../../../src/lib/model/projectors/registry.ts';
import { openNodeModel } from '../../../support/embedded.ts';
import { goldenCheckpoints } from '../../../support/golden.ts';
import { relativeError } from '../../../support/run-graph.ts';

/** Exact values of PyTorch (tests/fixtures/analysis/jacobians.py). */
interface Jacobian {
	readonly tokens: number;
	readonly patches: number;
	readonly width: number;
	readonly feature_width: number;
	/** ‖∂f_m/∂x_n‖_F */
	readonly norm: readonly (readonly number[])[];
	readonly occlusion: readonly (readonly number[])[];
}

/** Root-mean-square difference over root-mean-square of the exact map. */
function rmsError(map: ArrayLike<number>, exact: readonly number[]): number {
	return Math.hypot(...exact.map((value, i) => map[i]! - value)) / Math.hypot(...exact);
}

describe.each(goldenCheckpoints)('locality of %s', (name) => {
	let folder: string;
	let model: HoneybeeModel;
	let exact: Jacobian;
	let request: LocalityRequest;
	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'honeybee-locality-'));
		const checkpoint = await openFolder(`tests/fixtures/golden/${name}/last`);
		const sink = await openFolderSink(folder);
		await convert({
			checkpoint,
			sink,
			dtype: 'fp32',
			name,
			resolve: async () => undefined,
			createHash: sha256
		});
		await sink.close();
		await checkpoint.close();
		model = await openNodeModel(folder);
		exact = JSON.parse(await readFile(`tests/fixtures/analysis/jacobian-${name}.json`, 'utf8')) as Jacobian;
		const golden = JSON.parse(await readFile(`tests/fixtures/golden/${name}/golden.json`, 'utf8')) as {
			cases: { main: { images: string[] } };
		};
		const file = golden.cases.main.images[0]!;
		request = {
			projector: Object.keys(model.manifest.projectors)[0]!,
			image: { id: file, name: file, bytes: await readFile(`tests/fixtures/golden/images/${file}`) },
			method: 'perturbation'
		};
	}, 60_000);
	afterAll(async () => {
		await model.dispose();
		await rm(folder, { recursive: true });
	});

	const map = (maps: LocalityMaps) => {
		expect(maps.visual_embeds!.dims).toEqual([exact.tokens, exact.patches]);
		return maps.visual_embeds!.data;
	};
	const norms = () => exact.norm.flat().map((norm) => norm / Math.sqrt(exact.width));

	it('gradient with every direction is the Jacobian', async () => {
		const maps = await model.locality({ ...request, method: 'gradient', directions: exact.width });
		expect(relativeError(map(maps), norms())).toBeLessThan(1e-4);
	});

	it('perturbation with every direction is the Jacobian', async () => {
		const maps = await model.locality({ ...request, directions: exact.feature_width });
		expect(rmsError(map(maps), norms())).toBeLessThan(4e-3);
		// A finite step crosses kinks of bilinear sampling, which single entries of the D-Abstractor show.
		expect(relativeError(map(maps), norms())).toBeLessThan(1e-2);
	});

	it.each(['gradient', 'perturbation'] as const)(
		'%s with a few random directions is near it, and repeatable',
		async (method) => {
			const few = { ...request, method, directions: 8, seed: 3 };
			const a = map(await model.locality(few));
			// One entry may be far off, the map as a whole is not.
			expect(rmsError(a, norms())).toBeLessThan(0.2);
			expect(map(await model.locality(few))).toEqual(a);
			// Parts of the directions make the whole, and are not all the same.
			const told = await model.locality({ ...few, parts: 4 });
			expect(relativeError(map(told), a)).toBeLessThan(1e-6);
			const parts = told['visual_embeds.parts']!;
			const [count = 0, rows = 0, patches = 0] = parts.dims;
			expect(count).toBe(4);
			const size = rows * patches;
			for (const i of [0, 1, size - 1]) {
				const of = Array.from({ length: count }, (_, part) => parts.data[part * size + i]!);
				const whole = Math.sqrt(of.reduce((sum, value) => sum + value * value, 0) / count);
				expect(Math.abs(whole - told['visual_embeds']!.data[i]!)).toBeLessThanOrEqual(1e-5 * whole);
			}
			expect(new Set(Array.from(parts.data.filter((_, i) => i % size === 0))).size).toBeGreaterThan(1);
		}
	);

	// The one whose stages are maps [C, h, w].
	if (name === 'c-abs')
		it('gradient and perturbation agree on what a stage makes', async () => {
			const { stages } = projectorOf(Object.values(model.manifest.projectors)[0]!.config);
			const outputs = stages.slice(0, 1).map(({ output }) => output);
			const all = { ...request, outputs, directions: 4096 };
			const [derived, moved] = [
				await model.locality({ ...all, method: 'gradient' }),
				await model.locality(all)
			];
			for (const output of outputs) {
				expect(derived[output]!.dims).toEqual(moved[output]!.dims);
				expect(rmsError(derived[output]!.data, Array.from(moved[output]!.data))).toBeLessThan(4e-3);
			}
		});

	it('occlusion is exact', async () => {
		const maps = await model.locality({ ...request, method: 'occlusion' });
		expect(relativeError(map(maps), exact.occlusion.flat())).toBeLessThan(1e-4);
	});

	it('can be cancelled, and the model goes on', async () => {
		const abort = new AbortController();
		const cancelled = model.locality(request, { signal: abort.signal, onProgress: () => abort.abort() });
		await expect(cancelled).rejects.toMatchObject({ name: 'AbortError' });
		await model.locality({ ...request, method: 'occlusion' });
	});
});
