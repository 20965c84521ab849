import { expect, it } from 'vitest';
import { partsOf } from '../../../../src/lib/model/decoder/session.ts';
import { Heap } from '../../../../src/lib/model/decoder/heap.ts';
import { Float, Program } from '../../../../src/lib/model/decoder/steps.ts';

it('a program that is renewed is word for word what it is when it is written anew', () => {
	const heap = new Heap(new WebAssembly.Memory({ initial: 1, maximum: 256, shared: true }));
	let [past, parts] = [3, 2];
	const write = (program: Program) => {
		program.begin(3);
		program.step('quantize', 5, [64, 9]);
		program.step('attend', () => 4 * parts, [7, () => past, new Float(0.5), () => parts]);
		program.step('join', () => (parts > 1 ? 4 : 0), [() => past + 1]);
		return program;
	};
	const words = ({ at, count }: Program) => [...new Int32Array(heap.memory.buffer, at, count * 24)];
	const kept = write(new Program(heap));
	const first = words(kept);
	// Threads have taken units.
	for (let step = 0; step < 3; step++)
		new Int32Array(heap.memory.buffer, kept.at, 3 * 24)[step * 24 + 1] = 5 + step;
	[past, parts] = [900, 1];
	kept.renew();
	expect(words(kept)).toEqual(words(write(new Program(heap))));
	expect(words(kept)).not.toEqual(first);
});

it('keys are cut into parts so that every thread has as many units, and no more than that takes', () => {
	for (let threads = 2; threads <= 8; threads++)
		for (let units = 1; units <= 40; units++) {
			const parts = partsOf(units, threads);
			if (units >= 4 * threads) expect(parts).toBe(1);
			else {
				expect((units * parts) % threads).toBe(0);
				expect(units * parts).toBeGreaterThanOrEqual(4 * threads);
				expect(units * (parts - threads)).toBeLessThan(4 * threads);
			}
		}
	expect(partsOf(3, 1)).toBe(1);
	// Three kv heads on two threads: six each, where nine units would be five and four.
	expect(partsOf(3, 2)).toBe(4);
});
