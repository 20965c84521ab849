import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { greedy } from '../../../src/lib/model/runtime/sampling.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import type {
	AnswerEvent,
	AnswerRequest,
	AnswerResult,
	ImageInput
} from '../../../src/lib/model/runtime/types.ts';
import type { LoadRequest, WorkerState } from '../../../src/workers/model/api.ts';
import { ModelClient } from '../../../src/workers/model/client.ts';
import { OPFS_MODELS } from '../../../src/lib/browser/model-source.ts';
import type { Golden } from '../../support/golden.ts';
import { convertGolden, fetchGolden, goldenImage } from './converted.ts';
import type { Death } from './dying.worker.ts';

const model: LoadRequest = { location: { kind: 'opfs', name: 'golden' }, backend: 'wasm' };
let golden: Golden;
let image: ImageInput;
let question: string;

beforeAll(async () => {
	golden = await fetchGolden('c-abs');
	await store('golden', await convertGolden('c-abs'));
	const name = golden.cases.main!.images[0]!;
	question = /\nHuman: ([^\n<]+)\nAI: $/.exec(golden.cases.main!.prompt)![1]!;
	image = { id: name, name, bytes: await goldenImage(name) };
});
afterAll(async () => {
	const root = await navigator.storage.getDirectory();
	await root.removeEntry(OPFS_MODELS, { recursive: true });
});

async function store(name: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
	const root = await navigator.storage.getDirectory();
	const models = await root.getDirectoryHandle(OPFS_MODELS, { create: true });
	const folder = await models.getDirectoryHandle(name, { create: true });
	for (const [path, bytes] of Object.entries(files)) {
		const writable = await (await folder.getFileHandle(path, { create: true })).createWritable();
		await writable.write(bytes as Uint8Array<ArrayBuffer>);
		await writable.close();
	}
}

const clients: ModelClient[] = [];
function made(client: ModelClient): { client: ModelClient; states: WorkerState[] } {
	const states: WorkerState[] = [];
	client.subscribe((state) => states.push(state));
	clients.push(client);
	return { client, states };
}
afterEach(() => {
	for (const client of clients.splice(0)) client.dispose();
});

function request(changes: Partial<AnswerRequest> = {}): AnswerRequest {
	return {
		projector: 'c-abs',
		turns: [{ question, images: [image] }],
		sampling: { ...greedy, max_new_tokens: 20 },
		...changes
	};
}

async function ask(
	client: ModelClient,
	asked: AnswerRequest,
	onEvent: (event: AnswerEvent) => void = () => undefined,
	signal?: AbortSignal
): Promise<AnswerResult> {
	for await (const event of client.answer(asked, { signal })) {
		onEvent(event);
		if (event.type === 'done') return event.result;
	}
	throw new Error('no result');
}

