import { coverage, shareDifference } from '../../src/lib/analysis/locality.ts';
import { tokenPatchMap, tokenRow, type TokenPatchMap } from '../../src/lib/analysis/map.ts';
import type { CoverageRows } from '../../src/lib/viz/coverage.ts';
import type { DifferenceRows } from '../../src/lib/viz/difference-map.ts';
import type { MapRows } from '../../src/lib/viz/locality-grid.ts';
import type { TokenMapRows } from '../../src/lib/viz/token-map.ts';

const image = { href: 'data:image/png;base64,AAAA', name: 'scene.png' };

/** Four tokens on 4 × 4 patches: bells around their homes, `drift` patches to the right. */
export function bells(drift = 0): TokenPatchMap {
	const centre = (i: number) => 1 + 2 * i;
	const data = Float32Array.from({ length: 64 }, (_, i) => {
		const [token, n] = [Math.floor(i / 16), i % 16];
		const x = (n % 4) + 0.5 - centre(token % 2) - drift;
		const y = Math.floor(n / 4) + 0.5 - centre(Math.floor(token / 2));
		return (token + 1) * Math.exp(-(x * x + y * y));
	});
	return tokenPatchMap(4, 16, data);
}

const meaning = { label: 'Response', unit: 'per unit of the feature' };
const map: MapRows = { ...meaning, map: bells() };
const one: TokenMapRows = { ...map, token: 1, weighting: 'energy', image };
const cover: CoverageRows = { coverage: coverage(bells(0.5), 'energy'), tokens: 4, image };
const difference: DifferenceRows = {
	difference: tokenRow(shareDifference(bells(), bells(0.5), 'energy'), 1),
	a: 'C-Abstractor',
	b: 'Resampler',
	label: 'Difference of shares',
	unit: 'share'
};

/** Rows for every figure of the registry, by id. */
export const examples = {
	'locality-grid': map,
	'token-map': one,
	'token-patch-matrix': map,
	coverage: cover,
	'difference-map': difference
};
