import { familyOf } from '../../model/families/registry.ts';
import type { ModelManifest } from '../../model/manifest.ts';
import type { WordedQuestion } from '../../model/text/posed-question.ts';
import { InputError } from '../../tensor/errors.ts';
import type { Benchmark, Data } from '../benchmark.ts';

/** In whose words a model is asked: those that its own kind was published with, or Honeybee's. */
export const wordingChoices = ['own', 'honeybee'] as const;
export type WordingChoice = (typeof wordingChoices)[number];

/** What a run keeps of it. */
export interface RecordedWording {
	/** What people call the kind of model, e.g. "SmolVLM (Idefics3)". */
	readonly whose: string;
	/** Where the wording is published: file and commit. */
	readonly source: string;
}

/** Words of a kind of model for one benchmark. */
export interface RunWording {
	readonly recorded: RecordedWording;
	readonly ask: (data: Data, pictures: number) => WordedQuestion;
}

/**
 * The words that a model is asked in; undefined for Honeybee's, which every model without published words of its own is asked in.
 * @param choice its own where there are some, when absent
 * @throws InputError when its own are chosen and there are none
 */
export function wordingOf(
	benchmark: Pick<Benchmark, 'title' | 'posed'>,
	manifest: Pick<ModelManifest, 'family' | 'name'>,
	choice?: WordingChoice
): RunWording | undefined {
	if (choice === 'honeybee') return undefined;
	const { title, wording } = familyOf(manifest);
	const { posed } = benchmark;
	const found = posed && wording?.(posed.set);
	if (posed && found)
		return {
			recorded: { whose: title, source: found.source },
			ask: (data, pictures) => found.ask(posed.question(data), pictures)
		};
	if (choice === undefined) return undefined;
	throw new InputError(
		`There is no published wording of ${benchmark.title} for ${title} (${manifest.name}); leave --wording out, and it is asked in Honeybee's words.`
	);
}

/** A sentence that tells in whose words a run was asked, where these are not Honeybee's. */
export const wordingNote = (wording: RecordedWording | undefined): string[] =>
	wording === undefined
		? []
		: [`Asked in the words published for ${wording.whose} (${wording.source}), not in Honeybee's.`];
