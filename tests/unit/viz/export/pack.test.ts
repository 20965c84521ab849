// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import { projectorStyles as projectors } from '../../../../src/lib/model/projectors/registry.ts';
import { packValue, scriptSafe, unpackValue } from '../../../../src/lib/viz/export/pack.ts';
import type { Figure } from '../../../../src/lib/viz/figure.ts';
import { figures } from '../../../../src/lib/viz/registry.ts';
import { examples } from '../../../figures/examples.ts';

const round = (value: unknown) => unpackValue(packValue(value));

describe('packed values', () => {
	it('come back exactly', () => {
		const value = {
			text: '</script><!-- \u2028 “”',
			numbers: [0.1 + 0.2, -0, NaN, Infinity, -Infinity, 1e-300],
			nothing: [undefined, null],
			arrays: [
				Float32Array.of(0.1, NaN),
				Int32Array.of(-5),
				Uint8Array.of(1, 2, 3).subarray(1),
				new Float64Array(0)
			],
			big: BigInt64Array.of(2n ** 60n),
			map: new Map<unknown, unknown>([['a', new Set([1, 2])]]),
			flag: true
		};
		expect(round(value)).toEqual(value);
		expect((round(Float32Array.of(1, 2)) as Float32Array).length).toBe(2);
	});

	it('that are one object stay one object', () => {
		const point = { at: Float32Array.of(1) };
		const again = round({ points: [point, { at: 2 }], front: [point], map: new Map([[point, 1]]) }) as {
			points: object[];
			front: object[];
			map: Map<object, number>;
		};
		expect(again.front[0]).toBe(again.points[0]);
		expect(again.map.get(again.points[0]!)).toBe(1);
	});

	it('stand inside a script element', () => {
		const json = scriptSafe(packValue({ text: '</script><!--<script>' }));
		expect(json).not.toMatch(/<|\u2028/);
		expect(unpackValue(json)).toEqual({ text: '</script><!--<script>' });
	});

	it('are refused in a sentence when they cannot be kept, or are damaged', () => {
		expect(() => packValue({ draw: () => 1 })).toThrow(/function cannot be kept/);
		for (const text of ['{', '{"$packed":"Evil","value":"x"}', '{"$packed":"Float32Array","value":3}'])
			expect(() => unpackValue(text), text).toThrow(/damaged/);
	});

	it.each(figures.map(({ id }) => id))('draw %s as before', (id) => {
		const figure = figures.find((one) => one.id === id) as unknown as Figure<unknown>;
		const rows = (examples as Record<string, unknown>)[id];
		const drawn = (of: unknown) => figure.draw(of, { width: 500, theme: 'light', projectors }).outerHTML;
		expect(drawn(round(rows))).toBe(drawn(rows));
		expect(figure.table(round(rows))).toEqual(figure.table(rows));
	});
});

describe('rows that follow the selection', () => {
	const followed = figures.filter((figure) => 'follow' in figure) as unknown as Figure<
		Record<string, unknown>
	>[];

	it('show what is selected, and stay the same object when nothing changes', () => {
		expect(followed.map(({ id }) => id).sort()).toEqual(['answer-influence', 'token-map', 'word-relevance']);
		for (const { id, follow } of followed) {
			const rows = (examples as unknown as Record<string, Record<string, unknown>>)[id]!;
			const key = id === 'token-map' ? 'token' : 'word';
			const other = rows[key] === 0 ? 1 : 0;
			expect(follow!(rows, { [key]: other })[key]).toBe(other);
			for (const selection of [{}, { [key]: rows[key] as number }, { [key]: 9999 }])
				expect(follow!(rows, selection)).toBe(rows);
		}
	});
});
