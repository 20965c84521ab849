import type { LocalityAccuracyRows } from '../analysis/training-rows.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { projectorTitle } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { drawSeries } from './series-chart.ts';

export const localityAccuracy: Figure<LocalityAccuracyRows> = {
	id: 'locality-accuracy',
	title: 'Does locality go with accuracy?',
	readingAid:
		'Each point is one run of training, named by its M where they differ; points of one projector share a colour.',
	method:
		'Locality of the trained projector: energy of each visual token’s Jacobian by the features of each patch, means over tokens and held-out scenes; a resampler’s tokens get the homes that suit them best. Accuracy on other held-out scenes. Runs of one projector resemble each other: with few projectors a rank correlation mostly compares these, and another difference between them may be the cause. Nothing was made more or less local with all else kept.',
	draw({ points, measure, score, projectors }, options) {
		const several = new Set(points.map(({ tokens }) => tokens)).size > 1;
		return drawSeries(
			{
				title: localityAccuracy.title,
				points: points.map(({ projector, tokens, seed, locality, accuracy }) => ({
					...{ series: projector, projector, origin: 'measured', x: locality, y: accuracy },
					...(several && { label: `${tokens}` }),
					words: `${projectorTitle(projector, options.projectors)}, M = ${tokens}, seed ${seed}: ${measure} ${number(locality)}, accuracy ${number(accuracy)} %.`
				})),
				x: { label: measure, type: 'linear' },
				y: { label: score, most: 100 },
				...{ projectors, joined: false, apart: false }
			},
			options
		);
	},
	table: ({ points, measure, score }) => ({
		columns: ['run', 'projector', 'M', 'seed', measure, score],
		rows: points.map(({ run, projector, tokens, seed, locality, accuracy }) => [
			...[run, projector, tokens, seed, exact(locality), exact(accuracy)]
		])
	}),
	paper: ({ points, measure, score }, styles) =>
		pivoted(
			['Projector', 'M', 'Seed'],
			points.flatMap(({ projector, tokens, seed, locality, accuracy }) =>
				[
					{ column: measure, cell: { value: locality } },
					{ column: score, cell: { value: accuracy } }
				].map((entry) => ({ names: [projectorTitle(projector, styles), tokens, seed], ...entry }))
			)
		)
};
