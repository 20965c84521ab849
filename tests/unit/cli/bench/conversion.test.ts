import { expect, it } from 'vitest';
import { describeConversion } from '../../../../src/cli/bench/conversion.ts';

it('tells rates by the bytes of the checkpoint, and shares of the same round', () => {
	const text = describeConversion({
		dtype: 'q4f16',
		source: 900e6,
		model: 300e6,
		largest_tensor: 16e6,
		rounds: [
			{ convert_ms: 2000, copy_ms: 1500 },
			{ convert_ms: 3000, copy_ms: 1800 },
			{ convert_ms: 1000, copy_ms: 900 }
		],
		peak_memory: 250e6,
		cold: false
	});
	expect(text).toBe(
		'900 MB → q4f16 300 MB: conversion 450 MB/s; reading and writing alone 600 MB/s (checkpoint in the cache); share 75 % (75, 60, 90); peak memory 250 MB, largest tensor 16 MB'
	);
});
