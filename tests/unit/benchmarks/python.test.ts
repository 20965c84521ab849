import { describe, expect, it } from 'vitest';
import { parsePythonList } from '../../../src/lib/benchmarks/formats/python-literal.ts';
import { PythonRandom } from '../../../src/lib/benchmarks/python/random.ts';
import {
	lines,
	parseFloatPython,
	roundPython,
	strip,
	stripCharacter,
	words
} from '../../../src/lib/benchmarks/python/text.ts';

describe("Python's random", () => {
	// python3 -c 'import random; random.seed(S); print([random.choice(range(n)) for n in (5, 1, 4, 2, 3, 7, 1000) * 3])'
	it.each([
		{ seed: 2680, choices: [4, 0, 2, 1, 1, 2, 937, 4, 0, 3, 1, 1, 6, 304, 3, 0, 2, 0, 0, 3, 707] },
		{ seed: 0, choices: [3, 0, 0, 1, 2, 3, 414, 2, 0, 2, 0, 2, 1, 288, 1, 0, 2, 0, 1, 0, 747] },
		{ seed: 1, choices: [1, 0, 2, 0, 1, 6, 460, 3, 0, 1, 0, 1, 0, 914, 3, 0, 0, 1, 1, 5, 821] },
		{ seed: 1099511627781, choices: [4, 0, 0, 0, 0, 0, 815, 1, 0, 1, 0, 2, 6, 389, 0, 0, 3, 0, 0, 3, 45] }
	])('choices after seed $seed', ({ seed, choices }) => {
		const random = new PythonRandom(seed);
		const sizes = [5, 1, 4, 2, 3, 7, 1000];
		expect(
			[...sizes, ...sizes, ...sizes].map((n) => random.choice(Array.from({ length: n }, (_, i) => i)))
		).toEqual(choices);
	});

	it('draws past one state of 624 numbers', () => {
		const random = new PythonRandom(2680);
		let last = 0;
		for (let i = 0; i < 2000; i++) last = random.below(2 ** 30);
		expect(last).toBe(254539704);
	});

	it('refuses nothing to choose from', () => {
		expect(() => new PythonRandom(1).choice([])).toThrow(RangeError);
	});
});

describe("Python's text", () => {
	it('strips and splits at what Python takes for white space', () => {
		expect(strip('\x1c\u00a0 a b \u3000\n')).toBe('a b');
		expect(strip('\ufeffa')).toBe('\ufeffa');
		expect(words(' a\tb\u2003c\n')).toEqual(['a', 'b', 'c']);
		expect(words('  ')).toEqual([]);
		expect(stripCharacter('..a.b..', '.')).toBe('a.b');
		expect(lines('a\r\nb\rc\n')).toEqual(['a', 'b', 'c']);
	});

	it.each([
		['1', 1],
		[' 1.50 ', 1.5],
		['.5', 0.5],
		['5.', 5],
		['1e3', 1000],
		['-2E-1', -0.2],
		['1_000', 1000],
		['inf', Infinity],
		['-Infinity', -Infinity],
		['nan', NaN]
	])('float(%j) is %d', (text, value) => expect(parseFloatPython(text)).toBe(value));

	it.each(['', '.', 'e5', '1e', '0x10', '1__0', '1 2', '_1', 'a'])('float(%j) fails', (text) =>
		expect(parseFloatPython(text)).toBeUndefined()
	);

	it.each([
		[0.125, 2, 0.12],
		[0.375, 2, 0.38],
		[2.675, 2, 2.67],
		[-0.125, 2, -0.12],
		[3.14159, 2, 3.14],
		[84.85, 1, 84.8],
		[0.25, 1, 0.2],
		[1e300, 2, 1e300]
	])('round(%d, %d) is %d', (value, digits, rounded) => expect(roundPython(value, digits)).toBe(rounded));

	it('reads lists of strings', () => {
		expect(parsePythonList(`['a', "it's", 'x\\'y', '\\u00e9\\n', '']`)).toEqual([
			'a',
			"it's",
			"x'y",
			'é\n',
			''
		]);
		expect(parsePythonList('[]')).toEqual([]);
		expect(parsePythonList("['a', ]")).toEqual(['a']);
		expect(parsePythonList("[1, -2.5e3, 'a']", true)).toEqual(['1', '-2.5e3', 'a']);
		expect(parsePythonList('[0, 1]')).toBeUndefined();
		expect(parsePythonList("['\\\\frac{1}{2}', '[x], y']")).toEqual(['\\frac{1}{2}', '[x], y']);
		for (const other of ["['a'", 'a', "['a' 'b']", '[1]', "['a'] + x", ''])
			expect(parsePythonList(other)).toBeUndefined();
	});
});
