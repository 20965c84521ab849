import { describe, expect, it } from 'vitest';
import {
	perturbationDirections,
	rmsResponse,
	rootMeanSquare
} from '../../../src/lib/analysis/perturbation.ts';
import { normals, seededRandom } from '../../../src/lib/analysis/random.ts';

const E = 12;
const O = 7;
const jacobian = normals(O * E, seededRandom(3));
const frobenius = Math.sqrt(jacobian.reduce((sum, value) => sum + value * value, 0));

/** Two tokens: one moves by the Jacobian, the other by −2 times it. */
function respond(directions: Float32Array, epsilon: number): Float32Array {
	const K = directions.length / E;
	const out = new Float32Array(K * 2 * O);
	for (let k = 0; k < K; k++)
		for (let o = 0; o < O; o++) {
			let sum = 0;
			for (let e = 0; e < E; e++) sum += jacobian[o * E + e]! * directions[k * E + e]!;
			out[k * 2 * O + o] = 1 + epsilon * sum;
			out[k * 2 * O + O + o] = 1 - 2 * epsilon * sum;
		}
	return out;
}

const shape = (directions: number) => ({ tokens: 2, width: O, directions });
const base = new Float32Array(2 * O).fill(1);

describe('perturbation response', () => {
	it('is the Frobenius norm of the Jacobian over √O when K = E', () => {
		const response = rmsResponse(base, respond(perturbationDirections(E, E), 0.5), shape(E), 0.5);
		expect(response[0]!).toBeCloseTo(frobenius / Math.sqrt(O), 5);
		expect(response[1]!).toBeCloseTo((2 * frobenius) / Math.sqrt(O), 5);
	});

	it('is right on average with fewer directions', () => {
		let squares = 0;
		const draws = 2000;
		for (let seed = 0; seed < draws; seed++)
			squares +=
				rmsResponse(base, respond(perturbationDirections(3, E, seed), 0.5), shape(3), 0.5)[0]! ** 2 / draws;
		// Four standard errors of the bound in the docstring.
		const gram = Array.from({ length: E * E }, (_, i) => {
			let sum = 0;
			for (let o = 0; o < O; o++) sum += jacobian[o * E + Math.floor(i / E)]! * jacobian[o * E + (i % E)]!;
			return sum;
		});
		const relative = Math.sqrt(2 / 3) * (Math.hypot(...gram) / frobenius ** 2);
		expect(Math.abs(squares / (frobenius ** 2 / O) - 1)).toBeLessThan((4 * relative) / Math.sqrt(draws));
	});

	it('ignores what lies between the directions (eos tokens)', () => {
		const response = respond(perturbationDirections(2, E), 0.5);
		const stride = 2 * O + 5;
		const padded = new Float32Array(2 * stride).fill(99);
		for (let k = 0; k < 2; k++) padded.set(response.subarray(k * 2 * O, (k + 1) * 2 * O), k * stride);
		expect(rmsResponse(base, padded, { ...shape(2), stride }, 0.5)).toEqual(
			rmsResponse(base, response, shape(2), 0.5)
		);
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
