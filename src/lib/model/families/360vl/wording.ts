import type { Wording } from '../../text/posed-question.ts';
import { llavaQuestion, withoutYesNo } from '../llava-wording.ts';

const COMMIT = '360CVGroup/360VL at ad6a11c';

/** As LLaVA's, but yes or no is asked for by these words. MMMU's come from a file that is not published. */
export const wording: Wording = (set) =>
	set === 'MMMU'
		? undefined
		: {
				source: `${COMMIT}, docs/Evaluation.md, qh360_vl/eval/model_vqa_mme_llama3.py, …_pope_llama3.py and …_mmbench_llama3.py`,
				ask: (question) => ({
					text:
						question.kind === 'yes-no'
							? `${withoutYesNo(question.text)} Please answer yes or no.`
							: llavaQuestion(question)
				})
			};
