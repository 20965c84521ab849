import { describe, expect, it } from 'vitest';
import { measureLoops, type LoopsSubject } from '../../../../src/cli/bench/loops.ts';
import {
	describe as told,
	loopCpuShare,
	loopShare,
	type BenchReport
} from '../../../../src/cli/bench/report.ts';
import type { Example } from '../../../../src/lib/benchmarks/benchmark.ts';
import { pope, type PopeData } from '../../../../src/lib/benchmarks/pope.ts';
import { memoryStorage } from '../../../../src/lib/benchmarks/run/storage.ts';
import type { AnswerRequest } from '../../../../src/lib/model/runtime/types.ts';
import { fakeResult } from '../../workbench/fakes.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function subject(): LoopsSubject & { readonly requests: AnswerRequest[] } {
	const requests: AnswerRequest[] = [];
	return {
		requests,
		what: 'things',
		benchmark: pope,
		examples: Array.from({ length: 9 }, (_, id): Example<PopeData> => ({
			id,
			images: [{ name: `${id}.png`, read: async () => Uint8Array.of(id) }],
			data: { question: `${id}?`, answer: 'yes', image_path: `${id}.png`, category: 'random' }
		})),
		target: { projector: 'c-abs', tokens: 36 },
		model: {
			async *answer(request) {
				requests.push(request);
				await pause(1);
				yield { type: 'done', result: fakeResult(request.raw_prompt!) };
			}
		},
		async prepare() {
			await pause(1);
			return { width: 1, height: 1, data: new Uint8Array(3) };
		},
		storage: () => memoryStorage(),
		pass: 3
	};
}

describe('the loop of eval against bare generation', () => {
	it('answers the same prompts in both, in turns, with nothing from each other’s caches', async () => {
		const measured = subject();
		const { pairs, examples, same_answers } = await measureLoops(measured);
		expect(same_answers).toBe(true);
		// The first pair warms up.
		expect([pairs.length, examples]).toEqual([2, 6]);
		const { requests } = measured;
		expect(requests.length).toBe(18);
		const prompts = requests.map(({ raw_prompt }) => raw_prompt);
		for (let pass = 0; pass < 3; pass++)
			expect(prompts.slice(6 * pass, 6 * pass + 3)).toEqual(prompts.slice(6 * pass + 3, 6 * pass + 6));
		const images = requests.map(({ turns }) => turns[0]!.images[0]!);
		expect(images.every(({ pixels }) => pixels?.width === 1)).toBe(true);
		expect(new Set(images.map(({ id }) => id)).size).toBe(18);
		const isBare = images.map(({ id }) => id.startsWith('bare'));
		expect(isBare.filter((_, i) => i % 3 === 0)).toEqual([false, true, true, false, false, true]);
	});

	it('is measured in the answering thread’s own time, too, where there is such a clock', async () => {
		let now = 0;
		const { pairs } = await measureLoops({ ...subject(), cpu: () => (now += 5) });
		expect(pairs.map(({ bare_cpu_ms, eval_cpu_ms }) => [bare_cpu_ms, eval_cpu_ms])).toEqual([
			[5, 5],
			[5, 5]
		]);
		expect((await measureLoops(subject())).pairs[0]).not.toHaveProperty('bare_cpu_ms');
	});

	it('is told as the middle of the pairs with quartiles', () => {
		const loop = {
			what: 'things',
			examples: 4,
			pairs: [
				{ bare_ms: 90, eval_ms: 100 },
				{ bare_ms: 97, eval_ms: 100 },
				{ bare_ms: 99, eval_ms: 100 },
				{ bare_ms: 50, eval_ms: 100 }
			],
			same_answers: true
		};
		expect(loopShare(loop).median).toBeCloseTo(0.935, 9);
		expect(loopCpuShare(loop)).toBeUndefined();
		const pairs = [{ bare_ms: 1, eval_ms: 2, bare_cpu_ms: 19, eval_cpu_ms: 20 }];
		expect(loopCpuShare({ ...loop, pairs })?.median).toBeCloseTo(0.95, 9);
		const report: BenchReport = {
			machine: { cores: 2, cpu: 'c' },
			versions: {},
			model: { name: 'm', dtype: 'fp32', weights: 1 },
			answers: [],
			eval_loops: [loop],
			bandwidth: { bytes_per_token: 1, processor: 1 },
			missing: []
		};
		expect(told(report)).toMatch(/things +4 +94 ms +100 ms +94 % \(80 to 98\)/);
		expect(told(report)).toContain('Both gave the same answers.');
		expect(told({ ...report, eval_loops: [{ ...loop, same_answers: false }] })).toContain('DIFFER');
	});
});
