import { describe, expect, it } from 'vitest';
import { pope, type PopeData } from '../../../src/lib/benchmarks/pope.ts';
import type { Benchmark, Example } from '../../../src/lib/benchmarks/benchmark.ts';
import { decodeImage } from '../../../src/cli/io/decode-image.ts';
import { openDataFolder } from '../../../src/cli/eval/data-folder.ts';
import { scenes, scenesSize, scenesStyle } from '../../../src/lib/benchmarks/scenes.ts';
import { seed } from '../../../src/lib/benchmarks/seed.ts';
import { imagePreparer } from '../../../src/lib/model/image/prepare.ts';
import { scoreRun } from '../../../src/lib/benchmarks/run/scored.ts';
import { openRun, readRun, type RunIdentity } from '../../../src/lib/benchmarks/run/record.ts';
import { reportRun } from '../../../src/lib/benchmarks/run/report.ts';
import { hashExamples, nothingAsked, runBenchmark, type RunProgress } from '../../../src/lib/study/run.ts';
import type { Answerer } from '../../../src/lib/study/answerer.ts';
import { resizeBicubic } from '../../../src/lib/model/image/resize.ts';
import { memoryStorage } from '../../../src/lib/benchmarks/run/storage.ts';
import type { AnswerRequest, AnswerResult } from '../../../src/lib/model/runtime/types.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';

const benchmark: Benchmark = pope;
const examples: Example<PopeData>[] = Array.from({ length: 6 }, (_, id) => {
	const image_path = `${Math.floor(id / 2)}.png`;
	return {
		id,
		images: [{ name: image_path, read: async () => Uint8Array.of(Math.floor(id / 2)) }],
		data: { question: `Question ${id}?`, answer: id % 2 ? 'no' : 'yes', image_path, category: 'random' }
	};
});
const identity: RunIdentity = {
	benchmark: 'pope',
	data: { examples: 6, sha256: 'd' },
	generation: benchmark.generation,
	model: { name: 'm', files: { 'a.onnx': '1' } },
	projector: 'c-abs',
	tokens: 16,
	dtype: 'fp32',
	backend: 'node',
	versions: { honeybee: '1' },
	seed: 0
};

const result = (text: string, stop_reason: AnswerResult['stop_reason'] = 'eos'): AnswerResult => ({
	text,
	ids: [1, 2],
	prompt_ids: [1, -1],
	timings_ms: { vision: 1, projector: 1, prefill: 2, decode: 3 },
	tokens_per_second: 1,
	cached_positions: 0,
	stop_reason,
	backend: 'node',
	dtype: 'fp32'
});

/** Answers "yes" always; fails or is aborted before the given call. */
function fakeModel(
	before: Partial<Record<number, () => void>> = {}
): Pick<Answerer, 'answer'> & { requests: AnswerRequest[] } {
	const requests: AnswerRequest[] = [];
	return {
		requests,
		async *answer(request, { signal } = {}) {
			before[requests.length]?.();
			// A request may go to a worker.
			requests.push(structuredClone(request));
			yield { type: 'done', result: signal?.aborted ? result('', 'cancelled') : result('yes') };
		}
	};
}

async function open(storage = memoryStorage(), changed: Partial<RunIdentity> = {}, resume = false) {
	const record = await openRun(storage, { ...identity, ...changed }, benchmark, { resume });
	return { storage, record, targets: [{ projector: 'c-abs', tokens: 16, record }] };
}

const linesOf = (files: ReadonlyMap<string, Uint8Array>) =>
	new TextDecoder().decode(files.get('results.jsonl')).trimEnd().split('\n');

