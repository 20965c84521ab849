import { describe, expect, it } from 'vitest';
import type { LocalityRequest } from '../../../src/lib/model/runtime/types.ts';
import { answerTo, quickMap } from '../../../src/lib/study/follow.ts';
import { answerResult, FakeAnswerer } from '../../support/fake-answerer.ts';

const seen = { projector: 'c-abs', tokens: 2, image: { id: 'i', name: 'i', bytes: new Uint8Array([1]) } };

describe('the answer that follows', () => {
	it('is greedy and trimmed', async () => {
		const model = new FakeAnswerer(' top left\n');
		expect(await answerTo(model, seen, 'Where is the cat?')).toBe('top left');
		expect(model.requests[0]).toMatchObject({
			...{ projector: 'c-abs', tokens: 2, turns: [{ question: 'Where is the cat?', images: [seen.image] }] },
			sampling: { temperature: 0 }
		});
	});

	it('is stopped by its signal, and a text that was cut off is none', async () => {
		const abort = new AbortController();
		const model = new FakeAnswerer((_request, control) => {
			expect(control?.signal).toBe(abort.signal);
			abort.abort(new Error('Outdated.'));
			return [{ type: 'done', result: answerResult('top', { stop_reason: 'cancelled' }) }];
		});
		await expect(answerTo(model, seen, 'Where?', { signal: abort.signal })).rejects.toThrow('Outdated.');
		const cut = new FakeAnswerer(() => [
			{ type: 'done', result: answerResult('top', { stop_reason: 'cancelled' }) }
		]);
		await expect(answerTo(cut, seen, 'Where?')).rejects.toThrow('stopped');
	});
});

describe('the map that follows', () => {
	it('is of the visual tokens, without the eos tokens after them', async () => {
		const data = Float32Array.from({ length: 12 }, (_, i) => i);
		const model = new FakeAnswerer('', {
			locality: () => Promise.resolve({ visual_embeds: { dtype: 'float32', dims: [3, 4], data } })
		});
		const map = await quickMap(model, seen, 'gradient');
		expect(map).toMatchObject({ tokens: 2, patches: 4, data: data.slice(0, 8) });
	});

	it('takes one direction, and hands its signal on', async () => {
		const requests: LocalityRequest[] = [];
		const signals: (AbortSignal | undefined)[] = [];
		const model = new FakeAnswerer('', {
			async locality(request, control) {
				requests.push(request);
				signals.push(control?.signal);
				return { visual_embeds: { dtype: 'float32', dims: [2, 4], data: new Float32Array(8) } };
			}
		});
		const { signal } = new AbortController();
		expect(await quickMap(model, seen, 'gradient', { signal })).toMatchObject({ tokens: 2, patches: 4 });
		await quickMap(model, seen, 'occlusion');
		expect(requests).toEqual([
			{ ...seen, method: 'gradient', directions: 1 },
			{ ...seen, method: 'occlusion' }
		]);
		expect(signals).toEqual([signal, undefined]);
	});
});
