// @vitest-environment jsdom
import { decode } from 'fast-png';
import { lab } from 'd3';
import { fromBase64 } from '../../src/lib/bytes/base64.ts';
import { describe, expect, it } from 'vitest';
import { projectorStyles as projectors } from '../../src/lib/model/projectors/registry.ts';
import { spread } from '../../src/lib/viz/sweep.ts';
import { tokenPatchMap } from '../../src/lib/analysis/map.ts';
import { cellAt, drawCells } from '../../src/lib/viz/cell-map.ts';
import { borders } from '../../src/lib/viz/coverage.ts';
import type { Cause, Selection } from '../../src/lib/viz/figure.ts';
import { number, percent, quantity } from '../../src/lib/viz/format.ts';
import { highlight } from '../../src/lib/viz/interaction.ts';
import { drawImage, panel } from '../../src/lib/viz/image-panel.ts';
import { localityGrid } from '../../src/lib/viz/locality-grid.ts';
import {
	colourOf,
	divergingScale,
	inkOf,
	levelOf,
	projectorColours,
	sequentialScale,
	textOn
} from '../../src/lib/viz/palette.ts';
import { palettePng } from '../../src/lib/viz/png.ts';
import { samplingOffsets } from '../../src/lib/viz/sampling-offsets.ts';
import { surgeryChange } from '../../src/lib/viz/surgery-change.ts';
import { sideBySide } from '../../src/lib/viz/panels.ts';
import { penOf } from '../../src/lib/viz/svg.ts';
import { tokenPatchMatrix } from '../../src/lib/viz/token-patch-matrix.ts';
import { bells, examples } from './examples.ts';

/** Milliseconds of processor time: unlike the clock, the same when others are busy. */
const spent = (start: NodeJS.CpuUsage) => process.cpuUsage(start).user / 1000;

const meaning = { label: 'Response', unit: 'per unit' };

describe('a part of a picture', () => {
	const draw = (region: { x: number; y: number; width: number; height: number }) => {
		const pen = penOf({ document });
		const ink = inkOf('light');
		const part = { region, size: { width: 200, height: 100 } };
		return drawImage(pen, ink, panel(10, 20, 300, 6), { href: 'data:,', name: 'picture', part }, {});
	};
	const place = (drawn: SVGElement) =>
		['x', 'y', 'width', 'height'].map((name) => Number(drawn.querySelector('image')!.getAttribute(name)));

	it('fills the panel, and the rest of the picture is cut off', () => {
		const drawn = draw({ x: 100, y: 50, width: 100, height: 50 });
		expect(place(drawn)).toEqual([10 - 300, 20 - 300, 600, 600]);
		const cut = drawn.querySelector('clipPath')!;
		expect(drawn.querySelector('[clip-path]')!.getAttribute('clip-path')).toBe(`url(#${cut.id})`);
		expect(cut.querySelector('rect')!.getAttribute('width')).toBe('300');
	});
	it('that reaches beyond the picture leaves room where there is none', () => {
		expect(place(draw({ x: 0, y: -50, width: 200, height: 200 }))).toEqual([10, 20 + 75, 300, 150]);
	});
});

describe('scales', () => {
	it('grow in lightness with the magnitude', () => {
		const { colours } = sequentialScale(1, meaning);
		const lightness = colours.map((colour) => lab(colour).l);
		for (let i = 16; i < lightness.length; i += 16) expect(lightness[i]!).toBeGreaterThan(lightness[i - 16]!);
	});

	it('are orange above 0, purple below and pale at 0', () => {
		const scale = divergingScale(2, meaning);
		const [below, zero, above] = [-2, 0, 2].map((value) => lab(colourOf(scale, value)));
		expect(zero!.l).toBeGreaterThan(90);
		// b of Lab: yellowish above 0, bluish below.
		expect(above!.b).toBeGreaterThan(20);
		expect(below!.b).toBeLessThan(-20);
	});

	it('clamp, and leave out what is not a number', () => {
		const scale = sequentialScale(4, meaning);
		expect([-1, 0, 2, 4, 9, NaN].map((value) => levelOf(scale, value))).toEqual([0, 0, 128, 255, 255, -1]);
		expect(levelOf(sequentialScale(0, meaning), 0)).toBe(0);
		expect(levelOf(divergingScale(0, meaning), 0)).toBe(128);
		expect(colourOf(scale, NaN)).toBe('none');
	});

	it('write readable words on any level', () => {
		for (const colour of sequentialScale(1, meaning).colours)
			expect(Math.abs(lab(colour).l - lab(textOn(colour)).l)).toBeGreaterThan(35);
	});
});

