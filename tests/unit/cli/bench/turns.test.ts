import { describe, expect, it, vi } from 'vitest';
import { chosenOf, inTurns } from '../../../bench/turns.ts';
import { summarize, type Answered, type VlmRun } from '../../../bench/vlm/results.ts';

describe('inTurns', () => {
	it('measures round after round, and leaves out with a sentence what failed', async () => {
		vi.spyOn(process.stderr, 'write').mockReturnValue(true);
		const order: string[] = [];
		const missing: string[] = [];
		const subject = (name: string, measure: (round: number) => number) => ({
			name,
			measure: async (round: number) => {
				order.push(`${name}${round}`);
				return measure(round);
			}
		});
		const broken = subject('b', (round) => {
			if (round === 1) throw new Error('No room.\nand more');
			return round;
		});
		const runs = await inTurns([subject('a', (round) => 10 * round), broken], 3, missing);
		expect(order).toEqual(['a0', 'b0', 'a1', 'b1', 'a2']);
		expect(runs).toEqual(new Map([['a', [0, 10, 20]]]));
		expect(missing).toEqual(['b: No room.']);
	});
});

describe('chosenOf', () => {
	const all = [{ name: 'ours, node q4' }, { name: 'ours, wasm fp32' }, { name: 'wllama' }];
	it('keeps what has one of the parts in its name', () => {
		expect(chosenOf(all, 'node,wllama').map(({ name }) => name)).toEqual(['ours, node q4', 'wllama']);
		expect(chosenOf(all)).toEqual(all);
	});
});

describe('summary of vision-language models', () => {
	/** First token after `first` ms, the others every `step` ms. */
	const answered = (ids: readonly number[], first: number, step: number): Answered => ({
		ids,
		prompt_tokens: 80,
		at_ms: ids.map((_, i) => first + i * step),
		parts_ms: { input: 1, vision: first / 2, prefill: first / 4, decode: step * (ids.length - 1) }
	});
	const run = (load_ms: number, first: number, step: number, ids = [1, 2, 3]): VlmRun => ({
		load_ms,
		answers: [answered([9, 9, 9], 10 * first, 10 * step), answered(ids, first, step)],
		peak_memory: load_ms * 2
	});

	it('takes medians of the second picture, and compares with the fastest peer in each', () => {
		const summary = summarize(
			[
				{ name: 'ours', bytes: 7, peer: false, runs: [run(1, 100, 5), run(3, 300, 5), run(2, 200, 5)] },
				{ name: 'slow', bytes: 8, peer: true, runs: [run(1, 400, 20, [1, 2, 4])] },
				{ name: 'fast', bytes: 9, peer: true, runs: [run(1, 800, 10, [1, 5, 4])] }
			],
			'slow'
		);
		expect(summary.ours).toEqual({
			bytes: 7,
			load_ms: 2,
			peak_memory: 4,
			cold_first_token_ms: 2000,
			first_token_ms: 200,
			decode_tokens_per_second: 200,
			parts_ms: { input: 1, vision: 100, prefill: 50, decode: 10 },
			against_peers: { decode: 2, first_token: 0.5 },
			same_ids: { same: 2, of: 3 }
		});
		expect(summary.fast).toMatchObject({ same_ids: { same: 1, of: 3 } });
		expect(summary.slow).not.toHaveProperty('same_ids');
		expect(summary.slow).not.toHaveProperty('against_peers');
	});
});
