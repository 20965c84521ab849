import { published } from '$lib/benchmarks/published.ts';
import type { TemplateName } from '$lib/model/text/prompts.ts';

/** How one data set of the fine-tuning mixture becomes conversations. */
export interface RecipeSet {
	/** Upstream's name. */
	readonly name: string;
	readonly title: string;
	/** The task it teaches, as the paper groups them. */
	readonly task:
		| 'captioning'
		| 'open VQA'
		| 'multiple choice'
		| 'referring expressions'
		| 'visual instructions'
		| 'text instructions';
	/** Template of its own; absent for captions and free-form conversations. */
	readonly template?: TemplateName;
	/** Question–answer pairs of one image joined in one conversation, at most. */
	readonly turns: number;
	/** Pairs of one image with the same answer collapse to one, drawn anew each time. */
	readonly deduplicated: boolean;
	/** Share of the samples, before normalisation. */
	readonly weight: number;
}

const weights = published.finetuning_mixture;

const set = (
	name: string,
	title: string,
	task: RecipeSet['task'],
	template?: TemplateName,
	{ turns = 1, deduplicated = false }: { readonly turns?: number; readonly deduplicated?: boolean } = {}
): RecipeSet => ({
	...{ name, title, task, turns, deduplicated, weight: weights[name] ?? 0 },
	...(template && { template })
});

/** The thirteen sets of upstream's fine-tuning, in the order of its configuration. */
export const recipeSets: readonly RecipeSet[] = [
	set('coyo100m', 'COYO-100M', 'captioning'),
	set('vqa', 'VQA v2', 'open VQA', 'vqa', { turns: 10 }),
	set('gqa', 'GQA', 'open VQA', 'gqa', { turns: 10, deduplicated: true }),
	set('ocrvqa', 'OCR-VQA', 'open VQA', 'ocrvqa', { turns: 10 }),
	set('vsr', 'VSR', 'open VQA', 'vsr'),
	set('sqa', 'ScienceQA', 'multiple choice', 'sqa'),
	set('aokvqa', 'A-OKVQA', 'multiple choice', 'aokvqa'),
	set('refcoco', 'RefCOCO', 'referring expressions', 'refcoco'),
	set('refcoco+', 'RefCOCO+', 'referring expressions', 'refcocop'),
	set('refcocog', 'RefCOCOg', 'referring expressions', 'refcocog'),
	set('vgloc', 'Visual Genome regions', 'referring expressions', 'vgloc'),
	set('llava150k', 'LLaVA-150K', 'visual instructions'),
	set('vicuna40k', 'Vicuna-40K', 'text instructions')
];

/** One template for each task, where every set of it would have its own. */
export const taskTemplate: Readonly<Partial<Record<RecipeSet['task'], TemplateName>>> = {
	'open VQA': 'vqa',
	'multiple choice': 'aokvqa',
	'referring expressions': 'loc'
};

/** Upstream's fine-tuning: samples of a step, and steps. */
export const training = { batch: 128, steps: 4000, longSteps: 10_000 } as const;

export interface Share {
	readonly set: RecipeSet;
	readonly weight: number;
	/** Of all draws, 0 to 1. */
	readonly share: number;
	/** Samples drawn in the whole training. */
	readonly samples: number;
}

/** What a choice of weights means: every sample draws a set by weight. @param weights by name; the recipe's own where absent */
export function shares(weights: Readonly<Record<string, number>>, steps: number): Share[] {
	const weightOf = (each: RecipeSet) => Math.max(0, weights[each.name] ?? each.weight);
	const sum = recipeSets.reduce((total, each) => total + weightOf(each), 0);
	return recipeSets.map((each) => {
		const weight = weightOf(each);
		const share = sum > 0 ? weight / sum : 0;
		return { set: each, weight, share, samples: share * steps * training.batch };
	});
}

/** Number of equally weighted sets that would be as varied: 2 to the entropy of the shares. */
export function effectiveSets(of: readonly Share[]): number {
	return 2 ** -of.reduce((sum, { share }) => sum + (share > 0 ? share * Math.log2(share) : 0), 0);
}