describe('the worker', () => {
	it('loads with progress and streams the golden answer', async () => {
		const { client, states } = made(new ModelClient());
		expect(client.state).toEqual({ status: 'idle' });
		const loaded = await client.load(model);
		expect(loaded.backend).toMatchObject({ backend: 'wasm', threads: navigator.hardwareConcurrency });
		expect(loaded.manifest.name).toBe('c-abs');
		expect(client.state.status).toBe('ready');
		const progress = states.flatMap((state) => (state.status === 'loading' ? [state.progress] : []));
		const { loaded: bytes, total } = progress.at(-1)!;
		expect(bytes).toBe(total);
		expect(total).toBeGreaterThan(2_000_000);

		const events: AnswerEvent[] = [];
		const result = await ask(client, request(), (event) => events.push(event));
		expect(result.ids).toEqual(golden.cases.main!.generated_ids);
		expect(result.text).toBe(golden.cases.main!.generated_text);
		expect(events.flatMap((event) => (event.type === 'stage' ? [event.stage] : []))).toEqual([
			'vision',
			'projector',
			'prefill',
			'decode'
		]);
		expect(events.filter((event) => event.type === 'token')).toHaveLength(20);
		for (const ms of Object.values(result.timings_ms)) expect(ms).toBeGreaterThan(0);
	});

	it('can be cancelled midway, left midway, and asked again', async () => {
		const { client } = made(new ModelClient());
		await client.load(model);
		let tokens = 0;
		const stop = new AbortController();
		const midway = (event: AnswerEvent) => {
			if (event.type === 'token' && ++tokens === 3) stop.abort();
		};
		const cancelled = await ask(client, request(), midway, stop.signal);
		expect(cancelled.stop_reason).toBe('cancelled');
		expect(cancelled.ids.length).toBeGreaterThanOrEqual(3);
		expect(cancelled.ids.length).toBeLessThan(20);
		for await (const event of client.answer(request())) if (event.type === 'token') break;
		const aborted = client.answer(request(), { signal: AbortSignal.abort() });
		for await (const event of aborted)
			if (event.type === 'done') expect(event.result.stop_reason).toBe('cancelled');
		expect((await ask(client, request())).ids).toEqual(golden.cases.main!.generated_ids);
	});

	it('stops one answer and none of the others, whichever is being written', async () => {
		const { client } = made(new ModelClient());
		await client.load(model);
		const stopped = async (signal: AbortSignal, onEvent: (event: AnswerEvent) => void = () => undefined) => {
			for await (const event of client.answer(request(), { signal })) {
				onEvent(event);
				if (event.type === 'done') return event.result.stop_reason;
			}
			throw new Error('no result');
		};
		const golden_ids = golden.cases.main!.generated_ids;
		const waiting = new AbortController();
		const written = ask(client, request(), (event) => {
			if (event.type === 'token') waiting.abort();
		});
		const behind = stopped(waiting.signal);
		expect((await written).ids).toEqual(golden_ids);
		expect(await behind).toBe('cancelled');

		const writing = new AbortController();
		const ended = stopped(writing.signal, (event) => {
			if (event.type === 'token') writing.abort();
		});
		const next = ask(client, request());
		expect(await ended).toBe('cancelled');
		expect((await next).ids).toEqual(golden_ids);
	});

	it.each(['fp16', 'q4'] as const)('runs %s on WASM over many steps', async (dtype) => {
		await store(dtype, await convertGolden('c-abs', dtype));
		const { client } = made(new ModelClient());
		await client.load({ ...model, location: { kind: 'opfs', name: dtype } });
		const { ids } = await ask(client, request());
		expect(ids).toHaveLength(20);
		// Half precision is near enough for the same ids; 4 bits of random weights are not.
		if (dtype === 'fp16') expect(ids.slice(0, 5)).toEqual(golden.cases.main!.generated_ids.slice(0, 5));
	});

	it('runs q4 on the GPU, with the answer of WASM', async () => {
		await store('q4', await convertGolden('c-abs', 'q4'));
		const short = request({ sampling: { ...greedy, max_new_tokens: 4 } });
		const answers = [];
		for (const backend of ['wasm', 'webgpu'] as const) {
			const { client } = made(new ModelClient());
			const loaded = await client.load({ backend, location: { kind: 'opfs', name: 'q4' } });
			expect(loaded.backend.backend).toBe(backend);
			// The embedding's rows are looked up on the processor by the runtime with WebGPU, too.
			expect(loaded.manifest.dtypes.embedding).toBe('q8');
			answers.push((await ask(client, short)).ids);
		}
		expect(answers[1]).toEqual(answers[0]);
	});

	it('traces a projector more than once', async () => {
		const { client } = made(new ModelClient());
		await client.load(model);
		const names = ['proj.', 'visual_embeds'];
		const first = await client.trace({ projector: 'c-abs', image, names });
		const second = await client.trace({ projector: 'c-abs', image, names });
		expect(first['proj.output']?.dims).toEqual([1, 16, 96]);
		expect(second).toEqual(first);
		expect((await ask(client, request())).ids).toEqual(golden.cases.main!.generated_ids);
	});

	it('looks into an answer, and stops one call without the others', async () => {
		const { client } = made(new ModelClient());
		await client.load(model);
		const { ids } = await ask(client, request());
		const { projector, turns } = request();
		const probe = { projector, turns, answer: { ids } };
		const { log_probabilities, pieces } = await client.score(probe);
		expect(pieces.join('')).toBe(golden.cases.main!.generated_text);
		const logits = golden.tensors.main!.logits!.data as Float32Array;
		const last = [...logits.slice(-512)];
		const most = Math.max(...last);
		const sum = last.reduce((total, value) => total + Math.exp(value - most), 0);
		expect(log_probabilities[0]!).toBeCloseTo(last[ids[0]!]! - most - Math.log(sum), 3);

		const attention = await client.influence({ ...probe, method: 'attention' });
		expect(attention.values.dims).toEqual([3, 4, ids.length, 16]);
		const stopped = new AbortController();
		const steps: number[] = [];
		const [replaced, kept, answer] = await Promise.allSettled([
			client.influence(
				{ ...probe, method: 'ablation' },
				{
					signal: stopped.signal,
					onProgress: ({ done }) => {
						steps.push(done);
						stopped.abort();
					}
				}
			),
			client.influence({ ...probe, method: 'ablation' }),
			ask(client, request())
		]);
		expect(replaced).toMatchObject({ status: 'rejected', reason: { name: 'AbortError' } });
		expect(steps.length).toBeLessThan(16);
		if (answer.status === 'rejected' || kept.status === 'rejected')
			throw new Error('A call was stopped with another.');
		expect(answer.value.ids).toEqual(ids);
		expect(kept.value.values.dims).toEqual([ids.length, 16]);
		const edited = await client.score({ ...probe, edits: [{ kind: 'mean', tokens: [5] }] });
		const column = ids.map((_, a) => kept.value.values.data[a * 16 + 5]!);
		column.forEach((value, a) =>
			expect(value).toBeCloseTo(log_probabilities[a]! - edited.log_probabilities[a]!, 3)
		);

		const grid = await client.lens({ projector, turns, words: 2 });
		expect(grid.map((layer) => layer.length)).toEqual([16, 16, 16, 16]);
		expect(client.state.status).toBe('ready');
	});

	it('stays usable after unusable requests', async () => {
		const { client } = made(new ModelClient());
		await client.load(model);
		const bad: [AnswerRequest, string][] = [
			[request({ turns: [{ question: '', images: [image] }] }), 'empty'],
			[request({ turns: [{ question: 'dog '.repeat(5000), images: [] }] }), 'context'],
			[
				request({ turns: [{ question, images: [{ id: 'x', name: 'x.svg', bytes: new Uint8Array(8) }] }] }),
				'x.svg'
			]
		];
		for (const [asked, message] of bad) {
			const refused = ask(client, asked);
			await expect(refused).rejects.toThrow(InputError);
			await expect(refused).rejects.toThrow(message);
		}
		expect(client.state.status).toBe('ready');
		expect((await ask(client, request())).ids).toEqual(golden.cases.main!.generated_ids);
	});

	it('chooses WASM by itself where the adapter is software', async () => {
		const { client } = made(new ModelClient());
		const { backend } = await client.load({ ...model, backend: 'auto' });
		expect(backend.backend).toBe('wasm');
		expect(backend.reason).toContain('software');
	});
});

