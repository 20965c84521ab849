import { describe, expect, it } from 'vitest';
import { principalComponents, project, type Points } from '../../../src/lib/analysis/pca.ts';
import { normals, seededRandom } from '../../../src/lib/bytes/random.ts';

/** Points with these standard deviations along the axes, turned by an orthogonal reflection. */
function cloud(n: number, deviations: readonly number[]): { points: Points; axes: number[][] } {
	const width = deviations.length;
	const random = normals(n * width, seededRandom(7));
	const unit = deviations.map((_, i) => Math.sin(i + 1));
	const length = Math.hypot(...unit);
	// Householder: I − 2 u uᵀ; its rows are where the axes go.
	const axes = unit.map((u, i) => unit.map((v, j) => (i === j ? 1 : 0) - (2 * u * v) / (length * length)));
	const data = new Float32Array(n * width);
	for (let p = 0; p < n; p++)
		for (let c = 0; c < width; c++)
			data[p * width + c] =
				5 +
				deviations.reduce((sum, deviation, i) => sum + deviation * random[p * width + i]! * axes[i]![c]!, 0);
	return { points: { n, width, data }, axes };
}

describe('principal components', () => {
	it('are the directions of most variance, with their shares of all of it', () => {
		const { points, axes } = cloud(4000, [6, 3, 1, 0.5, 0.1]);
		const { components, explained, width } = principalComponents(points, 3);
		const all = 36 + 9 + 1 + 0.25 + 0.01;
		[36, 9, 1].forEach((variance, i) => {
			expect(explained[i]!).toBeCloseTo(variance / all, 1);
			const along = axes[i]!.reduce((sum, value, c) => sum + value * components[i * width + c]!, 0);
			expect(Math.abs(along)).toBeGreaterThan(0.995);
		});
	});

	it('are eigenvectors of the covariance, whichever of points and width is larger', () => {
		for (const [n, wide] of [
			[12, 40],
			[300, 20]
		] as const) {
			const { points } = cloud(
				n,
				Array.from({ length: wide }, (_, i) => 4 / (1 + i))
			);
			const pca = principalComponents(points, 3);
			const { mean, components, explained, width } = pca;
			const centred = Array.from(points.data, (value, i) => value - mean[i % width]!);
			const total = centred.reduce((sum, value) => sum + value * value, 0);
			const along = project(pca, points);
			for (let i = 0; i < 3; i++) {
				const own = components.subarray(i * width, (i + 1) * width);
				expect(own.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 10);
				// Xᵀ(X v) = λ v, λ = explained · total.
				for (let c = 0; c < width; c++) {
					let sum = 0;
					for (let p = 0; p < n; p++) sum += centred[p * width + c]! * along[p * 3 + i]!;
					expect(Math.abs(sum - explained[i]! * total * own[c]!)).toBeLessThan(1e-5 * total);
				}
			}
			expect([...explained]).toEqual([...explained].sort((a, b) => b - a));
		}
	});

	it('of points on a line are one, and of equal points none', () => {
		const line: Points = { n: 3, width: 2, data: Float32Array.of(0, 0, 1, 1, 2, 2) };
		const { explained, components } = principalComponents(line, 2);
		expect(explained[0]).toBeCloseTo(1, 12);
		expect(explained[1]).toBeCloseTo(0, 12);
		expect([...components.subarray(0, 2)].map((value) => value.toFixed(6))).toEqual(['0.707107', '0.707107']);
		const same: Points = { n: 3, width: 2, data: new Float32Array(6).fill(1) };
		expect([...principalComponents(same, 1).explained]).toEqual([0]);
		expect(() => principalComponents({ n: 1, width: 2, data: new Float32Array(2) }, 1)).toThrow('two points');
	});
});