describe('a run', () => {
	it('asks every example with its prompt, image and limit, and scores the answers', async () => {
		const { storage, record, targets } = await open();
		const model = fakeModel();
		const progress: RunProgress[] = [];
		expect(
			await runBenchmark({ benchmark, examples, targets, model, onProgress: (p) => progress.push(p) })
		).toBe(true);
		expect(model.requests.length).toBe(6);
		expect(model.requests[3]!.raw_prompt).toBe(benchmark.prompt(examples[3]!.data, 1));
		expect(model.requests[3]!.turns[0]!.images.map(({ name, bytes }) => [name, ...bytes])).toEqual([
			['1.png', 1]
		]);
		expect(model.requests[3]!.sampling).toMatchObject({ temperature: 0, max_new_tokens: 20 });
		expect(progress.map(({ done }) => done)).toEqual([0, 1, 2, 3, 4, 5, 6]);
		expect(progress[0]!.seconds_left).toBeUndefined();
		expect(progress.at(-1)!.seconds_left).toBe(0);
		const report = await reportRun(benchmark, record, storage);
		expect(report.scores[0]).toMatchObject({ name: 'accuracy', unit: '%' });
		expect(report.scores[0]!.value).toBeCloseTo(50, 9);
		// Three images, each half right: nearly nothing is known.
		expect(report.interval!.low).toBeLessThan(20);
		expect(report.interval!.high).toBeCloseTo(100 - report.interval!.low, 9);
		expect(report.latency_ms.decode_per_token).toEqual({ median: 3, q1: 3, q3: 3, n: 6 });
		expect(storage.files.has('report.json')).toBe(true);
	});

	it('goes on after an abort without asking twice', async () => {
		const abort = new AbortController();
		const first = await open();
		const model = fakeModel({ 3: () => abort.abort() });
		expect(
			await runBenchmark({ benchmark, examples, targets: first.targets, model, signal: abort.signal })
		).toBe(false);
		expect(linesOf(first.storage.files).length).toBe(3);
		const again = await open(first.storage, {}, true);
		const rest = fakeModel();
		expect(await runBenchmark({ benchmark, examples, targets: again.targets, model: rest })).toBe(true);
		expect(rest.requests.length).toBe(3);
		expect(linesOf(first.storage.files).map((line) => (JSON.parse(line) as { id: number }).id)).toEqual([
			0, 1, 2, 3, 4, 5
		]);
	});

	it('goes on past an example that cannot be asked, names it, and tries it again the next time', async () => {
		const { storage, record, targets } = await open();
		const odd = examples.map((example) => ({
			...example,
			...(example.id === 5 && { unusable: 'The label of 5 is none.' }),
			images:
				example.id < 4
					? example.images
					: [{ name: '2.png', read: () => Promise.reject(new InputError('2.png is damaged.')) }]
		}));
		expect(await runBenchmark({ benchmark, examples: odd, targets, model: fakeModel() })).toBe(true);
		expect([...record.results.keys()]).toEqual([0, 1, 2, 3]);
		expect([...record.skipped.keys()]).toEqual([4, 5]);
		const { notes, answers } = await reportRun(benchmark, record, storage);
		expect(answers).toBe(4);
		expect(notes[0]).toMatch(/^4 of 6 examples were answered/);
		expect(notes[1]).toBe(
			'2 examples could not be asked and are left out of the score: example 4: 2.png is damaged. example 5: The label of 5 is none.'
		);
		const kept = await readRun(storage, () => benchmark);
		expect(kept!.skipped).toEqual([...record.skipped.values()]);
		expect(scoreRun('r', benchmark, record.manifest, kept!.results, kept!.skipped).report.notes[0]).toBe(
			notes[1]
		);
		const again = await open(storage, {}, true);
		const model = fakeModel();
		await runBenchmark({ benchmark, examples, targets: again.targets, model });
		expect([model.requests.length, again.record.results.size, again.record.skipped.size]).toEqual([2, 6, 0]);
		expect((await readRun(storage, () => benchmark))!.skipped).toEqual([]);
	});

	it('says so when nothing can be asked, and ends at other errors', async () => {
		const { record, targets } = await open();
		const fail = (error: Error) =>
			fakeModel(
				Object.fromEntries(
					examples.map(({ id }) => [
						id,
						() => {
							throw error;
						}
					])
				)
			);
		await expect(
			runBenchmark({ benchmark, examples, targets, model: fail(new TypeError('of our own')) })
		).rejects.toThrow('of our own');
		expect(nothingAsked(benchmark, [record])).toBe(undefined);
		await runBenchmark({
			benchmark,
			examples,
			targets,
			model: {
				answer: () => {
					throw new InputError('The prompt is too long.');
				}
			}
		});
		expect(nothingAsked(benchmark, [record])!.message).toBe(
			'POPE: none of the examples could be asked. The first of them, example 0: The prompt is too long.'
		);
	});

	it('hands over a drawn scene’s pixels, which are those of its file, and packs none', async () => {
		const folder = await openDataFolder('static/scenes');
		for (const of of [scenes, scenesStyle, scenesSize]) {
			const asked: Example[] = [];
			for await (const example of of.examples(folder)) if (asked.push(example) === 30) break;
			const drawn = asked.map((example) => ({
				...example,
				images: example.images.map((image) => ({
					...image,
					read: () => Promise.reject(new Error('Nothing needs the file.'))
				}))
			}));
			for (const [size, prepare] of [
				[96, undefined],
				[28, imagePreparer(decodeImage, 28, 'drop')]
			] as const) {
				const record = await openRun(memoryStorage(), { ...identity, benchmark: of.name }, of);
				const model = fakeModel();
				const targets = [{ projector: 'c-abs', tokens: 16, record }];
				await runBenchmark({
					...{ benchmark: of, examples: drawn, targets, model },
					...(prepare && { prepare })
				});
				expect(model.requests).toHaveLength(30);
				const ids = new Set<string>();
				for (const [i, { turns }] of model.requests.entries()) {
					const { id, bytes, pixels } = turns[0]!.images[0]!;
					ids.add(id);
					expect(bytes).toHaveLength(0);
					expect(pixels).toMatchObject({ width: size, height: size });
					const [file] = asked[i]!.images;
					const whole = await decodeImage(await file!.read(), file!.name, 'white');
					expect(pixels).toEqual(size === 96 ? whole : resizeBicubic(whole, size, size));
				}
				// Another scene is another image.
				expect(ids.size).toBe(new Set(asked.map(({ images }) => images[0]!.name)).size);
			}
		}
	});

	it('asks about a JPEG in CMYK as about any other image', async () => {
		const folder = 'tests/fixtures/cases/data-one-odd-image/seed';
		const asked: Example[] = [];
		for await (const example of seed.examples(await openDataFolder(folder))) asked.push(example);
		const record = await openRun(memoryStorage(), { ...identity, benchmark: 'seed' }, seed);
		const run = { benchmark: seed as Benchmark, examples: asked, model: fakeModel() };
		const prepare = imagePreparer(decodeImage, 28, 'drop');
		await runBenchmark({ ...run, targets: [{ projector: 'c-abs', tokens: 16, record }], prepare });
		expect([record.results.size, record.skipped.size]).toEqual([4, 0]);
		// One that is cut off in its pixels is left out, and only that.
		const harmed = asked.map((example) =>
			example.id === 1
				? {
						...example,
						images: example.images.map(({ name, read }) => ({
							name,
							read: async () => (await read()).subarray(0, 900)
						}))
					}
				: example
		);
		const second = await openRun(memoryStorage(), { ...identity, benchmark: 'seed' }, seed);
		const targets = [{ projector: 'c-abs', tokens: 16, record: second }];
		await runBenchmark({ ...run, examples: harmed, targets, prepare });
		expect([...second.results.keys()]).toEqual([0, 2, 3]);
		expect(second.skipped.get(1)!.reason).toMatch(/img_1.*damaged or cut off/);
	});

	it.each([
		['cut in the middle', (line: string) => line.slice(0, 30), true],
		['cut in a character', (line: string) => line.slice(0, -1), true],
		['whole but for its line end', (line: string) => line, false]
	])('repairs a last line that is %s', async (_, cut, repaired) => {
		const { storage, targets } = await open();
		await runBenchmark({ benchmark, examples, targets, model: fakeModel() });
		const lines = linesOf(storage.files);
		await storage.write('results.jsonl', [...lines.slice(0, 5), cut(lines[5]!)].join('\n'));
		const again = await open(storage, {}, true);
		expect(again.record.repaired).toBe(repaired);
		expect(again.record.results.size).toBe(repaired ? 5 : 6);
		await runBenchmark({ benchmark, examples, targets: again.targets, model: fakeModel() });
		expect(linesOf(storage.files)).toEqual(lines);
	});

	it('refuses damage elsewhere and repeated results, naming the line', async () => {
		const { storage, targets } = await open();
		await runBenchmark({ benchmark, examples, targets, model: fakeModel() });
		const lines = linesOf(storage.files);
		await storage.write('results.jsonl', [lines[0], lines[1]!.slice(9), lines[2], ''].join('\n'));
		await expect(open(storage, {}, true)).rejects.toThrow('results.jsonl, line 2, is not a result');
		await storage.write('results.jsonl', [lines[0], lines[1], lines[0], ''].join('\n'));
		await expect(open(storage, {}, true)).rejects.toThrow('line 3: example 0 is there already');
		await storage.write('results.jsonl', `${lines[0]!.replace('"category":"random"', '"category":7')}\n`);
		await expect(open(storage, {}, true)).rejects.toThrow('line 1: "category" is not as expected');
	});

	it('refuses another manifest, and a run that is there without resume', async () => {
		const { storage } = await open();
		await expect(open(storage)).rejects.toThrow('add --resume');
		await expect(open(storage, { tokens: 64 }, true)).rejects.toThrow('another tokens (was 16, is 64)');
		await expect(open(storage, { model: { name: 'm', files: { 'a.onnx': '2' } } }, true)).rejects.toThrow(
			'another model.files.a.onnx (was 1, is 2)'
		);
		await storage.write('manifest.json', '{');
		await expect(open(storage, {}, true)).rejects.toThrow(InputError);
	});

	it('reads the next image while the model computes, and each image once', async () => {
		const { targets } = await open();
		const events: string[] = [];
		const watched = examples.map((example) => ({
			...example,
			images: example.images.map(({ name, read }) => ({
				name,
				read: () => {
					events.push(`read ${name}`);
					return read();
				}
			}))
		}));
		const model = fakeModel();
		const answer = model.answer.bind(model);
		const slow: Pick<Answerer, 'answer'> = {
			async *answer(request, options) {
				await new Promise((resolve) => setTimeout(resolve, 5));
				events.push(`answer ${request.turns[0]!.images[0]!.name}`);
				yield* answer(request, options);
			}
		};
		await runBenchmark({
			benchmark,
			examples: watched,
			targets,
			model: slow,
			prepare: async (_, name) => {
				events.push(`prepare ${name}`);
				return { width: 1, height: 1, data: new Uint8Array(3) };
			}
		});
		expect(events.filter((event) => event.startsWith('read'))).toEqual([
			'read 0.png',
			'read 1.png',
			'read 2.png'
		]);
		expect(events.indexOf('read 1.png')).toBeLessThan(events.lastIndexOf('answer 0.png'));
		expect(events.indexOf('prepare 1.png')).toBeLessThan(events.lastIndexOf('answer 0.png'));
		expect(events.filter((event) => event.startsWith('prepare')).length).toBe(3);
		expect(model.requests.every(({ turns }) => turns[0]!.images[0]!.pixels?.width === 1)).toBe(true);
	});

	it('reads two images ahead, however many questions there are about one, and lets go of those behind', async () => {
		const { targets } = await open();
		const read: string[] = [];
		const seen: string[][] = [];
		const watched = examples.map((example, id) => ({
			...example,
			// 0 0 1 2 3 0: an image that comes back much later is read again.
			images: [0, 0, 1, 2, 3, 0].slice(id, id + 1).map((n) => ({
				name: `${n}.png`,
				read: async () => {
					read.push(`${n}`);
					return Uint8Array.of(n);
				}
			}))
		}));
		const model: Pick<Answerer, 'answer'> = {
			async *answer() {
				await new Promise((resolve) => setTimeout(resolve, 2));
				seen.push([...read]);
				yield { type: 'done', result: result('yes') };
			}
		};
		await runBenchmark({ benchmark, examples: watched, targets, model });
		expect(seen.map((names) => names.join(' '))).toEqual([
			'0 1 2',
			'0 1 2',
			'0 1 2 3',
			'0 1 2 3 0',
			'0 1 2 3 0',
			'0 1 2 3 0'
		]);
	});

	it('asks all about an image through one projector before the next, and only what is lacking', async () => {
		const first = await open();
		const second = await open(memoryStorage(), { tokens: 64 });
		const targets = [...first.targets, { projector: 'c-abs', tokens: 64, record: second.record }];
		const model = fakeModel();
		await runBenchmark({ benchmark, examples: examples.slice(1, 2), targets: targets.slice(1), model });
		await runBenchmark({ benchmark, examples: examples.slice(0, 3), targets, model });
		expect(
			model.requests.map(({ raw_prompt, tokens }) => `${/Question (\d)/.exec(raw_prompt!)![1]} ${tokens}`)
		).toEqual(['1 64', '0 16', '1 16', '0 64', '2 16', '2 64']);
		expect([first.record.results.size, second.record.results.size]).toEqual([3, 3]);
	});

	it('asks again when someone else stopped the answer', async () => {
		const { record, targets } = await open();
		let calls = 0;
		const model: Pick<Answerer, 'answer'> = {
			async *answer() {
				yield { type: 'done', result: ++calls === 2 ? result('y', 'cancelled') : result('yes') };
			}
		};
		expect(await runBenchmark({ benchmark, examples, targets, model })).toBe(true);
		expect([calls, record.results.size]).toEqual([7, 6]);
		expect([...record.results.values()].every(({ pred }) => pred === 'yes')).toBe(true);
	});

	it('hashes what is asked', async () => {
		const { sha256, examples: count } = await hashExamples(benchmark, examples);
		expect(count).toBe(6);
		const other = examples.map((example) => ({ ...example, data: { ...example.data, question: 'Other?' } }));
		expect((await hashExamples(benchmark, other)).sha256).not.toBe(sha256);
	});
});
