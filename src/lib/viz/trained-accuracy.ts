import type { BreakdownRows } from '../analysis/score-rows.ts';
import type { Figure } from './figure.ts';
import { breakdownOf } from './score-breakdown.ts';

/** Projectors, or variants of the recipe, that were trained alike: accuracy by task. */
export const trainedAccuracy: Figure<BreakdownRows> = breakdownOf({
	id: 'trained-accuracy',
	title: 'What was learned, by task',
	readingAid:
		'One row for each task, one dot for each projector or variant with its 95 % interval over seeds and scenes; the short strokes are the seeds’ own values.',
	method:
		'Held-out scenes, greedy, an answer counting as right when it is exactly the truth. Every seed is a training of its own; with two or three of them an interval is still optimistic about others.'
});
