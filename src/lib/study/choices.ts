import { InputError } from '../tensor/errors.ts';
import { methods, standardMethod } from './measurement.ts';

/**
 * K where none is chosen: on the embedded model, means over the tokens are then within a hundredth of those of all directions; twice as many
 * cost twice the time. What is left of chance stands beside the numbers (`analysis/direction-spread.ts`).
 */
export const DIRECTIONS = 8;

/**
 * The same with one direction: K times sooner and with more of chance in it, to be shown until the whole is there. Undefined where
 * it would not be much sooner.
 */
export function firstLook<T extends { readonly directions: number }>(of: T): T | undefined {
	return of.directions > 2 ? { ...of, directions: 1 } : undefined;
}

/** A setting of a figure: `--name` on the command line, a parameter of the page's address. */
export interface Choice<T> {
	readonly standard: T;
	/** What it chooses and what stands for nothing chosen, a phrase. */
	readonly about: string;
	/** @throws InputError when the words are none of its values */
	read(name: string, word: string): T;
}

function oneOf<const T extends string>(of: readonly T[], standard: T, about: string): Choice<T> {
	return {
		standard,
		about: `${about}: ${of.join(', ')} (${standard})`,
		read(name, word) {
			const value = of.find((one) => one === word);
			if (value === undefined) throw new InputError(`${name} is "${word}"; it is one of ${of.join(', ')}.`);
			return value;
		}
	};
}

function whole<T extends number | undefined>(standard: T, about: string, low = 0): Choice<number | T> {
	return {
		standard,
		about,
		read(name, word) {
			const value = /^\d{1,9}$/.test(word) ? Number(word) : NaN;
			if (!(value >= low)) throw new InputError(`${name} is "${word}"; it is a whole number from ${low} on.`);
			return value;
		}
	};
}

function positive(about: string): Choice<number | undefined> {
	return {
		standard: undefined,
		about,
		read(name, word) {
			const value = /^\d{1,9}(\.\d{1,9})?$/.test(word) ? Number(word) : NaN;
			if (!(value > 0)) throw new InputError(`${name} is "${word}"; it is a number above 0.`);
			return value;
		}
	};
}

function words(about: string): Choice<string | undefined> {
	return { standard: undefined, about, read: (_name, word) => word };
}

/** All settings that figures take. What a figure takes of them stands in its study. */
export const choices = {
	token: whole(undefined, 'visual token that is shown (the one in the middle)'),
	word: whole(undefined, 'word of the answer that is shown, from 0 (the first)'),
	method: oneOf(methods, standardMethod, 'how maps are made'),
	directions: whole(
		DIRECTIONS,
		`random directions per visual token of a gradient, or per patch of a perturbation (${DIRECTIONS})`,
		1
	),
	layer: whole(
		undefined,
		'layer of the projector, or of the language model where the answer is looked at (all rolled out, their mean, or the first)'
	),
	head: whole(undefined, 'attention head (all)'),
	trend: oneOf(
		['inside', 'near', 'drift', 'spread', 'effectivePatches', 'accuracy'],
		'inside',
		'what is followed over a training'
	),
	group: words('runs of training that are compared: an M such as 36, or recipe (the M with most runs)'),
	task: words('task of the training runs, or mean (mean over tasks)'),
	colour: oneOf(
		['projector', 'place', 'picture', 'norm'],
		'projector',
		'what colours the points of the embedding'
	),
	axes: oneOf(['1-2', '1-3', '2-3'], '1-2', 'principal components that are drawn'),
	towerLayer: whole(undefined, 'layer of the vision tower, from 0 (the last below the features)'),
	query: {
		standard: undefined,
		about: 'patch of the vision tower that attends, or class (the patch in the middle)',
		read: (name: string, word: string): number | 'class' | undefined =>
			word === 'class' ? word : whole(undefined, '').read(name, word)
	} satisfies Choice<number | 'class' | undefined>,
	scale: oneOf(['own', 'common'], 'own', 'colour scales of the maps'),
	cover: oneOf(['cover', 'dominance', 'effectiveTokens'], 'cover', 'what patches are filled with'),
	only: oneOf(['one', 'all'], 'one', 'tokens whose samples are drawn'),
	stages: oneOf(['blocks', 'steps'], 'blocks', 'stages of the projector'),
	influence: oneOf(
		['attention', 'ablation', 'gradient'],
		'attention',
		'how influence on the answer is measured'
	),
	relevance: oneOf(['gradient', 'ablation'], 'gradient', 'how relevance to each word is measured'),
	lens: whole(undefined, 'layer of the logit lens (the last)'),
	edits: words('changes to visual tokens, e.g. mean.3.4-delete.1-swap.5.6'),
	difference: oneOf(['cover', 'token'], 'cover', 'what is compared of two maps'),
	source: whole(0, 'column whose answer is scored, from 0 (0)'),
	reference: oneOf(['before', 'first'], 'before', 'step that a step of the sweep is compared with'),
	measure: oneOf(
		['accuracy', 'logProbability', 'moved', 'stayed'],
		'moved',
		'number that is drawn along the sweep'
	),
	level: whole(0, 'depth of the categories, from 0 (0)'),
	stage: oneOf(
		['vision', 'projector', 'prefill', 'decode_per_token', 'whole'],
		'prefill',
		'stage whose time is drawn'
	),
	along: oneOf(
		['tokens', 'positions', 'layers', 'width'],
		'tokens',
		'what time grows along: M, positions of the prompt, layers or width of what the stage runs through'
	),
	bandwidth: positive('memory bandwidth of the machine, 10⁹ bytes a second (measured)'),
	arithmetic: positive('arithmetic of the machine, 10⁹ floating-point operations a second (measured)'),
	quantity: oneOf(
		['vision', 'projector', 'prefill', 'decode_per_token', 'whole', 'memory'],
		'projector',
		'cost that is drawn'
	)
} as const satisfies Record<string, Choice<unknown>>;

export type ChoiceName = keyof typeof choices;

/** A value for every setting. */
export type Choices = { readonly [Name in ChoiceName]: ReturnType<(typeof choices)[Name]['read']> };

/** Settings as they are when nothing is chosen. */
export const standardChoices = Object.fromEntries(
	Object.entries(choices).map(([name, { standard }]) => [name, standard])
) as unknown as Choices;
