import { scaleLinear } from 'd3';
import type { Figure } from './figure.ts';
import { exact, number, percent } from './format.ts';
import { link } from './interaction.ts';
import { legendPlaces } from './legend.ts';
import { headColour, headColours, inkOf } from './palette.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, round, text } from './svg.ts';

export interface AttentionDistanceRows {
	/** Patches on a side. */
	readonly side: number;
	readonly heads: number;
	/** Images that the means are taken over. */
	readonly images: number;
	/** Mean distance of attention that is the same everywhere, patches. */
	readonly uniform: number;
	readonly points: readonly {
		/** From 0. */
		readonly layer: number;
		readonly head: number;
		/** Mean attention distance, patches. */
		readonly value: number;
		/** 95 % interval over the images, where there are several. */
		readonly low?: number;
		readonly high?: number;
		/** Share of the patches' attention to the class token; 0 where there is none. */
		readonly toClass: number;
	}[];
}

const LEFT = 40;
const TOP = 26;
const HEIGHT = 260;
const BELOW = 36;

export const attentionDistance: Figure<AttentionDistanceRows> = {
	id: 'attention-distance',
	title: 'How far the vision tower attends',
	readingAid:
		'Each point is one head of one layer: low is local, the dashed line is attention that is the same everywhere.',
	method:
		'Mean attention distance (Dosovitskiy et al. 2021): the distance from a query patch to the patches that it attends to, weighted by the attention, mean over all patches as queries and over the images; bars are 95 % intervals over the images (Student’s t). The class token has no place: it is left out, and what goes to the patches is taken as the whole. The line joins the layers’ means over heads.',
	draw({ points, side, heads, images, uniform }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const layers = [...new Set(points.map(({ layer }) => layer))];
		const right = options.width - 8;
		const x = scaleLinear([Math.min(...layers) - 0.5, Math.max(...layers) + 0.5], [LEFT, right]);
		const most = Math.max(uniform, ...points.map(({ value, high = value }) => high)) * 1.06;
		const y = scaleLinear([0, most], [TOP + HEIGHT, TOP]).nice(6);
		const apart = Math.min(5, (0.6 * (x(1) - x(0))) / Math.max(1, heads - 1));
		const at = ({ layer, head }: { layer: number; head: number }) =>
			x(layer) + apart * (head - (heads - 1) / 2);
		const every = Math.ceil(layers.length / Math.max(1, (right - LEFT) / 26));
		const soft = { 'font-size': 11, fill: ink.soft };
		const means = layers.map((layer) => {
			const own = points.filter((point) => point.layer === layer);
			return { layer, value: own.reduce((sum, { value }) => sum + value, 0) / own.length };
		});
		const line = means.map(({ layer, value }) => `${round(x(layer))} ${round(y(value))}`).join('L');
		const ring = pen('circle', {
			...{ r: 6, fill: 'none', stroke: ink.ink, 'stroke-width': 1.5 },
			...{ class: 'frame', visibility: 'hidden' }
		});
		const foot = TOP + HEIGHT + BELOW;
		// Colours repeat where there are more heads than colours.
		const colours = Math.min(heads, headColours.length);
		const names = [
			...Array.from({ length: colours }, (_, first) => {
				const own = Array.from({ length: heads }, (_, head) => head).filter(
					(head) => head % colours === first
				);
				return `head${own.length > 1 ? 's' : ''} ${own.join(', ')}`;
			}),
			'mean over heads'
		];
		const key = legendPlaces(names, options.width, { size: 11 });
		const keyTop = foot + LINE;
		const last = keyTop + key.height;
		const note = readout(pen, ink, 0, last + LINE - 4);
		const legend = names.flatMap((name, i) => {
			const place = { x: key.places[i]!.x, y: keyTop + key.places[i]!.y };
			return [
				i < colours
					? pen('circle', { cx: round(place.x + 4), cy: place.y - 4, r: 3, fill: headColour(i) })
					: pen('path', { d: `M${round(place.x)} ${place.y - 4}h9`, stroke: ink.soft, 'stroke-width': 1.25 }),
				text(pen, place.x + 13, place.y, name, soft)
			];
		});
		const svg = root(pen, options, last + LINE, attentionDistance.title, [
			text(pen, 0, 12, 'Mean attention distance (patches)', soft),
			...y
				.ticks(6)
				.flatMap((tick) => [
					pen('path', { d: `M${LEFT} ${round(y(tick))}H${round(right)}`, stroke: ink.line }),
					text(pen, LEFT - 6, y(tick) + 4, number(tick), { ...soft, 'text-anchor': 'end' })
				]),
			...layers
				.filter((_, i) => i % every === 0)
				.map((layer) =>
					text(pen, x(layer), TOP + HEIGHT + 16, `${layer}`, { ...soft, 'text-anchor': 'middle' })
				),
			text(pen, right, TOP + HEIGHT + 31, 'Layer of the vision tower →', { ...soft, 'text-anchor': 'end' }),
			pen('path', {
				d: `M${LEFT} ${round(y(uniform))}H${round(right)}`,
				...{ stroke: ink.ink, 'stroke-dasharray': '4 3', fill: 'none' }
			}),
			text(pen, right, y(uniform) - 5, `same everywhere: ${number(uniform)}`, {
				...soft,
				'text-anchor': 'end'
			}),
			pen('path', { d: `M${line}`, fill: 'none', stroke: ink.soft, 'stroke-width': 1.25 }),
			...points.flatMap((point) => {
				const colour = headColour(point.head);
				const cx = at(point);
				return [
					...(point.low === undefined || point.high === undefined
						? []
						: [
								pen('path', {
									d: `M${round(cx)} ${round(y(point.low))}V${round(y(point.high))}`,
									...{ stroke: colour, 'stroke-width': 1.25 }
								})
							]),
					pen('circle', { cx, cy: y(point.value), r: 3, fill: colour })
				];
			}),
			ring,
			text(
				pen,
				0,
				foot + LINE - 6,
				`${side} × ${side} patches, ${heads} heads; n = ${images} image${images === 1 ? ', no interval' : 's'}`,
				soft
			),
			...legend,
			note.element
		]);
		link(svg, options, {
			at(px, py) {
				let best: (typeof points)[number] | undefined;
				let nearest = 20 ** 2;
				for (const point of points) {
					const distance = (at(point) - px) ** 2 + (y(point.value) - py) ** 2;
					if (distance < nearest) [best, nearest] = [point, distance];
				}
				return best && { layer: best.layer, head: best.head };
			},
			show({ layer, head }) {
				const point = points.find((one) => one.layer === layer && one.head === head);
				ring.setAttribute('visibility', point ? 'visible' : 'hidden');
				if (point) {
					ring.setAttribute('cx', `${round(at(point))}`);
					ring.setAttribute('cy', `${round(y(point.value))}`);
				}
				note.write(
					point
						? `Layer ${point.layer}, head ${point.head}: ${number(point.value)} patches${point.low === undefined ? '' : ` [${number(point.low)}, ${number(point.high!)}]`}${point.toClass > 0 ? `, ${percent(point.toClass)} to the class token` : ''}.`
						: ''
				);
			},
			move(key, { layer = layers[0]!, head = 0, ...rest }) {
				const by = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
				if (!by) return undefined;
				const within = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
				return {
					...rest,
					layer: within(layer + by[0]!, layers[0]!, layers.at(-1)!),
					head: within(head + by[1]!, 0, heads - 1)
				};
			}
		});
		return svg;
	},
	table: ({ points }) => ({
		columns: [
			'layer',
			'head',
			'mean attention distance (patches)',
			'low',
			'high',
			'to the class token (share)'
		],
		rows: points.map(({ layer, head, value, low = NaN, high = NaN, toClass }) => [
			...[layer, head, exact(value), exact(low), exact(high), exact(toClass)]
		])
	}),
	paper: ({ points, heads }) => ({
		heads: ['Layer'],
		columns: Array.from({ length: heads }, (_, head) => ({ name: `Head ${head}` })),
		rows: [...new Set(points.map(({ layer }) => layer))].map((layer) => ({
			names: [layer],
			cells: points
				.filter((point) => point.layer === layer)
				.map(({ value, low, high }) => ({ value, low, high }))
		}))
	})
};
