import { InputError } from '../tensor/errors.ts';
import { columnRow, type Place } from './grid.ts';

/**
 * What happens to the visual tokens when an object moves? Let D be the tokens of the scene with the object minus those of the scene
 * without it: the object's trace in the tokens, [cells, channels] on a square grid. A projector that keeps places (locality) moves the
 * trace with the object; one that keeps contents but not places leaves it where it was.
 */
export interface Field {
	/** Cells on each side, row-major. */
	readonly side: number;
	readonly channels: number;
	/** [side · side, channels]. */
	readonly data: Float32Array;
}

/** a − b. */
export function fieldDifference(a: Field, b: Field): Field {
	if (a.side !== b.side || a.channels !== b.channels)
		throw new InputError(
			'Fields of different grids or widths cannot be subtracted; use the same projector and M.'
		);
	return { ...a, data: a.data.map((value, i) => value - b.data[i]!) };
}

/**
 * The field moved by (x, y) cells (positive: right, down), bilinear between cells. Cells whose source lies beyond the field's edge have
 * no value and are not `known`.
 */
export function shiftField(field: Field, shift: Place): Field & { readonly known: Uint8Array } {
	const { side, channels } = field;
	const data = new Float32Array(field.data.length);
	const known = new Uint8Array(side * side);
	for (let cell = 0; cell < side * side; cell++) {
		const { column, row } = columnRow(cell, side);
		const x = column - shift.x;
		const y = row - shift.y;
		if (x < 0 || y < 0 || x > side - 1 || y > side - 1) continue;
		known[cell] = 1;
		const [i, j] = [Math.min(Math.floor(x), side - 1), Math.min(Math.floor(y), side - 1)];
		const [fx, fy] = [x - i, y - j];
		for (const [di, dj, weight] of [
			[0, 0, (1 - fx) * (1 - fy)],
			[1, 0, fx * (1 - fy)],
			[0, 1, (1 - fx) * fy],
			[1, 1, fx * fy]
		] as const) {
			if (weight === 0) continue;
			const source = ((j + dj) * side + i + di) * channels;
			for (let c = 0; c < channels; c++) data[cell * channels + c]! += weight * field.data[source + c]!;
		}
	}
	return { ...field, data, known };
}

export interface EquivarianceError {
	/**
	 * |D′ − shift(D)| / sqrt(½(|D′|² + |shift(D)|²)) over the known cells: 0 when the trace moved exactly with the object, √2 when the
	 * two have nothing in common, 2 when they are opposite. NaN when both are empty.
	 */
	readonly moved: number;
	/** The same against the trace that did not move: 0 when the projector does not care where the object is. */
	readonly stayed: number;
	/** Part of the cells that were compared. */
	readonly compared: number;
}

/**
 * @param before object's trace at its first place  @param after at its second
 * @param shift how far the object moved, in cells of the field (patches · m/g for visual tokens)
 */
export function equivarianceError(before: Field, after: Field, shift: Place): EquivarianceError {
	fieldDifference(before, after);
	const expected = shiftField(before, shift);
	const all = new Uint8Array(expected.known.length).fill(1);
	return {
		moved: relativeError(after, expected, expected.known),
		stayed: relativeError(after, before, all),
		compared: expected.known.reduce((sum, value) => sum + value, 0) / all.length
	};
}

function relativeError(a: Field, b: Field, known: Uint8Array): number {
	let difference = 0;
	let scale = 0;
	for (let cell = 0; cell < known.length; cell++) {
		if (!known[cell]) continue;
		for (let i = cell * a.channels; i < (cell + 1) * a.channels; i++) {
			difference += (a.data[i]! - b.data[i]!) ** 2;
			scale += (a.data[i]! ** 2 + b.data[i]! ** 2) / 2;
		}
	}
	return scale > 0 ? Math.sqrt(difference / scale) : NaN;
}
