import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HoneybeeModel } from '../../../../src/lib/model/runtime/model.ts';
import type { AnswerEvent, AnswerRequest, ImageInput } from '../../../../src/lib/model/runtime/types.ts';
import { greedy } from '../../../../src/lib/model/runtime/sampling.ts';
import { drain } from '../../../../src/lib/study/ask.ts';
import { embeddedModel, openNodeModel, scene } from '../../../support/embedded.ts';

let model: HoneybeeModel;
let image: ImageInput;
let question: string;

beforeAll(async () => {
	model = await openNodeModel(embeddedModel);
	const made = scene(3);
	image = made.image;
	question = made.questions[0]!.question;
});
afterAll(() => model.dispose());

const asked = (changes: Partial<AnswerRequest> = {}): AnswerRequest => ({
	projector: 'c-abs',
	turns: [{ question, images: [image] }],
	sampling: { ...greedy, max_new_tokens: 8 },
	...changes
});
const map = () => ({ projector: 'c-abs', image, method: 'perturbation', directions: 1 }) as const;

describe('what waits for the model', () => {
	it('lets a question go before maps and other probes, also those that are in work', async () => {
		const log: string[] = [];
		const onProgress = (name: string) => () => void log.push(name);
		const begun = Promise.withResolvers<void>();
		const maps = [
			model.locality(map(), { onProgress: () => (log.push('map 1'), begun.resolve()) }),
			model.locality(map(), { onProgress: onProgress('map 2') })
		];
		await begun.promise;
		const trace = model.trace({ projector: 'd-abs', image }).then(() => log.push('trace'));
		await drain(model, asked());
		log.push('answer');
		await Promise.all([...maps, trace]);
		const before = log.slice(0, log.indexOf('answer'));
		// The step in work is ended, and nothing else.
		expect(before.length).toBeLessThanOrEqual(3);
		expect(before).not.toContain('trace');
		const after = log.slice(log.indexOf('answer'));
		expect(after.filter((name) => name === 'map 1').length).toBeGreaterThan(3);
		expect(after.filter((name) => name === 'map 2').length).toBeGreaterThan(3);
		// And no probe waits for the whole of another.
		expect(log.indexOf('trace')).toBeLessThan(log.lastIndexOf('map 1'));
		expect(log.indexOf('map 2')).toBeLessThan(log.lastIndexOf('map 1'));
	});

	it('can be stopped alone: a question ends as cancelled at once, and those behind it are answered', async () => {
		const whole = await drain(model, asked());
		const log: string[] = [];
		const stop = new AbortController();
		const note = async (name: string, signal?: AbortSignal) => {
			const result = await drain(model, asked(), { signal });
			log.push(name);
			return result;
		};
		const answers = [note('first'), note('stopped', stop.signal), note('behind')];
		stop.abort();
		const [first, stopped, behind] = await Promise.all(answers);
		expect(log).toEqual(['stopped', 'first', 'behind']);
		expect(stopped).toMatchObject({ stop_reason: 'cancelled', text: '', ids: [] });
		expect(stopped!.prompt_ids).toEqual(whole.prompt_ids);
		expect(first!.ids).toEqual(whole.ids);
		expect(behind!.ids).toEqual(whole.ids);
	});

	it('can be stopped alone: a probe rejects with the reason at once, and those behind it are run', async () => {
		const stop = new AbortController();
		const why = new Error('another map is wanted');
		const log: string[] = [];
		const answer = drain(model, asked()).then(() => log.push('answer'));
		const stopped = model.locality(map(), { signal: stop.signal }).catch((error: unknown) => {
			log.push('stopped');
			return error;
		});
		const behind = model.trace({ projector: 'c-abs', image, names: ['visual_embeds'] });
		stop.abort(why);
		expect(await stopped).toBe(why);
		expect((await behind)['visual_embeds']?.dims[0]).toBe(1);
		await answer;
		expect(log).toEqual(['stopped', 'answer']);
	});

	it('that is stopped within a step leaves the conversation’s cache as it was', async () => {
		await drain(model, asked());
		const stop = new AbortController();
		const traced = model.trace({ projector: 'c-abs', image }, { signal: stop.signal });
		// Its turn has come, its first run is on the way.
		await Promise.resolve();
		stop.abort();
		await expect(traced).rejects.toMatchObject({ name: 'AbortError' });
		const { cached_positions, prompt_ids } = await drain(model, asked());
		expect(cached_positions).toBe(prompt_ids.length - 1);
	});

	it('refuses a question that cannot be answered without letting it wait', async () => {
		const log: string[] = [];
		const answer = drain(model, asked()).then(() => log.push('answer'));
		await expect(drain(model, asked({ projector: 'none' }))).rejects.toThrow('no projector "none"');
		log.push('refused');
		await answer;
		expect(log).toEqual(['refused', 'answer']);
	});

	it('is told when the model is unloaded meanwhile', async () => {
		const other = await openNodeModel(embeddedModel);
		const answer = drain(other, asked());
		const unloaded = other.dispose();
		const waiting = [drain(other, asked()), other.trace({ projector: 'c-abs', image })];
		expect((await answer).ids.length).toBeGreaterThan(0);
		await unloaded;
		for (const one of waiting) await expect(one).rejects.toThrow('The model was unloaded.');
	});

	it('is answered in turns where two ask again and again, each answer whole', async () => {
		const log: string[] = [];
		const column = async (name: string, projector: string) => {
			for (let round = 0; round < 3; round++)
				for await (const event of model.answer(asked({ projector, cold: true })))
					log.push(`${name} ${round} ${event.type}`);
		};
		await Promise.all([column('a', 'c-abs'), column('b', 'd-abs')]);
		const rounds = log.map((line) => line.split(' ').slice(0, 2).join(' '));
		expect(rounds.filter((round, i) => round !== rounds[i - 1])).toEqual([
			...['a 0', 'b 0', 'a 1', 'b 1', 'a 2', 'b 2']
		]);
	});
});

describe('a cold answer', () => {
	async function stagesOf(request: AnswerRequest) {
		const stages: string[] = [];
		let done: Extract<AnswerEvent, { type: 'done' }> | undefined;
		for await (const event of model.answer(request))
			if (event.type === 'stage') stages.push(event.stage);
			else if (event.type === 'done') done = event;
		return { stages, result: done!.result };
	}

	it('computes everything anew, whatever is known, and is the same answer', async () => {
		await drain(model, asked());
		const warm = await stagesOf(asked());
		expect(warm.stages).toEqual(['prefill', 'decode']);
		expect(warm.result.cached_positions).toBe(warm.result.prompt_ids.length - 1);
		for (let again = 0; again < 2; again++) {
			const { stages, result } = await stagesOf(asked({ cold: true }));
			expect(stages).toEqual(['vision', 'projector', 'prefill', 'decode']);
			expect(result.cached_positions).toBe(0);
			expect(result.ids).toEqual(warm.result.ids);
			for (const ms of Object.values(result.timings_ms)) expect(ms).toBeGreaterThan(0);
		}
		expect((await stagesOf(asked())).stages).toEqual(['prefill', 'decode']);
	});

	it('forgets nothing when it is stopped while it waits', async () => {
		await drain(model, asked());
		const stop = new AbortController();
		const first = drain(model, asked());
		const stopped = drain(model, asked({ cold: true }), { signal: stop.signal });
		stop.abort();
		expect((await stopped).stop_reason).toBe('cancelled');
		await first;
		expect((await stagesOf(asked())).result.cached_positions).toBeGreaterThan(0);
	});
});
