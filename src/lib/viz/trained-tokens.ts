import type { TrainedTokensRows } from '../analysis/training-rows.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { projectorTitle } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { drawSeries, type ThinLine } from './series-chart.ts';

/** A line for each seed of a projector that was trained at more than one M. */
function seedLines({ points }: TrainedTokensRows): readonly ThinLine[] {
	const byProjector = Map.groupBy(points, ({ projector }) => projector);
	return [...byProjector].flatMap(([projector, own]) => {
		const all = own
			.flatMap(({ tokens, seeds }) => seeds.map(({ seed, value }) => ({ seed, x: tokens, y: value })))
			.sort((a, b) => a.x - b.x);
		const lines = [...Map.groupBy(all, ({ seed }) => seed).values()];
		// Of one seed alone the mean is its line.
		return lines.length < 2
			? []
			: lines.filter((line) => line.length > 1).map((line) => ({ projector, points: line }));
	});
}

export const trainedTokens: Figure<TrainedTokensRows> = {
	id: 'trained-tokens',
	title: 'What was learned, by the number of visual tokens',
	readingAid:
		'Each point is the mean of trainings at one M with its 95 % interval over seeds and scenes; a thin line for each seed. The axis is even in √M, the side of the token grid.',
	method:
		'Every seed at every M is a training of its own, projector and language model: nothing here is one model asked for another M. Held-out scenes, greedy, an answer counting as right when it is exactly the truth. With two or three seeds an interval is still optimistic about others.',
	draw(rows, options) {
		const { points, score, projectors } = rows;
		return drawSeries(
			{
				title: trainedTokens.title,
				points: points.map(({ projector, tokens, value, low, high, answers, seeds }) => ({
					...{ series: projector, projector, origin: 'measured', x: tokens, y: value, low, high, n: answers },
					words: `${projectorTitle(projector, options.projectors)}, M = ${tokens}: ${number(value)} % (${number(low)} to ${number(high)}), ${seeds.length === 1 ? `seed ${seeds[0]!.seed} alone` : `seeds ${seeds.map((one) => number(one.value)).join(', ')}`}.`
				})),
				x: { label: 'M, visual tokens', type: 'sqrt', ticks: points.map(({ tokens }) => tokens) },
				y: { label: score, most: 100 },
				...{ projectors, thin: seedLines(rows) }
			},
			options
		);
	},
	table: ({ points, score }) => ({
		columns: ['projector', 'M', 'seed', score, 'low', 'high', 'answers'],
		rows: points.flatMap(({ projector, tokens, value, low, high, answers, seeds }) => [
			[projector, tokens, 'mean', exact(value), exact(low), exact(high), answers],
			...seeds.map((one) => [projector, tokens, one.seed, exact(one.value), NaN, NaN, NaN])
		])
	}),
	paper: ({ points, score }, styles) =>
		pivoted(
			['Projector'],
			[...points]
				.sort((a, b) => a.tokens - b.tokens)
				.map(({ projector, tokens, value, low, high }) => ({
					names: [projectorTitle(projector, styles)],
					column: `${score}, M = ${tokens}`,
					cell: { value, low, high }
				})),
			() => 'more'
		)
};
