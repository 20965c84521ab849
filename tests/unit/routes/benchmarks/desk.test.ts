import { InputError } from '../../../../src/lib/tensor/errors.ts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openDataFolder } from '../../../../src/cli/eval/data-folder.ts';
import { memoryStorage, type RunStorage } from '../../../../src/lib/benchmarks/run/storage.ts';
import type { AnswerEvent, AnswerRequest } from '../../../../src/lib/model/runtime/types.ts';
import type { Session } from '../../../../src/lib/workbench/session/session.ts';
import { BenchmarkDesk, type DeskSide } from '../../../../src/routes/benchmarks/desk.svelte.ts';
import { Rescoring } from '../../../../src/routes/benchmarks/rescoring.ts';
import { DeskMemory } from '../../../../src/routes/benchmarks/kept-choice.ts';
import { FakeMemory, fakeManifest, fakeResult } from '../../workbench/fakes.ts';

afterEach(() => void vi.useRealTimers());

/** Folders of runs in memory; those that are closed stay readable. */
function memorySide(): DeskSide & { readonly closed: string[] } {
	const folders = new Map<string, RunStorage & { readonly files: Map<string, Uint8Array> }>();
	const closed: string[] = [];
	return {
		closed,
		prepare: async () => ({ width: 1, height: 1, data: new Uint8Array(3) }),
		folder(path) {
			const known = folders.get(path) ?? memoryStorage();
			folders.set(path, known);
			return { ...known, name: path, close: async () => void closed.push(path) };
		},
		list: async () =>
			[...folders].flatMap(([path, { files }]) => [...files.keys()].map((f) => `${path}/${f}`)),
		remove: async (path) => void folders.delete(path),
		dispose() {}
	};
}

/** A desk for POPE whose model gives `answers` answers and then refuses. */
async function deskThatFailsAfter(
	answers: number,
	memory?: DeskMemory,
	side = memorySide(),
	family = 'honeybee'
) {
	let given = 0;
	const requests: AnswerRequest[] = [];
	const client = {
		async *answer(request: AnswerRequest): AsyncGenerator<AnswerEvent> {
			requests.push(request);
			if (given++ >= answers) throw new Error('The worker has gone.');
			yield { type: 'done', result: fakeResult('yes') };
		}
	};
	const manifest = { ...fakeManifest('mini'), family };
	const session = {
		client,
		models: {
			manifest,
			loaded: { manifest, backend: { backend: 'wasm' } },
			projectorNames: Object.keys(manifest.projectors)
		}
	} as unknown as Session;
	const desk = new BenchmarkDesk(session, 'http://site/', side, memory);
	await desk.choose('pope');
	desk.data = await openDataFolder('tests/fixtures/benchmarks/data/pope');
	desk.chosen = { 'c-abs': [9], resampler: [] };
	return { desk, side, requests };
}

describe('a run that fails', () => {
	it('shows what was kept, and nothing later, when its folders are closed', async () => {
		const { desk, side } = await deskThatFailsAfter(2);
		vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
		await desk.start();
		expect(desk.status).toBe('failed');
		expect(desk.error).toContain('The worker has gone.');
		expect(side.closed).toEqual(['pope/mini/c-abs-m9-wasm']);
		expect(desk.runs.map(({ results }) => results.length)).toEqual([2]);

		await desk.remove(desk.runs[0]!.id);
		expect(vi.getTimerCount()).toBe(0);
		vi.runAllTimers();
		expect(desk.runs).toEqual([]);
	});
});

describe('what outlives the page', () => {
	it('unfinished runs are offered, with their numbers, and gone on with as they were begun', async () => {
		const memory = new DeskMemory(new FakeMemory());
		const { desk: first, side } = await deskThatFailsAfter(2, memory);
		first.limit = 5;
		expect(first.unfinished).toBeUndefined();
		await first.start();
		expect(first.unfinished).toEqual({ runs: 1, answers: 2, asked: 5 });

		const { desk } = await deskThatFailsAfter(100, memory, side);
		desk.chosen = {};
		desk.limit = 1;
		await desk.recall();
		expect(desk.unfinished).toEqual({ runs: 1, answers: 2, asked: 5 });
		expect(desk.asked).toEqual({ 'pope/mini/c-abs-m9-wasm': 5 });
		await desk.goOn();
		expect([desk.status, desk.limit, desk.chosen]).toEqual(['done', 5, { 'c-abs': [9], resampler: [] }]);
		expect(desk.runs.map(({ results }) => results.length)).toEqual([5]);
		expect([desk.unfinished, memory.begun]).toEqual([undefined, undefined]);
	});

	it('the choice comes back; what is no choice is forgotten', () => {
		const store = new FakeMemory();
		const memory = new DeskMemory(store);
		memory.choice = { benchmark: 'pope', chosen: { 'c-abs': [9, 16], resampler: [] } };
		const desk = new BenchmarkDesk({} as Session, 'http://site/', memorySide(), new DeskMemory(store));
		expect([desk.benchmark.name, desk.limit, desk.chosen]).toEqual([
			'pope',
			undefined,
			{ 'c-abs': [9, 16], resampler: [] }
		]);
		for (const wrong of [
			'{"benchmark":"none","chosen":{}}',
			'{"benchmark":"pope","chosen":{"a":["x"]}}',
			'7'
		]) {
			store.setItem('honeybee.runs.choice', wrong);
			expect(new DeskMemory(store).choice, wrong).toBeUndefined();
		}
	});
});

