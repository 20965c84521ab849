import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertCommand } from '../../../../src/cli/convert.ts';
import { decodeImage } from '../../../../src/cli/io/decode-image.ts';
import { openFolder } from '../../../../src/cli/io/disk.ts';
import { createNodeBackend } from '../../../../src/cli/node-backend.ts';
import { HoneybeeModel } from '../../../../src/lib/model/runtime/model.ts';
import { openModelFolder } from '../../../../src/lib/model/runtime/model-folder.ts';
import type {
	AnswerEvent,
	AnswerRequest,
	AnswerResult,
	ImageInput,
	Turn
} from '../../../../src/lib/model/runtime/types.ts';
import { greedy } from '../../../../src/lib/model/runtime/sampling.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';

const fixtures = new URL('../../../fixtures/golden/', import.meta.url).pathname;
let folder: string;
let source: Awaited<ReturnType<typeof openFolder>>;
let model: HoneybeeModel;
let image: ImageInput;
let other: ImageInput;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'honeybee-'));
	await convertCommand.run([join(fixtures, 'c-abs/last'), folder], {
		write: () => undefined,
		progress: () => undefined,
		note: () => undefined,
		warn: () => undefined,
		signal: new AbortController().signal
	});
	source = await openFolder(folder);
	model = await load();
	const read = async (name: string) => ({
		id: name,
		name,
		bytes: new Uint8Array(await readFile(join(fixtures, 'images', name)))
	});
	image = await read('scene_160x240.png');
	other = await read('scene_200x150.png');
});
afterAll(async () => {
	await model.dispose();
	await source.close();
	await rm(folder, { recursive: true });
});

async function load(): Promise<HoneybeeModel> {
	return HoneybeeModel.load({
		backend: createNodeBackend(folder),
		folder: await openModelFolder(source),
		decodeImage
	});
}

function request(turns: readonly Turn[], sampling: Partial<AnswerRequest['sampling']> = {}): AnswerRequest {
	return { projector: 'c-abs', turns, sampling: { ...greedy, max_new_tokens: 12, ...sampling } };
}

async function ask(
	asked: AnswerRequest,
	signal?: AbortSignal,
	onEvent: (event: AnswerEvent) => void = () => undefined,
	answering = model
): Promise<AnswerResult> {
	for await (const event of answering.answer(asked, { ...(signal && { signal }) })) {
		onEvent(event);
		if (event.type === 'done') return event.result;
	}
	throw new Error('no result');
}

const first = (): Turn => ({ question: 'How many objects are there in the picture?', images: [image] });

describe('a second question', () => {
	it('pays neither vision nor projector nor the old turns, and has the answer of a fresh model', async () => {
		const one = await ask(request([first()]));
		const stages: string[] = [];
		const turns = [
			{ ...first(), answer: one.text, answer_ids: one.ids },
			{ question: 'What color is the sky?', images: [] }
		];
		const two = await ask(request(turns), undefined, (event) => {
			if (event.type === 'stage') stages.push(event.stage);
		});
		expect(stages).toEqual(['prefill', 'decode']);
		expect(two.timings_ms.vision).toBe(0);
		expect(two.timings_ms.projector).toBe(0);
		// Everything but the last new id was computed for the first answer.
		expect(two.cached_positions).toBe(one.prompt_ids.length + one.ids.length - 1);

		const fresh = await load();
		const again = await ask(request(turns), undefined, undefined, fresh);
		await fresh.dispose();
		expect(again.cached_positions).toBe(0);
		expect(again.ids).toEqual(two.ids);
		expect(again.prompt_ids).toEqual(two.prompt_ids);
	});

	it('cuts the cache where the conversation differs', async () => {
		const one = await ask(request([first()]));
		const retried = await ask(request([first()]));
		expect(retried.cached_positions).toBe(one.prompt_ids.length - 1);
		expect(retried.ids).toEqual(one.ids);
		const changed = await ask(request([{ ...first(), question: 'How many dogs are there?' }]));
		expect(changed.cached_positions).toBeGreaterThan(50);
		expect(changed.cached_positions).toBeLessThan(one.prompt_ids.length - 1);
		expect((await ask(request([first()]))).ids).toEqual(one.ids);
	});

	it('does not take one image for another, or one M for another', async () => {
		const one = await ask(request([first()]));
		const place = one.prompt_ids.indexOf(-1);
		const otherImage = await ask(request([{ ...first(), images: [other] }]));
		expect(otherImage.cached_positions).toBe(place);
		expect(otherImage.ids).not.toEqual(one.ids);
		const fewer = await ask({ ...request([{ ...first(), images: [other] }]), tokens: 4 });
		expect(fewer.cached_positions).toBe(place);
		expect(fewer.prompt_ids.filter((id) => id === -1)).toHaveLength(4);
	});

	it('keeps the features of an image across other images', async () => {
		await ask(request([first()]));
		await ask(request([{ ...first(), images: [other] }]));
		const stages: string[] = [];
		await ask({ ...request([first()]), tokens: 9 }, undefined, (event) => {
			if (event.type === 'stage') stages.push(event.stage);
		});
		expect(stages).toEqual(['projector', 'prefill', 'decode']);
	});
});

