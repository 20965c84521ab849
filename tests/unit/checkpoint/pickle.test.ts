import { expect, test } from 'vitest';
import { PickleTuple, unpickle } from '../../../src/lib/checkpoint/pickle.ts';
import type { PickleValue } from '../../../src/lib/checkpoint/pickle.ts';
import { fixture } from './build.ts';

const hex = JSON.parse(new TextDecoder().decode(fixture('checkpoint/plain.json'))) as string[];
const bytesOf = (digits: string) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const tuple = (...items: PickleValue[]) => new PickleTuple(items);

test.each([0, 1, 2, 3, 4, 5])('plain values of Python, protocol %i', (protocol) => {
	const value = unpickle(bytesOf(hex[protocol]!), {
		name: 'x',
		globals: new Map(),
		persistent: () => null
	});
	const numbers = [1, 255, 65535, -1, 2 ** 31, -(2 ** 40), 2n ** 70n, -(2n ** 70n), 1.5];
	const tuples = [tuple(), tuple(1), tuple(1, 2), tuple(1, 2, 3), tuple(1, 2, 3, 4)];
	const nested = new Map([['a', new Map([['b', []]])]]);
	expect(value).toEqual([null, true, false, ...numbers, 'text', ...tuples, nested, [1], [1]]);
	const list = value as PickleValue[];
	expect(list.at(-1)).toBe(list.at(-2));
});
