import type { GateRow } from '../analysis/stages.ts';
import { quantiles } from '../analysis/statistics.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { link } from './interaction.ts';
import { inkOf, okabeIto } from './palette.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, round, text } from './svg.ts';

export interface GateRows {
	/** In the order of the network. */
	readonly blocks: readonly GateRow[];
}

const HEIGHT = 44;
const GAP = 22;

export const channelGatesFigure: Figure<GateRows> = {
	id: 'channel-gates',
	title: 'What the squeeze-and-excite gates let through',
	readingAid:
		'Each bar is a channel of a block, sorted by its gate: full height passes the channel on as it is, an empty place shuts it off for the whole image. The dashed line is the block’s median, with its value.',
	method:
		'A squeeze-and-excite unit multiplies each channel by a number between 0 and 1 that it works out from the mean over the whole image; the gate is the one factor that leads from the unit’s input to its output.',
	draw({ blocks }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const left = 74;
		const right = options.width - 34;
		const shown = blocks.map(({ name, gates }, i) => {
			const sorted = Float32Array.from(gates.filter((gate) => !Number.isNaN(gate)))
				.sort()
				.reverse();
			const [q25 = NaN, q50 = NaN, q75 = NaN] = sorted.length > 0 ? quantiles(sorted, [0.25, 0.5, 0.75]) : [];
			return { name, sorted, q25, q50, q75, channels: gates.length, top: 8 + i * (HEIGHT + GAP) };
		});
		const end = { 'font-size': 11, fill: ink.soft, 'text-anchor': 'end' };
		const parts = shown.flatMap(({ name, sorted, q50, top }) => {
			const base = top + HEIGHT;
			const step = (right - left) / Math.max(1, sorted.length);
			const bars = Array.from(sorted, (gate, c) => {
				const [x, w] = [left + c * step, Math.max(0.4, step * 0.8)];
				const h = Math.min(1, Math.max(0, gate)) * HEIGHT;
				return `M${round(x)} ${base}v${round(-h)}h${round(w)}v${round(h)}z`;
			}).join('');
			const line = base - q50 * HEIGHT;
			return [
				text(pen, 0, base - HEIGHT / 2 + 4, name),
				text(pen, left - 6, top + 4, '1', end),
				text(pen, left - 6, base + 4, '0', end),
				pen('path', { d: `M${left} ${top}H${right}M${left} ${base}H${right}`, stroke: ink.line }),
				pen('path', { d: bars, fill: okabeIto.orange, class: 'bars' }),
				...(Number.isNaN(q50)
					? []
					: [
							pen('path', {
								d: `M${left} ${round(line)}H${right}`,
								stroke: ink.ink,
								'stroke-dasharray': '3 3'
							}),
							text(pen, right + 4, line + 4, number(q50), { 'font-size': 11, fill: ink.soft })
						])
			];
		});
		const height = 8 + shown.length * (HEIGHT + GAP);
		const note = readout(pen, ink, 0, height + 8);
		const svg = root(pen, options, height + LINE, channelGatesFigure.title, [...parts, note.element]);
		link(svg, options, {
			at(_, y) {
				const row = shown.findIndex(({ top }) => y >= top && y <= top + HEIGHT);
				return row < 0 ? undefined : { row };
			},
			show({ row }) {
				const block = row === undefined ? undefined : shown[row];
				note.write(
					block
						? `${block.name}: median gate ${number(block.q50)}, half of them from ${number(block.q25)} to ${number(block.q75)}, ${block.channels} channels.`
						: ''
				);
			},
			move(key, { row = -1, ...rest }) {
				const step = { ArrowDown: 1, ArrowUp: -1 }[key];
				if (step === undefined) return undefined;
				return { ...rest, row: Math.min(shown.length - 1, Math.max(0, row + step)) };
			}
		});
		return svg;
	},
	table: ({ blocks }) => ({
		columns: ['block', 'channel', 'gate'],
		rows: blocks.flatMap(({ name, gates }) =>
			Array.from(gates, (gate, channel) => [name, channel, exact(gate)])
		)
	})
};
