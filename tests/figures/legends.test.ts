// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import { projectorStyles as projectors } from '../../src/lib/model/projectors/registry.ts';
import { answerInfluence } from '../../src/lib/viz/answer-influence.ts';
import { attentionDistance } from '../../src/lib/viz/attention-distance.ts';
import { checkpointSeries } from '../../src/lib/viz/checkpoint-series.ts';
import { growth } from '../../src/lib/viz/growth.ts';
import { legendPlaces } from '../../src/lib/viz/legend.ts';
import { headColour } from '../../src/lib/viz/palette.ts';
import { radar } from '../../src/lib/viz/radar.ts';
import { clipped, widthOf } from '../../src/lib/viz/type.ts';
import { examples } from './examples.ts';

const options = { width: 320, projectors };
const textsOf = (svg: SVGSVGElement) => [...svg.querySelectorAll('text')];
const wordsOf = (svg: SVGSVGElement) => textsOf(svg).map((one) => one.textContent);
const find = (svg: SVGSVGElement, words: string) => textsOf(svg).find((one) => one.textContent === words)!;
const at = (element: Element, name: string) => Number(element.getAttribute(name));

describe('a legend', () => {
	it('keeps names apart and in the width', () => {
		const names = ['one name', 'another name that is long', 'a third', 'and a fourth one'];
		const { places, height } = legendPlaces(names, 200);
		names.forEach((name, i) => {
			const end = places[i]!.x + 13 + widthOf(name);
			expect(end).toBeLessThanOrEqual(200);
			const next = places[i + 1];
			if (next?.y === places[i]!.y) expect(next.x).toBeGreaterThan(end);
		});
		expect(height).toBeGreaterThan(places.at(-1)!.y);
		expect(legendPlaces([], 200)).toEqual({ places: [], height: 0 });
	});
});

describe('the radar', () => {
	it('names every run beside its own line, above the spokes', () => {
		const { series } = examples.radar;
		const svg = radar.draw(examples.radar, options);
		const lines = [...svg.querySelectorAll('path')].filter((path) => /h18$/.test(path.getAttribute('d')!));
		expect(lines.length).toBe(series.length);
		const shapes = [...svg.querySelectorAll('path')].filter((path) => /Z$/.test(path.getAttribute('d')!));
		series.forEach(({ name }, s) => {
			const words = find(svg, name);
			expect(at(words, 'y')).toBeLessThan(at(svg.querySelector('circle')!, 'cy'));
			for (const style of ['stroke', 'stroke-dasharray'])
				expect(lines[s]!.getAttribute(style)).toBe(shapes[s]!.getAttribute(style));
		});
	});
});

describe('how far the tower attends', () => {
	const rows = (heads: number) => ({
		...{ side: 4, heads, images: 1, uniform: 1.9 },
		points: Array.from({ length: heads }, (_, head) => ({ layer: 0, head, value: 1 + head / 20, toClass: 0 }))
	});
	it('says which colour is which head, and what the line is', () => {
		const svg = attentionDistance.draw(rows(2), options);
		expect(wordsOf(svg)).toEqual(expect.arrayContaining(['head 0', 'head 1', 'mean over heads']));
		const dots = [...svg.querySelectorAll('circle:not(.frame)')];
		const beside = dots.filter((dot) => Math.abs(at(dot, 'cy') - at(find(svg, 'head 1'), 'y')) < 6);
		expect(beside.map((dot) => dot.getAttribute('fill'))).toEqual([headColour(0), headColour(1)]);
	});
	it('says so where heads share a colour', () => {
		expect(wordsOf(attentionDistance.draw(rows(12), options))).toEqual(
			expect.arrayContaining(['heads 0, 8', 'heads 3, 11', 'head 4', 'head 7'])
		);
	});
});

describe('the words of an answer', () => {
	const rows = (word: string) => ({
		...examples['answer-influence'],
		words: examples['answer-influence'].words.map((known, i) => (i === 0 ? word : known))
	});
	it('stand whole at the width of the page, and begin inside of the figure', () => {
		const word = 'counterrevolutionaries';
		const svg = answerInfluence.draw(rows(word), { ...options, width: 640 });
		const label = find(svg, word);
		expect(at(label, 'x') - widthOf(word)).toBeGreaterThanOrEqual(0);
		// The cells begin behind it.
		for (const cell of svg.querySelectorAll('image')) expect(at(cell, 'x')).toBeGreaterThan(at(label, 'x'));
	});
	it('are cut where they would take the figure’s own room', () => {
		const svg = answerInfluence.draw(rows('w'.repeat(90)), options);
		const [label] = textsOf(svg).filter((one) => one.textContent.endsWith('…'));
		expect(at(label!, 'x') - widthOf(label!.textContent)).toBeGreaterThanOrEqual(0);
		expect(clipped('short', 100)).toBe('short');
	});
});

describe('a series of checkpoints', () => {
	const alike = {
		...examples['checkpoint-series'],
		points: examples['checkpoint-series'].points.map((point) => ({ ...point, value: 1, low: 1, high: 1 }))
	};
	const ticks = (svg: SVGSVGElement) =>
		[...svg.querySelectorAll('[aria-label="y-axis tick label"] text')].map((one) => Number(one.textContent));
	it('whose values are all the largest there can be is drawn in what there can be', () => {
		const svg = checkpointSeries.draw(alike, options);
		expect(ticks(svg)[0]).toBe(0);
		expect(ticks(svg).at(-1)).toBe(1);
		const percent = {
			...alike,
			most: 100,
			points: alike.points.map((point) => ({ ...point, value: 100, low: 100, high: 100 }))
		};
		expect(ticks(checkpointSeries.draw(percent, options)).at(-1)).toBe(100);
	});
	it('never has an axis beyond what there can be', () => {
		const points = alike.points.map((point, i) => ({ ...point, low: 1 - i / 100 }));
		expect(Math.max(...ticks(checkpointSeries.draw({ ...alike, points }, options)))).toBeLessThanOrEqual(1);
	});
	it('has the title of its axis below the axis, not below the names', () => {
		const svg = checkpointSeries.draw(examples['checkpoint-series'], options);
		const right = Math.max(
			...[...svg.querySelectorAll('[aria-label="y-grid"] line')].map((line) => at(line, 'x2'))
		);
		const title = find(svg, 'Training step →');
		expect(title.getAttribute('text-anchor')).toBe('end');
		expect(at(title, 'x')).toBeLessThanOrEqual(right + 1);
	});
});

describe('a logarithmic axis', () => {
	it('has lines at powers of ten alone where it has many of them', () => {
		const rows = examples.growth;
		const linesOf = (svg: SVGSVGElement) => svg.querySelectorAll('[aria-label="y-grid"] line').length;
		// From 0.5 to 23.5 ms, and a hundred times as far.
		const near = growth.draw(rows, options);
		expect(linesOf(near)).toBeGreaterThan(5);
		const projected = rows.projected.map((point) => ({ ...point, milliseconds: 100 * point.milliseconds }));
		const far = growth.draw({ ...rows, projected }, options);
		expect(linesOf(far)).toBe(4);
		for (const power of ['1', '10', '100', '1000']) expect(wordsOf(far)).toContain(power);
	});
});