describe('a model that cannot be loaded', () => {
	it('gives one sentence and one state', async () => {
		const { client } = made(new ModelClient());
		const absent = client.load({ ...model, location: { kind: 'opfs', name: 'absent' } });
		await expect(absent).rejects.toThrow(InputError);
		expect(client.state).toMatchObject({ status: 'failed', reason: 'input' });
		expect((client.state as { message: string }).message).toContain('absent');
		await client.load(model);
		expect(client.state.status).toBe('ready');
	});

	it('is refused by name when a file is damaged', async () => {
		const files = await convertGolden('c-abs');
		files['language.safetensors']![500_000]! ^= 1;
		await store('damaged', files);
		const { client } = made(new ModelClient());
		await expect(client.load({ ...model, location: { kind: 'opfs', name: 'damaged' } })).rejects.toThrow(
			'language.safetensors in the model folder damaged is damaged'
		);
		expect(client.state).toMatchObject({ status: 'failed', reason: 'input' });
	});

	it('gives way to the next one', async () => {
		const { client } = made(new ModelClient());
		const first = client.load(model);
		const second = client.load(model);
		await expect(first).rejects.toThrow('Another model');
		await second;
		expect(client.state.status).toBe('ready');
	});
});

/** A client of the worker that can be made to die. */
function mortal() {
	let worker: Worker | undefined;
	const client = new ModelClient(() => {
		worker = new Worker(new URL('./dying.worker.ts', import.meta.url), { type: 'module' });
		return worker;
	});
	return { client, die: (how: Death) => worker!.postMessage({ die: how }) };
}

