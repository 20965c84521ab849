import { describe, expect, it } from 'vitest';
import type { ModelManifest } from '../../../src/lib/model/manifest.ts';
import { checkManifest } from '../../../src/lib/model/runtime/check-manifest.ts';
import type { ModelLocation } from '../../../src/lib/browser/model-source.ts';
import { ConvertClient } from '../../../src/workers/convert/client.ts';
import type { SelfCheckRow } from '../../../src/workers/convert/api.ts';
import { embeddedUrl } from '../embedded/scenes.ts';
import type { Fault } from './faulty.worker.ts';

const url = embeddedUrl();

async function manifestOf(): Promise<ModelManifest> {
	return checkManifest(await (await fetch(`${url}honeybee.json`)).json(), 'honeybee-mini');
}

/** The embedded model with some of its projectors, so that the test takes less time. */
async function embeddedWith(projectors: readonly string[]): Promise<ModelLocation> {
	const manifest = await manifestOf();
	const some = Object.fromEntries(projectors.map((name) => [name, manifest.projectors[name]!]));
	const files: Record<string, Blob> = {
		'honeybee.json': new Blob([JSON.stringify({ ...manifest, projectors: some })])
	};
	const used = [manifest.graphs.vision, ...manifest.graphs.language, ...Object.values(some)];
	for (const { graph, weights } of used)
		for (const path of [graph, ...weights]) files[path] = await (await fetch(url + path)).blob();
	return { kind: 'memory', name: 'honeybee-mini', files };
}

/** A client whose workers see an adapter with a fault. */
function faulty(fault: Fault): ConvertClient {
	return new ConvertClient(() => {
		const worker = new Worker(new URL('./faulty.worker.ts', import.meta.url), { type: 'module' });
		worker.postMessage({ fault });
		return worker;
	});
}
const verdicts = (rows: readonly SelfCheckRow[]) =>
	Object.fromEntries(rows.map(({ name, verdict }) => [name, verdict]));

describe('the self-test', () => {
	it(
		'finds every kind of sub-model of the embedded model equal on WebGPU and WASM',
		{ timeout: 600_000 },
		async () => {
			// The same projectors trained at another M answer on WebGPU in tests/browser/embedded.
			const names = Object.keys((await manifestOf()).projectors).filter((name) => !/-m\d+$/.test(name));
			expect(names.length).toBeGreaterThan(4);
			const rows = await new ConvertClient().selfCheck(await embeddedWith(names));
			expect(rows).toHaveLength(2 + names.length);
			for (const row of rows) {
				expect(row.verdict, `${row.name}: ${row.error} ${row.note}`).toBe('equal');
				expect(row.error, row.name).toBeLessThanOrEqual(row.tolerance);
			}
			// The same bits everywhere would be one machine compared with itself.
			expect(rows.some(({ error }) => error! > 0)).toBe(true);
		}
	);

	it('tells which sub-models a wrong kernel changes, and that the others are right', async () => {
		const rows = await faulty('kernel').selfCheck(await embeddedWith(['linear', 'c-abs']));
		// The linear projector has no normalisation.
		expect(verdicts(rows)).toEqual({
			'Vision tower': 'different',
			'Linear, M = 144': 'equal',
			'C-Abstractor, M = 36': 'different',
			'Language model': 'different'
		});
	});

	it('finds weights that changed on their way to the device', async () => {
		const rows = await faulty('weights').selfCheck(await embeddedWith(['linear']));
		for (const { name, verdict, error } of rows) {
			expect(verdict, `${name}: ${error}`).toBe('different');
			expect(error, name).toBeGreaterThan(1e-3);
		}
	});
});
