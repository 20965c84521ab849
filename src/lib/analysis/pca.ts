import { seededRandom } from '../bytes/random.ts';
import { InputError } from '../tensor/errors.ts';

/** Points [n, width], row-major. */
export interface Points {
	readonly n: number;
	readonly width: number;
	readonly data: Float32Array;
}

export interface Pca {
	/** Mean of the points [width]. */
	readonly mean: Float64Array;
	/** Unit vectors, the direction of most variance first: [k, width]. The largest coordinate of each is positive. */
	readonly components: Float64Array;
	/** Share of the whole variance along each [k]. */
	readonly explained: Float64Array;
	readonly k: number;
	readonly width: number;
}

/** Of the largest eigenvalue, what may be left of A·v − λ·v. */
const TOLERANCE = 1e-9;
const MOST_STEPS = 500;

/**
 * Principal components: the first k eigenvectors of the covariance of centred points, by subspace iteration with Rayleigh–Ritz (Saad 2011, chapter 5)
 * until the residual of each is below 1e-9 of the largest eigenvalue; no points are left out and nothing is drawn at random but where it
 * starts. The share explained is of the exact total variance.
 * @throws InputError for fewer points than two
 */
export function principalComponents({ n, width, data }: Points, k: number): Pca {
	if (n < 2) throw new InputError(`Principal components need two points at least, got ${n}.`);
	const mean = new Float64Array(width);
	for (let i = 0; i < n * width; i++) mean[i % width]! += data[i]! / n;
	const centred = Float64Array.from(data, (value, i) => value - mean[i % width]!);
	let total = 0;
	for (const value of centred) total += value * value;
	const kept = Math.min(k, width, n - 1);
	const block = Math.min(width, n, kept + 8);
	const random = seededRandom(1);
	let basis = Float64Array.from({ length: block * width }, () => random() - 0.5);
	orthonormalise(basis, block, width);
	let values = new Float64Array(block);
	for (let step = 0; step < MOST_STEPS; step++) {
		const image = covarianceTimes(centred, n, width, basis, block);
		// Rayleigh–Ritz: the best vectors within the block.
		const small = new Float64Array(block * block);
		for (let i = 0; i < block; i++)
			for (let j = 0; j < block; j++) small[i * block + j] = dot(basis, i, image, j, width);
		const { values: ritz, vectors } = symmetricEigen(small, block);
		const turned = turn(basis, vectors, block, width);
		const turnedImage = turn(image, vectors, block, width);
		values = ritz;
		let worst = 0;
		for (let i = 0; i < kept; i++) {
			let rest = 0;
			for (let c = 0; c < width; c++)
				rest += (turnedImage[i * width + c]! - ritz[i]! * turned[i * width + c]!) ** 2;
			worst = Math.max(worst, Math.sqrt(rest));
		}
		if (worst <= TOLERANCE * Math.max(ritz[0]!, Number.MIN_VALUE)) {
			basis = turned;
			break;
		}
		basis = turnedImage;
		orthonormalise(basis, block, width);
	}
	const components = basis.slice(0, kept * width);
	for (let i = 0; i < kept; i++) {
		const row = components.subarray(i * width, (i + 1) * width);
		const largest = row.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
		if (largest < 0) for (let c = 0; c < width; c++) row[c]! *= -1;
	}
	return {
		...{ mean, components, k: kept, width },
		explained: Float64Array.from({ length: kept }, (_, i) =>
			total > 0 ? Math.max(0, values[i]!) / total : 0
		)
	};
}

/** Where points lie along the components: [n, k]. Components that there are none of are 0. */
export function project({ mean, components, k, width }: Pca, points: Points, wanted = k): Float32Array {
	if (points.width !== width)
		throw new InputError(`Points of width ${points.width} cannot be put among points of width ${width}.`);
	const out = new Float32Array(points.n * wanted);
	for (let p = 0; p < points.n; p++)
		for (let i = 0; i < Math.min(k, wanted); i++) {
			let sum = 0;
			for (let c = 0; c < width; c++)
				sum += (points.data[p * width + c]! - mean[c]!) * components[i * width + c]!;
			out[p * wanted + i] = sum;
		}
	return out;
}