/** It dies within an answer: what waits fails, and the state says why. */
async function expectDeath({ client, die }: ReturnType<typeof mortal>, how: Death, reason: string) {
	const failed = new Promise<WorkerState>((resolve) => client.subscribe(resolve));
	const answer = ask(client, request(), (event) => {
		if (event.type === 'stage') die(how);
	});
	await expect(answer).rejects.toThrow();
	expect(await failed).toMatchObject({ status: 'failed', reason });
	await expect(ask(client, request())).rejects.toThrow();
}

async function expectRestart(client: ModelClient, length: number) {
	await client.restart();
	expect(client.state.status).toBe('ready');
	const result = await ask(client, request({ sampling: { ...greedy, max_new_tokens: length } }));
	expect(result.ids).toEqual(golden.cases.main!.generated_ids.slice(0, length));
}

describe('a worker on WASM that dies', () => {
	it.each(['close', 'throw'] as const)(
		'by %s is a crash, fails what waits, and can be restarted',
		async (how) => {
			const one = mortal();
			made(one.client);
			await one.client.load(model);
			await expectDeath(one, how, 'crash');
			await expectRestart(one.client, 3);
		}
	);
});

// To load on this adapter takes long, so these tests have one client, each in the state that the one before left it in.
describe('a worker on the GPU', () => {
	const gpu = mortal();
	const { client } = gpu;
	beforeAll(async () => {
		const loaded = await client.load({ ...model, backend: 'webgpu' });
		expect(loaded.backend.backend).toBe('webgpu');
	});
	afterAll(() => client.dispose());

	it('reuses the cache, with the answers of WASM', async () => {
		const { client: onWasm } = made(new ModelClient());
		expect((await onWasm.load(model)).backend.backend).toBe('wasm');
		const answers = [];
		for (const asked of [onWasm, client]) {
			const short = { ...greedy, max_new_tokens: 6 };
			const one = await ask(asked, request({ sampling: short }));
			const turns = [
				{ question, images: [image], answer: one.text, answer_ids: one.ids },
				{ question: 'What color is the sky?', images: [] }
			];
			const two = await ask(asked, request({ turns, sampling: short }));
			expect(two.cached_positions).toBe(one.prompt_ids.length + one.ids.length - 1);
			const again = await ask(asked, request({ sampling: short }));
			expect(again.cached_positions).toBe(one.prompt_ids.length - 1);
			expect(again.ids).toEqual(one.ids);
			answers.push([one.ids, two.ids]);
		}
		expect(answers[1]).toEqual(answers[0]);
	});

	it('whose device is lost says so, fails what waits, and can be restarted', async () => {
		await expectDeath(gpu, 'device', 'device-lost');
		// A step of decoding has kernels of its own to compile.
		await expectRestart(client, 1);
	});

	it.each(['validation', 'memory'] as const)(
		'whose device reports an error of %s is a crash',
		async (how) => {
			if (client.state.status === 'failed') await client.restart();
			expect(client.state.status).toBe('ready');
			await expectDeath(gpu, how, 'crash');
		}
	);
});