describe('a run that goes on in another tab', () => {
	it('is told by its name, not by its file', async () => {
		const side = memorySide();
		const folder = (path: string) => ({
			...side.folder(path),
			append: () =>
				Promise.reject(new InputError(`${path}/results.jsonl cannot be written: another tab is writing it.`))
		});
		const { desk } = await deskThatFailsAfter(2, undefined, { ...side, folder });
		await desk.start();
		expect(desk.error).toBe(
			`The run of the C-Abstractor, M = 9, on ${desk.benchmark.title} cannot be written: another tab is writing it.`
		);
	});
});

describe('scoring while a run goes on', () => {
	it('takes no more than a tenth of the time, and ends with the run', () => {
		vi.useFakeTimers();
		let scored = 0;
		const scoring = new Rescoring(() => {
			scored++;
			vi.advanceTimersByTime(300);
		});
		scoring.due();
		scoring.due();
		vi.advanceTimersByTime(0);
		expect(scored).toBe(1);
		vi.advanceTimersByTime(2990);
		scoring.due();
		vi.advanceTimersByTime(5);
		expect(scored).toBe(1);
		vi.advanceTimersByTime(100);
		scoring.due();
		vi.advanceTimersByTime(5);
		expect(scored).toBe(2);

		vi.advanceTimersByTime(10_000);
		scoring.due();
		scoring.stop();
		scoring.due();
		vi.runAllTimers();
		expect(scored).toBe(2);
	});
});

describe('a kept run', () => {
	it('that the storage does not let go of is said, and stays in the list of conflicts', async () => {
		const side = { ...memorySide(), remove: () => Promise.reject(new Error('The storage is in use.')) };
		const desk = new BenchmarkDesk({} as Session, 'http://localhost/', side);
		desk.conflict = ['scenes/one'];
		await desk.remove('scenes/one');
		expect(desk.error).toBe('The storage is in use.');
		expect(desk.conflict).toEqual(['scenes/one']);
	});
});

describe('a model with published words of its own', () => {
	it('is asked in them, or in Honeybee’s, side by side', async () => {
		const memory = new DeskMemory(new FakeMemory());
		const { desk, side, requests } = await deskThatFailsAfter(100, memory, undefined, 'mobilevlm');
		desk.limit = 1;
		expect(desk.ownWording!.recorded.whose).toBe('MobileVLM');
		await desk.start();
		desk.words = 'honeybee';
		await desk.start();
		expect(requests.map(({ raw_prompt, turns }) => [raw_prompt === undefined, turns[0]!.question])).toEqual([
			[true, expect.stringMatching(/\?\nAnswer the question using a single word or phrase\.$/)],
			[false, '']
		]);
		expect((await side.list()).filter((path) => path.endsWith('manifest.json'))).toEqual([
			'pope/mini/c-abs-m9-own-words-wasm/manifest.json',
			'pope/mini/c-abs-m9-wasm/manifest.json'
		]);
		expect(desk.runs.map(({ title }) => title)).toEqual([
			'mini, c-abs, M = 9, own words',
			'mini, c-abs, M = 9'
		]);
		expect(desk.runs[0]!.report.notes[0]).toMatch(
			/^Asked in the words published for MobileVLM \(Meituan-AutoML/
		);
		await desk.choose('scenes');
		expect(desk.ownWording).toBeUndefined();
	});

	it('unfinished runs go on in the words that they were begun in', async () => {
		const memory = new DeskMemory(new FakeMemory());
		const { desk: first, side } = await deskThatFailsAfter(1, memory, undefined, 'mobilevlm');
		first.limit = 3;
		await first.start();
		const { desk } = await deskThatFailsAfter(100, memory, side, 'mobilevlm');
		desk.words = 'honeybee';
		await desk.recall();
		expect(desk.unfinished).toEqual({ runs: 1, answers: 1, asked: 3 });
		await desk.goOn();
		expect([desk.status, desk.words]).toEqual(['done', 'own']);
		expect(desk.runs.map(({ results }) => results.length)).toEqual([3]);
	});
});