describe('projector colours', () => {
	it('of names without one are none that a projector has as its own', () => {
		const styles = { own: { title: 'Own', colour: '#D55E00' } };
		const colours = projectorColours(['other', 'own', 'third'], styles);
		expect(colours.own).toBe('#D55E00');
		expect(new Set(Object.values(colours)).size).toBe(3);
	});

	it('are the same whatever else the model has, and never shared', () => {
		expect(projectorColours(['d-abs'], projectors)['d-abs']).toBe(
			projectorColours(['c-abs', 'd-abs', 'mlp'], projectors)['d-abs']
		);
		const names = ['c-abs', 'c-abs-2', 'd-abs', 'pool', 'linear', 'mlp', 'resampler'];
		expect(new Set(Object.values(projectorColours(names, projectors))).size).toBe(names.length);
	});
});

describe('numbers', () => {
	it('have three digits, a true minus and a dash for none', () => {
		expect([0, 1234.5, -0.04567, 0.00001234, 1e6, NaN].map(number)).toEqual([
			'0',
			'1230',
			'−0.0457',
			'1.23e−5',
			'1e+6',
			'–'
		]);
		expect([quantity(2, 'patches'), quantity(2, ''), percent(0.1234)]).toEqual([
			'2\u00A0patches',
			'2',
			'12.3\u00A0%'
		]);
	});
});

describe('pixel images', () => {
	it('are PNG files with the colours of the palette, also beyond one block', () => {
		const pixels = Uint8Array.from({ length: 300 * 260 }, (_, i) => i % 3);
		const png = decode(palettePng(pixels, 300, 260, ['#ff0000', '#0080ff']), { checkCrc: true });
		expect([png.width, png.height, png.channels]).toEqual([300, 260, 1]);
		expect([...png.data.slice(0, 6)]).toEqual([0, 1, 2, 0, 1, 2]);
		expect(png.palette!.map((colour) => [...colour])).toEqual([
			[0, 0, 0, 0],
			[255, 0, 0, 255],
			[0, 128, 255, 255]
		]);
		expect(png.data.length).toBe(300 * 260);
	});
});

