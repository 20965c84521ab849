import { describe, expect, it } from 'vitest';
import { readAbout } from '../../../../src/lib/benchmarks/run/about.ts';
import { memoryStorage, type RunStorage } from '../../../../src/lib/benchmarks/run/storage.ts';
import { scoreImported } from '../../../../src/lib/benchmarks/run/scored.ts';
import { scenes } from '../../../../src/lib/benchmarks/scenes.ts';
import { kindsOf } from '../../../../src/lib/study/run-scores.ts';
import { runRows } from '../../../../src/lib/study/run-table.ts';
import type { Session } from '../../../../src/lib/workbench/session/session.ts';
import { BenchmarkDesk, type DeskSide } from '../../../../src/routes/benchmarks/desk.svelte.ts';
import { RunShelf, tagsOf } from '../../../../src/routes/benchmarks/shelf.svelte.ts';
import { scenesRun } from '../../../support/scored-runs.ts';
import { fakeManifest } from '../../workbench/fakes.ts';

/** Folders of runs in memory, two of scenes and one whose results are damaged. */
async function shelf() {
	const folders = new Map<string, RunStorage & { readonly files: Map<string, Uint8Array> }>();
	const put = async (run: ReturnType<typeof scenesRun>, results = lines(run)) => {
		const storage = memoryStorage();
		await storage.write('manifest.json', JSON.stringify(run.manifest));
		await storage.write('results.jsonl', results);
		folders.set(run.id, storage);
	};
	const lines = (run: ReturnType<typeof scenesRun>) =>
		run.results.map((result) => `${JSON.stringify(result)}\n`).join('');
	await put(scenesRun('c-abs', 16));
	await put(scenesRun('d-abs', 36, ({ seed }) => seed % 2 === 0));
	await put(scenesRun('linear', 144), 'no result\nnone\n');
	const side: DeskSide = {
		prepare: async () => ({ width: 1, height: 1, data: new Uint8Array(3) }),
		folder: (path) => ({ ...folders.get(path)!, name: path }),
		list: async () =>
			[...folders].flatMap(([path, { files }]) => [...files.keys()].map((f) => `${path}/${f}`)),
		remove: async (path) => void folders.delete(path),
		dispose() {}
	};
	const manifest = fakeManifest('mini');
	const session = { models: { manifest, projectorNames: [] } } as unknown as Session;
	const desk = new BenchmarkDesk(session, 'http://site/', side);
	const made = new RunShelf(desk);
	await made.load();
	return { shelf: made, desk, folders };
}

describe('all runs of the browser', () => {
	it('are read with what is said of them; one that cannot be read is told', async () => {
		const { shelf: made } = await shelf();
		expect(made.all.map(({ id }) => id)).toEqual(['scenes/m/c-abs-m16', 'scenes/m/d-abs-m36']);
		expect(made.unread).toHaveLength(1);
		expect(made.unread[0]).toContain('linear');
	});

	it('are named, tagged and noted, beside their results and beyond the page', async () => {
		const { shelf: made, desk, folders } = await shelf();
		const [first] = made.all;
		await made.describe(first!, { name: ' Before ', tags: tagsOf('seed 1, , seed 1,paper') });
		await made.describe(made.all[0]!, { notes: 'the baseline' });
		const said = { name: 'Before', tags: ['seed 1', 'paper'], notes: 'the baseline' };
		expect(made.all[0]!.about).toEqual(said);
		expect(await readAbout(folders.get(first!.id)!)).toEqual(said);
		const again = new RunShelf(desk);
		await again.load();
		const { runs } = runRows(again.all, desk);
		expect(runs[0]).toMatchObject({ name: 'Before', tags: ['seed 1', 'paper'], notes: 'the baseline' });
		// Nothing said is nothing kept.
		await again.describe(again.all[0]!, { name: '', notes: '', tags: [] });
		expect(await readAbout(folders.get(first!.id)!)).toEqual({});
	});

	it('are found by words, all of which they have', async () => {
		const { shelf: made } = await shelf();
		await made.describe(made.all[1]!, { tags: ['Ablation'] });
		made.filter = 'ABLATION d-abs';
		expect(made.shown.map(({ projector }) => projector)).toEqual(['d-abs']);
		made.filter = 'ablation c-abs';
		expect(made.shown).toEqual([]);
		made.filter = '';
		made.benchmark = 'pope';
		expect(made.shown).toEqual([]);
	});

	it('keep their words while the desk scores them anew, imported ones too', async () => {
		const { shelf: made, desk } = await shelf();
		const [first] = made.all;
		desk.runs = [first!];
		await made.describe(first!, { name: 'Named' });
		desk.add([scenesRun('c-abs', 16)]);
		expect(made.all.find(({ id }) => id === first!.id)!.about).toEqual({ name: 'Named' });
		const imported = scoreImported('theirs', scenes, first!.results);
		desk.add([imported]);
		await made.describe(imported, { notes: 'from elsewhere' });
		expect(made.all.at(-1)!.about).toEqual({ notes: 'from elsewhere' });
	});

	it('say so when what is said of one is damaged, and keep the run', async () => {
		const { shelf: made, folders } = await shelf();
		await folders.get('scenes/m/c-abs-m16')!.write('about.json', '{"name": ');
		await made.load();
		expect(made.all).toHaveLength(2);
		expect(made.all[0]!.report.notes[0]).toMatch(/^about\.json in scenes\/m\/c-abs-m16 cannot be read/);
	});
});

describe('rows of runs', () => {
	it('have the score with its interval, how many answers and when', () => {
		const run = scenesRun('d-abs', 36, ({ seed }) => seed % 2 === 0);
		const dated = { ...run, manifest: { ...run.manifest!, created: '2026-03-04T05:06:07.000Z' } };
		const { runs } = runRows([dated], kindsOf(fakeManifest('mini')));
		const [headline] = run.report.scores;
		expect(runs[0]).toMatchObject({
			...{ model: 'm', projector: 'd-abs', tokens: 36, n: run.results.length, date: '2026-03-04' },
			...{ score: { value: headline!.value }, low: run.interval!.low, high: run.interval!.high }
		});
	});
});