describe('the end of an answer', () => {
	it('comes with an abort, at the next token, and the model goes on', async () => {
		const whole = await ask(request([first()]));
		const abort = new AbortController();
		const cancelled = await ask(request([first()]), abort.signal, (event) => {
			if (event.type === 'token' && event.text.length > 4) abort.abort();
		});
		expect(cancelled.stop_reason).toBe('cancelled');
		expect(cancelled.ids.length).toBeLessThan(whole.ids.length);
		expect(whole.ids.slice(0, cancelled.ids.length)).toEqual(cancelled.ids);
		expect((await ask(request([first()]))).ids).toEqual(whole.ids);
	});

	it('comes before anything is computed when it is aborted at once', async () => {
		const result = await ask(request([{ ...first(), images: [other] }]), AbortSignal.abort());
		expect(result).toMatchObject({ stop_reason: 'cancelled', ids: [], text: '' });
	});

	it('comes at a stop string, which is cut off with its ids', async () => {
		const whole = await ask(request([first()]));
		const stop = whole.text.slice(5, 8);
		const texts: string[] = [];
		const stopped = await ask(request([first()], { stop: [stop] }), undefined, (event) => {
			if (event.type === 'token') texts.push(event.text);
		});
		expect(stopped.stop_reason).toBe('stop');
		expect(stopped.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)));
		expect(whole.ids.slice(0, stopped.ids.length)).toEqual(stopped.ids);
		expect(stopped.ids.length).toBeLessThan(whole.ids.length);
		for (const text of texts) expect(stopped.text.startsWith(text)).toBe(true);
	});

	it('comes at the limit', async () => {
		const result = await ask(request([first()], { max_new_tokens: 3 }));
		expect(result).toMatchObject({ stop_reason: 'length' });
		expect(result.ids).toHaveLength(3);
	});
});

it('draws the same answer for the same seed, another for another', async () => {
	const drawn = async (seed: number) => (await ask(request([first()], { temperature: 1.5, seed }))).ids;
	expect(await drawn(1)).toEqual(await drawn(1));
	expect(await drawn(1)).not.toEqual(await drawn(2));
});

it('answers one at a time, in order', async () => {
	const [a, b] = await Promise.all([
		ask(request([first()])),
		ask(request([{ question: 'Why?', images: [] }]))
	]);
	expect(a.ids).toEqual((await ask(request([first()]))).ids);
	expect(b.ids).toEqual((await ask(request([{ question: 'Why?', images: [] }]))).ids);
});

it('computes long prompts in parts with the same result', async () => {
	const question = 'How many objects are there? '.repeat(40);
	const long = await ask(request([{ question, images: [image] }]));
	expect(long.prompt_ids.length).toBeGreaterThan(512);
	const { TraceRecorder } = await import('../../../../src/lib/model/runtime/trace-recorder.ts');
	const fresh = await load();
	let whole: AnswerResult | undefined;
	for await (const event of fresh.answer(request([{ question, images: [image] }]), {
		recorder: new TraceRecorder(['input_ids'])
	}))
		if (event.type === 'done') whole = event.result;
	await fresh.dispose();
	expect(whole?.ids).toEqual(long.ids);
});

describe('an unusable request', () => {
	const refused: [string, () => AnswerRequest, string][] = [
		['an empty question', () => request([{ question: ' ', images: [image] }]), 'empty'],
		['an unknown projector', () => ({ ...request([first()]), projector: 'x' }), 'it has c-abs'],
		['an impossible M', () => ({ ...request([first()]), tokens: 5 }), 'a square number from 1 to 64'],
		[
			'a prompt beyond the context',
			() => request([{ question: 'dog '.repeat(5000), images: [image] }]),
			"the model's context of"
		],
		[
			'a raw prompt without a place for the image',
			() => ({ ...request([first()]), raw_prompt: 'Human: what?\nAI: ' }),
			'0 <image> for 1 image'
		],
		[
			'bytes that are no image',
			() => request([{ question: 'What?', images: [{ id: 'x', name: 'x.png', bytes: new Uint8Array(9) }] }]),
			'x.png'
		]
	];
	it.each(refused)('%s is refused with a sentence, and the model goes on', async (_, make, message) => {
		const before = await ask(request([first()]));
		const asked = ask(make());
		await expect(asked).rejects.toThrow(InputError);
		await expect(asked).rejects.toThrow(message);
		expect((await ask(request([first()]))).ids).toEqual(before.ids);
	});
});

describe('a trace', () => {
	it('has what the projector offers', async () => {
		const trace = await model.trace({ projector: 'c-abs', image });
		expect(Object.keys(trace)).toEqual(
			expect.arrayContaining([
				'pixel_values',
				'vision.features',
				'proj.s1.b1.se',
				'proj.output',
				'visual_embeds'
			])
		);
		expect(trace.visual_embeds?.dims).toEqual([1, 16, 96]);
	});

	it('has what is asked for, at another M', async () => {
		const trace = await model.trace({
			projector: 'c-abs',
			image,
			tokens: 4,
			names: ['proj.sampler', 'vision.']
		});
		expect(trace['proj.sampler']?.dims).toEqual([1, 64, 2, 2]);
		expect(Object.keys(trace).every((name) => name === 'proj.sampler' || name.startsWith('vision.'))).toBe(
			true
		);
	});
});