describe('cells', () => {
	const box = { x: 10, y: 20, width: 40, height: 20, columns: 4, rows: 2 };
	const pen = penOf({ document });

	it('are found under the pointer', () => {
		expect(cellAt(box, 10, 20)).toEqual({ column: 0, row: 0 });
		expect(cellAt(box, 49.9, 39.9)).toEqual({ column: 3, row: 1 });
		expect([cellAt(box, 9, 25), cellAt(box, 50, 25), cellAt(box, 20, 40)]).toEqual([
			undefined,
			undefined,
			undefined
		]);
	});

	it('join runs of one colour, reach under their neighbours and leave holes', () => {
		const values = [1, 1, NaN, 0, 1, 0, 0, 0];
		const drawn = drawCells(pen, { vector: true }, box, values, sequentialScale(1, meaning));
		expect(Array.from(drawn.children, (path) => path.getAttribute('d'))).toEqual([
			'M40 20h10v10.4h-10zM20 30h30v10h-30z',
			'M10 20h20v10.4h-20zM10 30h10.4v10h-10.4z'
		]);
	});

	it('are one large image in a file, every cell a square of its colour', () => {
		const scale = sequentialScale(1, meaning);
		const values = [1, 1, NaN, 0, 1, 0, 0, 0];
		for (const vector of [false, 'opaque'] as const) {
			const drawn = drawCells(pen, { vector, printed: true }, box, values, scale, 0.7);
			expect(drawn.getAttribute('image-rendering')).toBe('pixelated');
			const { width, height, data } = decode(fromBase64(drawn.getAttribute('href')!.split(',')[1]!));
			expect([width, height]).toEqual([1024, 512]);
			expect([0, 511, 512, 1023].map((x) => data[x])).toEqual([255, 255, 0, 1]);
			expect(data[1024 * 511 + 256]).toBe(1);
		}
	});

	it('are one element on the page', () => {
		const drawn = drawCells(pen, {}, box, new Float32Array(8), sequentialScale(1, meaning));
		expect(drawn.tagName).toBe('image');
		expect(drawn.getAttribute('href')).toMatch(/^data:image\/png;base64,/);
	});

	it('draw 256 tokens × 256 patches quickly, and a hover touches only the frame', () => {
		const map = tokenPatchMap(
			256,
			256,
			Float32Array.from({ length: 65536 }, (_, i) => (i * 7919) % 1000)
		);
		for (const figure of [localityGrid, tokenPatchMatrix]) {
			const draw = () => figure.draw({ ...meaning, map }, { width: 900, projectors });
			draw();
			let start = process.cpuUsage();
			const svg = draw();
			expect(spent(start)).toBeLessThan(250);
			expect(svg.querySelectorAll('*').length).toBeLessThan(120);
			start = process.cpuUsage();
			for (let token = 0; token < 256; token++) highlight(svg, { token, patch: token });
			expect(spent(start) / 256).toBeLessThan(4);
		}
	});
});

describe('coverage borders', () => {
	it('lie between patches of different tokens', () => {
		expect(borders(Int32Array.of(1, 1, 2, 1), { rows: 2, columns: 2 })).toEqual([
			[0, 1, 1, 1],
			[1, 1, 1, 2]
		]);
	});
});

describe('pointing', () => {
	const setUp = () => {
		const events: [Selection, Cause][] = [];
		const svg = localityGrid.draw(
			{ ...meaning, map: bells() },
			{ width: 360, projectors, emit: (...event) => events.push(event) }
		);
		// 2 × 2 maps of 4 × 4 patches with one empty cell between: cells of 40 pixels.
		svg.getBoundingClientRect = () => ({ left: 100, top: 50, width: 360 }) as DOMRect;
		const at = (type: string, x: number, y: number) =>
			svg.dispatchEvent(new MouseEvent(type, { clientX: 100 + x, clientY: 50 + y }));
		return { events, svg, at };
	};

	it('hovers, selects, and comes back to the selection', () => {
		const { events, svg, at } = setUp();
		at('pointermove', 205, 5);
		expect(events.pop()).toEqual([{ token: 1, patch: 0 }, 'hover']);
		at('pointermove', 206, 6);
		expect(events).toEqual([]);
		at('click', 45, 205);
		expect(events.pop()).toEqual([{ token: 2, patch: 1 }, 'select']);
		at('pointermove', 345, 345);
		expect(events.pop()).toEqual([{ token: 3, patch: 15 }, 'hover']);
		at('pointerleave', 0, 0);
		expect(events.pop()).toEqual([{ token: 2, patch: 1 }, 'hover']);
		expect(svg.querySelector('.readout')!.textContent).toMatch(/^Token 2, patch 1: /);
	});

	it('finds nothing in the gap', () => {
		const { events, at } = setUp();
		at('pointermove', 165, 5);
		at('click', 165, 5);
		expect(events).toEqual([]);
	});

	it('moves between tokens by arrow keys', () => {
		const { events, svg } = setUp();
		for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowDown'])
			svg.dispatchEvent(new KeyboardEvent('keydown', { key }));
		expect(events.map(([{ token }]) => token)).toEqual([0, 1, 3]);
	});
});

