// @vitest-environment runes
import { expect, test } from 'vitest';
import type { Records } from '../../../../src/lib/browser/records.ts';
import { KeptResults, type KeptResult } from '../../../../src/lib/workbench/figures/kept-results.ts';
import { Study } from '../../../../src/lib/workbench/figures/study.svelte.ts';
import { fakeManifest } from '../fakes.ts';

function fakeRecords() {
	const map = new Map<IDBValidKey, KeptResult>();
	const records: Records<KeptResult> = {
		all: async () => [...map.values()],
		get: async (key) => map.get(key),
		put: async (record) => void map.set(record.key, structuredClone(record)),
		remove: async (keys) => keys.forEach((key) => map.delete(key))
	};
	return { map, records };
}

interface Measured {
	readonly numbers: Float32Array;
	readonly model: string;
}
const manifest = { ...fakeManifest('mini'), files: [{ path: 'a.onnx', size: 1, sha256: 'a'.repeat(64) }] };
const revive = (value: object): Measured => ({ ...(value as Omit<Measured, 'model'>), model: 'mini' });

async function measured(results: KeptResults, key: string) {
	const study = new Study<Measured>();
	await study.run(key, async () => ({ numbers: Float32Array.of(1, 2), model: 'mini' }));
	await results.keep(study, key, manifest, ({ model: _, ...value }) => value);
	return study;
}

test('a result outlives the page, as it was and with the time it took', async () => {
	const { records } = fakeRecords();
	const before = await measured(new KeptResults(records, '1'), 'set');
	const study = new Study<Measured>();
	expect(await new KeptResults(records, '1').recall(study, 'set', manifest, revive)).toBe(true);
	expect(study).toMatchObject({ value: before.value, valueKey: 'set', took: before.took, status: 'done' });
});

test('nothing is shown of another key, model file or version, nor once something else was asked', async () => {
	const { records } = fakeRecords();
	await measured(new KeptResults(records, '1'), 'set');
	const results = new KeptResults(records, '1');
	const study = new Study<Measured>();
	const changed = { ...manifest, files: [{ ...manifest.files[0]!, sha256: 'b'.repeat(64) }] };
	expect(await results.recall(study, 'other', manifest, revive)).toBe(false);
	expect(await results.recall(study, 'set', changed, revive)).toBe(false);
	expect(await new KeptResults(records, '2').recall(study, 'set', manifest, revive)).toBe(false);
	expect(study.value).toBeUndefined();
	const recalling = results.recall(study, 'set', manifest, revive);
	void study.run('new', () => new Promise(() => undefined));
	expect(await recalling).toBe(false);
	expect(study.value).toBeUndefined();
});

test('the oldest results go, and a full storage costs nothing but the keeping', async () => {
	const { map, records } = fakeRecords();
	const results = new KeptResults(records, '1');
	for (let i = 0; i < 30; i++) await measured(results, `set ${i}`);
	expect(map.size).toBe(24);
	const full = new KeptResults({ ...records, put: () => Promise.reject(new Error('full')) }, '1');
	expect((await measured(full, 'last')).value?.numbers).toEqual(Float32Array.of(1, 2));
});
