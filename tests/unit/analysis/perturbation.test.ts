import { seededRandom, normals } from '../../../src/lib/bytes/random.ts';
import { describe, expect, it } from 'vitest';
import { perturbationDirections, rootMeanSquare } from '../../../src/lib/analysis/perturbation.ts';
import {
	localityMaps,
	type ProjectorGradient,
	type ProjectorRun
} from '../../../src/lib/model/probes/locality.ts';

const E = 12;
const O = 7;
const N = 2;
const jacobian = normals(O * E, seededRandom(3));
const frobenius = Math.sqrt(jacobian.reduce((sum, value) => sum + value * value, 0));
const features = Float32Array.from(normals(N * E, seededRandom(4)));

/** Two tokens that see patch 0 only: one moves by the Jacobian, the other by −2 times it. Both layouts of an output. */
const linear: ProjectorRun = async (copies, batch) => {
	const rows = new Float32Array(batch * 2 * O);
	const columns = new Float32Array(batch * 2 * O);
	for (let b = 0; b < batch; b++)
		for (let o = 0; o < O; o++) {
			let sum = 0;
			for (let e = 0; e < E; e++) sum += jacobian[o * E + e]! * copies[b * N * E + e]!;
			[1 + sum, 1 - 2 * sum].forEach((value, m) => {
				rows[(b * 2 + m) * O + o] = value;
				columns[(b * O + o) * 2 + m] = value;
			});
		}
	return {
		rows: { dtype: 'float32', dims: [batch, 2, O], data: rows },
		columns: { dtype: 'float32', dims: [batch, O, 1, 2], data: columns }
	};
};

const gradient: ProjectorGradient = async (_features, _output, _shape, vectors) => {
	const squares = new Float32Array(vectors.length * N);
	vectors.forEach(({ token, direction }, i) => {
		const factor = token === 0 ? 1 : -2;
		for (let e = 0; e < E; e++) {
			let product = 0;
			for (let o = 0; o < O; o++) product += direction[o]! * factor * jacobian[o * E + e]!;
			squares[i * N]! += product ** 2;
		}
	});
	return squares;
};
const projector = { run: linear, gradient };

/** Map [token, patch]; the step of a perturbation is large: the projector is linear, and float32 is not. */
async function respond(
	method: 'perturbation' | 'gradient',
	directions: number,
	seed = 1,
	output = 'rows'
): Promise<Float32Array> {
	const options = { method, step: 0.5, outputs: [output], directions, seed };
	return (await localityMaps(projector, features, N, options))[output]!.data;
}

describe.each([
	['perturbation', E],
	['gradient', O]
] as const)('%s', (method, width) => {
	it.each(['rows', 'columns'])(
		'is the Frobenius norm of the Jacobian over √O with every direction (%s)',
		async (output) => {
			const response = await respond(method, width, 1, output);
			expect(response[0]!).toBeCloseTo(frobenius / Math.sqrt(O), 4);
			expect(response[2]!).toBeCloseTo((2 * frobenius) / Math.sqrt(O), 4);
			expect([response[1], response[3]]).toEqual([0, 0]);
		}
	);

	it('is right on average with fewer directions', async () => {
		let squares = 0;
		const draws = 2000;
		for (let seed = 0; seed < draws; seed++) squares += (await respond(method, 3, seed))[0]! ** 2 / draws;
		// Four standard errors of the bound in the docstring.
		const gram = Array.from({ length: E * E }, (_, i) => {
			let sum = 0;
			for (let o = 0; o < O; o++) sum += jacobian[o * E + Math.floor(i / E)]! * jacobian[o * E + (i % E)]!;
			return sum;
		});
		const relative = Math.sqrt(2 / 3) * (Math.hypot(...gram) / frobenius ** 2);
		expect(Math.abs(squares / (frobenius ** 2 / O) - 1)).toBeLessThan((4 * relative) / Math.sqrt(draws));
	});

	it('does not depend on how runs are batched', async () => {
		const run = (batch: number) =>
			localityMaps(projector, features, N, { method, directions: 3, outputs: ['rows'], parts: 3, batch });
		expect(await run(1)).toEqual(await run(5));
	});
});

describe('perturbation directions', () => {
	it('are orthogonal within a block, of unit mean square, and repeatable', () => {
		const count = 2 * E + 3;
		const directions = perturbationDirections(count, E, 5);
		const row = (k: number) => directions.subarray(k * E, (k + 1) * E);
		for (let a = 0; a < count; a++) {
			expect(rootMeanSquare(row(a))).toBeCloseTo(1, 5);
			for (let b = Math.floor(a / E) * E; b < a; b++)
				expect(row(a).reduce((sum, value, e) => sum + value * row(b)[e]!, 0) / E).toBeCloseTo(0, 5);
		}
		expect(perturbationDirections(count, E, 5)).toEqual(directions);
		expect(perturbationDirections(count, E, 6)).not.toEqual(directions);
	});

	it('need a whole number above 0', () => {
		expect(() => perturbationDirections(0, 4)).toThrow(/whole number above 0/);
	});
});