describe('panels side by side', () => {
	it('stand in rows of equal length, and none is no reason for a place that is no number', () => {
		expect([1, 2, 3, 4, 5].map((count) => sideBySide(count, 660).across)).toEqual([1, 2, 3, 2, 3]);
		const none = sideBySide(0, 400);
		expect([none.across, none.width, none.place(0, 10)]).toEqual([1, 400, { x: 0, y: 0 }]);
	});
});

describe('pointing at the legend', () => {
	it('chooses a head, and all of its samples stay while others fade', () => {
		const events: [Selection, Cause][] = [];
		const rows = examples['sampling-offsets'];
		const svg = samplingOffsets.draw(rows, {
			width: 360,
			projectors,
			emit: (...event) => events.push(event)
		});
		svg.getBoundingClientRect = () => ({ left: 0, top: 0, width: 360 }) as DOMRect;
		const named = [...svg.querySelectorAll('text')].find((text) => text.textContent === 'head 1')!;
		const [clientX, clientY] = ['x', 'y'].map((key) => Number(named.getAttribute(key)));
		svg.dispatchEvent(new MouseEvent('pointermove', { clientX: clientX!, clientY: clientY! - 4 }));
		expect(events).toEqual([[{ head: 1 }, 'hover']]);
		const faded = (head: number) =>
			[...svg.querySelectorAll(`.sample[data-head="${head}"]`)].map((mark) => mark.hasAttribute('opacity'));
		expect(faded(1).length).toBeGreaterThan(0);
		expect(new Set(faded(1))).toEqual(new Set([false]));
		expect(new Set(faded(0))).toEqual(new Set([true]));
		expect(svg.querySelector('.readout')!.textContent).toBe(`Head 1: ${faded(1).length} samples.`);
	});
});

describe('words of two answers', () => {
	const setUp = () => {
		const events: Selection[] = [];
		const svg = surgeryChange.draw(examples['surgery-change'], {
			width: 480,
			projectors,
			emit: (selection) => events.push(selection)
		});
		return { events, svg, said: () => svg.querySelector('.readout')!.textContent };
	};

	it('are gone through by keys, old words as the words of the page', () => {
		const { events, svg, said } = setUp();
		for (let i = 0; i < 5; i++) svg.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown' }));
		expect(events).toEqual([
			{ row: 0, word: 0 },
			{ row: 1, word: 1 },
			{ row: 2, word: 2 },
			{ row: 3 },
			{ row: 3 }
		]);
		expect(said()).toMatch(/^“car” after: −2 → −2.25\snats \(13.5\s% → 10.5\s%\)$/);
		// A word chosen in another figure is shown, whichever row was before.
		highlight(svg, { word: 1, row: 0 });
		expect(said()).toMatch(/^“red” before: −0.3 → −4\snats .*; “blue” after: −5 → −0.5\snats/);
	});

	it('go left when they became less likely', () => {
		const { svg } = setUp();
		const ends = [...svg.querySelectorAll('.change')].map((line) => {
			const [, from, to] = /M([\d.]+) [\d.]+H([\d.]+)/.exec(line.getAttribute('d')!)!;
			return Math.sign(Number(to) - Number(from));
		});
		expect(ends).toEqual([-1, -1, -1, 1, -1, -1]);
	});
});

describe('labels at the ends of lines', () => {
	it('are moved apart, in their order, and no further than needed', () => {
		expect(spread([10, 100, 50], 13)).toEqual([10, 100, 50]);
		expect(spread([20, 20], 10)).toEqual([15, 25]);
		expect(spread([30, 20, 22], 10)).toEqual([34, 14, 24]);
		const many = spread([50, 51, 52, 10, 12], 13);
		const sorted = [...many].sort((a, b) => a - b);
		for (let i = 1; i < sorted.length; i++)
			expect(sorted[i]! - sorted[i - 1]!).toBeGreaterThanOrEqual(13 - 1e-9);
	});
});
