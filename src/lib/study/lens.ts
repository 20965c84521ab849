import type { LensGrid } from '../model/runtime/types.ts';
import { answerProvenance, GENERAL_QUESTION, promptOf, type GivenAnswer } from './answer.ts';
import type { Control } from './control.ts';
import { required, type FigureStudy } from './figure-study.ts';
import type { Subject } from './subject.ts';

/** The nearest words of each visual token, layer by layer. */
export interface MeasuredLens extends Pick<GivenAnswer, 'subject' | 'turns'> {
	readonly grid: LensGrid;
}

/** Of the tokens of all views, those of the view that is looked at. */
function tokensOfView<T>(
	tokens: readonly T[],
	{ view, views }: Pick<Subject, 'view' | 'views'>
): readonly T[] {
	const own = tokens.length / views.length;
	return Number.isInteger(own) ? tokens.slice(view * own, (view + 1) * own) : tokens;
}

export const logitLensStudy = {
	page: 'answer',
	needs: ['model', 'image', 'question'],
	choices: ['lens'],
	measure: async (work, _choices, control: Control) => {
		const subject = required(work.subject, 'image');
		const turns = [{ question: work.question ?? GENERAL_QUESTION, images: [subject.request.image] }];
		const grid = await required(work.answerer, 'model').lens(promptOf({ subject, turns }), control);
		return { subject, turns, grid };
	},
	counts: ({ grid }) => ({ lens: grid.length }),
	show: ({ subject, turns, grid }, { lens }) => {
		const last = grid.length - 1;
		const layer = Math.min(lens ?? last, last);
		return {
			rows: {
				layer,
				tokens: tokensOfView(grid[layer]!, subject).map((cell) => ({
					...cell,
					words: cell.words.map((word) => word.trim())
				})),
				vocabulary: subject.manifest.config.text_config.vocab_size
			},
			provenance: answerProvenance({ subject, turns })
		};
	}
} satisfies FigureStudy<MeasuredLens>;
