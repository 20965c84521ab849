import type { Tensor } from '../../src/lib/tensor/tensor.ts';

/**
 * Largest relative error allowed against the float32 reference, by where the graphs ran: max|a − b| / max|b| of a tensor.
 * The one place for it.
 */
export const tolerance = { node: 1e-4, wasm: 1e-4, webgpu: 1e-3 } as const;

export interface Difference {
	readonly name: string;
	/** max|a − b| / max|b|; Infinity when shapes or types differ or a value is not a number. */
	readonly error: number;
	readonly problem?: string;
}

/** Compares shape, then type, then values. Whole numbers must be equal. */
export function difference(name: string, actual: Tensor | undefined, expected: Tensor): Difference {
	const fail = (problem: string): Difference => ({ name, error: Infinity, problem });
	if (!actual) return fail('missing');
	if (actual.dims.join() !== expected.dims.join())
		return fail(`shape [${actual.dims.join(', ')}] instead of [${expected.dims.join(', ')}]`);
	if (actual.dtype !== expected.dtype) return fail(`${actual.dtype} instead of ${expected.dtype}`);
	let largest = 0;
	let scale = 0;
	for (let i = 0; i < expected.data.length; i++) {
		const a = actual.data[i]!;
		const b = expected.data[i]!;
		if (typeof a === 'bigint' || typeof b === 'bigint') {
			if (a !== b) return fail(`${a} instead of ${b} at ${i}`);
			continue;
		}
		if (!Number.isFinite(a)) return fail(`${a} at ${i}`);
		largest = Math.max(largest, Math.abs(a - b));
		scale = Math.max(scale, Math.abs(b));
	}
	return { name, error: scale > 0 ? largest / scale : largest };
}

export interface Comparison {
	readonly differences: readonly Difference[];
	/** The difference of each tensor that is too large, as a line of text. */
	readonly failures: readonly string[];
	/** Name and error of every tensor, the largest error first. */
	readonly report: string;
}

/** Compares every expected tensor. */
export function compareTensors(
	actual: Readonly<Record<string, Tensor>>,
	expected: Readonly<Record<string, Tensor>>,
	limit: number
): Comparison {
	const differences = Object.entries(expected)
		.map(([name, tensor]) => difference(name, actual[name], tensor))
		.sort((a, b) => b.error - a.error);
	const line = ({ name, error, problem }: Difference) => `${name}  ${problem ?? error.toExponential(2)}`;
	return {
		differences,
		failures: differences.filter(({ error }) => !(error <= limit)).map(line),
		report: differences.map(line).join('\n')
	};
}
