import { expect, it } from 'vitest';
import { middleToken } from '../../../src/lib/study/tokens.ts';

it.each([
	[1, 0],
	[4, 3],
	[9, 4],
	[16, 10],
	[36, 21],
	[144, 78]
])('of %i tokens on a square the one in the middle is %i', (tokens, middle) => {
	expect(middleToken(tokens)).toBe(middle);
	const side = Math.sqrt(tokens);
	const [row, column] = [Math.floor(middle / side), middle % side];
	expect(Math.abs(row + 0.5 - side / 2)).toBeLessThanOrEqual(0.5);
	expect(Math.abs(column + 0.5 - side / 2)).toBeLessThanOrEqual(0.5);
});

it('takes the first where M is no square', () => {
	expect(middleToken(7)).toBe(0);
	// Of a grid that is not square: row 2 of 4, column 3 of 6, whether M is a square number or not.
	expect(middleToken(24, { rows: 8, columns: 12 })).toBe(2 * 6 + 3);
	expect(middleToken(16, { rows: 4, columns: 16 })).toBe(1 * 8 + 4);
	expect(middleToken(36, { rows: 8, columns: 8 })).toBe(middleToken(36));
	expect(middleToken(7, { rows: 8, columns: 12 })).toBe(0);
});
