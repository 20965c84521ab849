import { describe, expect, test } from 'vitest';
import { answerText } from '../../../../src/lib/workbench/chat/answer-text.ts';
import { Exchange } from '../../../../src/lib/workbench/chat/exchange.svelte.ts';

const image = {
	id: '0123456789abcdef0123456789abcdef',
	name: 'scene.png',
	bytes: new Uint8Array(),
	width: 96,
	height: 96,
	url: 'blob:scene',
	questions: []
};
const greedy = { temperature: 0, top_k: 0, top_p: 1, seed: 0, max_new_tokens: 256, stop: [] };

function answered(sampling: typeof greedy, turns = 1): Exchange {
	const exchange = new Exchange(1, 'Where is the ghost?', image);
	exchange.run({
		...{ model: 'honeybee-mini', projector: 'c-abs', projectorTitle: 'C-Abstractor', tokens: 36 },
		...{ projectors: ['c-abs'], backend: undefined, sampling },
		turns: Array.from({ length: turns }, (_, i) => ({ question: `Where ${i}?`, images: [] }))
	});
	exchange.take({
		type: 'done',
		result: {
			...{ text: 'top center', ids: [5, 6, 2], prompt_ids: [1, 2], tokens_per_second: 100 },
			timings_ms: { vision: 10, projector: 20, prefill: 30, decode: 5 },
			...{ cached_positions: 0, stop_reason: 'eos', backend: 'wasm', dtype: 'fp32' }
		}
	});
	return exchange;
}

describe('an answer copied with what it was made from', () => {
	test('names model, projector, M, image, type, backend and sampling', () => {
		expect(answerText(answered(greedy), 'Honeybee workbench 0.1.0')).toBe(
			'Q: Where is the ghost?\nA: top center\n' +
				'[honeybee-mini · C-Abstractor, M = 36 · scene.png (sha256 0123456789abcdef) · fp32 on WASM · ' +
				'greedy, at most 256 tokens · question sent alone · first token after 60 ms · Honeybee workbench 0.1.0]'
		);
	});

	test('says what is needed to draw it again, and which earlier questions were in the prompt', () => {
		const text = answerText(answered({ ...greedy, temperature: 0.7, seed: 3 }, 3), 'x');
		expect(text).toContain('temperature 0.7, top k 0, top p 1, seed 3');
		expect(text).toContain('sent with the earlier “Where 0?”, “Where 1?”');
	});
});