function dot(a: Float64Array, i: number, b: Float64Array, j: number, width: number): number {
	let sum = 0;
	for (let c = 0; c < width; c++) sum += a[i * width + c]! * b[j * width + c]!;
	return sum;
}

/** XᵀX of every row of the basis [block, width], X [n, width]. */
function covarianceTimes(
	x: Float64Array,
	n: number,
	width: number,
	basis: Float64Array,
	block: number
): Float64Array<ArrayBuffer> {
	const out = new Float64Array(block * width);
	for (let p = 0; p < n; p++) {
		const from = p * width;
		for (let b = 0; b < block; b++) {
			const at = b * width;
			let along = 0;
			for (let c = 0; c < width; c++) along += x[from + c]! * basis[at + c]!;
			for (let c = 0; c < width; c++) out[at + c]! += along * x[from + c]!;
		}
	}
	return out;
}

/** Modified Gram–Schmidt, twice; a row that is nothing beyond those before becomes zero. */
function orthonormalise(rows: Float64Array, count: number, width: number): void {
	for (let i = 0; i < count; i++) {
		const before = Math.sqrt(dot(rows, i, rows, i, width));
		for (let pass = 0; pass < 2; pass++)
			for (let j = 0; j < i; j++) {
				const along = dot(rows, i, rows, j, width);
				for (let c = 0; c < width; c++) rows[i * width + c]! -= along * rows[j * width + c]!;
			}
		const length = Math.sqrt(dot(rows, i, rows, i, width));
		const scale = length > 1e-13 * before && length > 0 ? 1 / length : 0;
		for (let c = 0; c < width; c++) rows[i * width + c]! *= scale;
	}
}

/** Rows turned by the columns of `vectors` [block, block]. */
function turn(
	rows: Float64Array,
	vectors: Float64Array,
	block: number,
	width: number
): Float64Array<ArrayBuffer> {
	const out = new Float64Array(block * width);
	for (let i = 0; i < block; i++)
		for (let j = 0; j < block; j++) {
			const weight = vectors[j * block + i]!;
			for (let c = 0; c < width; c++) out[i * width + c]! += weight * rows[j * width + c]!;
		}
	return out;
}

/** All eigenvalues, descending, and eigenvectors (columns) of a symmetric matrix, by cyclic Jacobi rotations. */
function symmetricEigen(
	matrix: Float64Array,
	size: number
): { values: Float64Array<ArrayBuffer>; vectors: Float64Array } {
	const a = matrix.slice();
	const v = new Float64Array(size * size);
	for (let i = 0; i < size; i++) v[i * size + i] = 1;
	for (let sweep = 0; sweep < 60; sweep++) {
		let off = 0;
		let on = 0;
		for (let i = 0; i < size; i++)
			for (let j = 0; j < size; j++) {
				if (i === j) on += a[i * size + j]! ** 2;
				else off += a[i * size + j]! ** 2;
			}
		if (off <= 1e-30 * on) break;
		for (let p = 0; p < size; p++)
			for (let q = p + 1; q < size; q++) {
				const apq = a[p * size + q]!;
				if (apq === 0) continue;
				const theta = (a[q * size + q]! - a[p * size + p]!) / (2 * apq);
				const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
				const c = 1 / Math.hypot(t, 1);
				const s = t * c;
				for (let i = 0; i < size; i++) {
					const [x, y] = [a[i * size + p]!, a[i * size + q]!];
					a[i * size + p] = c * x - s * y;
					a[i * size + q] = s * x + c * y;
				}
				for (let i = 0; i < size; i++) {
					const [x, y] = [a[p * size + i]!, a[q * size + i]!];
					a[p * size + i] = c * x - s * y;
					a[q * size + i] = s * x + c * y;
				}
				for (let i = 0; i < size; i++) {
					const [x, y] = [v[i * size + p]!, v[i * size + q]!];
					v[i * size + p] = c * x - s * y;
					v[i * size + q] = s * x + c * y;
				}
			}
	}
	const order = Array.from({ length: size }, (_, i) => i).sort((i, j) => a[j * size + j]! - a[i * size + i]!);
	const vectors = new Float64Array(size * size);
	order.forEach((from, to) => {
		for (let i = 0; i < size; i++) vectors[i * size + to] = v[i * size + from]!;
	});
	return { values: Float64Array.from(order, (i) => a[i * size + i]!), vectors };
}
