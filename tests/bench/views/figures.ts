import { projectorStyles as projectors } from '../../../src/lib/model/projectors/registry.ts';
import type { FigureTime } from '../../../src/cli/bench/views.ts';
import { coverage } from '../../../src/lib/analysis/locality.ts';
import { tokenPatchMap } from '../../../src/lib/analysis/map.ts';
import { quantiles } from '../../../src/lib/analysis/statistics.ts';
import { coverageFigure } from '../../../src/lib/viz/coverage.ts';
import type { FigureOptions, Selection } from '../../../src/lib/viz/figure.ts';
import { highlight } from '../../../src/lib/viz/interaction.ts';
import { localityGrid } from '../../../src/lib/viz/locality-grid.ts';
import { tokenMap } from '../../../src/lib/viz/token-map.ts';
import { tokenPatchMatrix } from '../../../src/lib/viz/token-patch-matrix.ts';

const SIDE = 16;
const WIDTH = 640;
const MOVES = 300;
const FRAMES = 120;

/** 256 visual tokens × 256 patches, each token a spot around its place. */
function exampleMap() {
	const count = SIDE * SIDE;
	const data = Float32Array.from({ length: count * count }, (_, i) => {
		const [m, n] = [Math.floor(i / count), i % count];
		const dx = (m % SIDE) - (n % SIDE);
		const dy = Math.floor(m / SIDE) - Math.floor(n / SIDE);
		return Math.exp(-(dx * dx + dy * dy) / 3) + 0.01 * ((i * 7919) % 13);
	});
	return tokenPatchMap(count, count, data);
}

interface Drawn {
	readonly id: string;
	readonly draw: (options: FigureOptions) => SVGSVGElement;
	holder: HTMLElement;
	svg: SVGSVGElement;
}

/** The locality page's four figures, linked as the page links them; the map of one token is drawn anew at every hover. */
export async function measureFigures(): Promise<FigureTime[]> {
	const map = exampleMap();
	const meaning = { map, label: 'Response', unit: 'rms/rms' };
	const covered = { coverage: coverage(map, 'energy'), tokens: map.tokens };
	let token = 0;
	const one = () => ({ ...meaning, token, weighting: 'energy' as const });
	const figures: Omit<Drawn, 'holder' | 'svg'>[] = [
		{ id: localityGrid.id, draw: (options) => localityGrid.draw(meaning, options) },
		{ id: tokenPatchMatrix.id, draw: (options) => tokenPatchMatrix.draw(meaning, options) },
		{ id: coverageFigure.id, draw: (options) => coverageFigure.draw(covered, options) },
		{ id: tokenMap.id, draw: (options) => tokenMap.draw(one(), options) }
	];
	const drawn: Drawn[] = [];
	const emit = (selection: Selection) => {
		const before = token;
		token = selection.token ?? before;
		for (const each of drawn) {
			if (each.id === tokenMap.id && token !== before) put(each);
			highlight(each.svg, selection);
		}
	};
	const options: FigureOptions = { width: WIDTH, theme: 'light', projectors, emit };
	function put(each: Pick<Drawn, 'draw' | 'holder'> & { svg?: SVGSVGElement }): number {
		const begin = performance.now();
		each.svg = each.draw(options);
		each.holder.replaceChildren(each.svg);
		each.svg.getBoundingClientRect();
		return performance.now() - begin;
	}

	const first: number[] = [];
	for (const figure of figures) {
		const holder = document.body.appendChild(document.createElement('div'));
		const each = { ...figure, holder, svg: undefined as unknown as SVGSVGElement };
		first.push(put(each));
		drawn.push(each);
	}
	const times: FigureTime[] = [];
	for (const [i, each] of drawn.entries()) {
		each.holder.scrollIntoView();
		const redraws = Array.from({ length: 20 }, () => put(each));
		let step = 0;
		const move = () => {
			const box = each.svg.getBoundingClientRect();
			const at = 0.1 + 0.8 * ((step++ * 0.618) % 1);
			const [clientX, clientY] = [box.left + at * box.width, box.top + ((at * 7) % 0.9) * box.width];
			const begin = performance.now();
			each.svg.dispatchEvent(new PointerEvent('pointermove', { clientX, clientY }));
			return performance.now() - begin;
		};
		const moves = Array.from({ length: MOVES }, move);
		await nextFrame();
		const begin = await nextFrame();
		let end = begin;
		for (let frame = 0; frame < FRAMES; frame++) {
			move();
			end = await nextFrame();
		}
		const [hover_ms = NaN, hover_p95_ms = NaN] = quantiles(moves, [0.5, 0.95]);
		times.push({
			...{ figure: each.id, tokens: map.tokens, patches: map.patches, draw_ms: first[i]! },
			...{ redraw_ms: quantiles(redraws, [0.5])[0]!, hover_ms, hover_p95_ms },
			frames_per_second: (FRAMES * 1000) / (end - begin)
		});
	}
	document.body.replaceChildren();
	return times;
}

function nextFrame(): Promise<number> {
	return new Promise((resolve) => requestAnimationFrame(resolve));
}
