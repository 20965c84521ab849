import { coverage } from '../analysis/locality.ts';
import type { PictureCell, PictureValues } from '../analysis/picture-cells.ts';
import { patchGrid } from '../model/patch-grid.ts';
import { patchPlace, placesOf } from '../model/places.ts';
import { InputError } from '../tensor/errors.ts';
import { giveAnswer, probeOf, questionPhrase } from './answer.ts';
import { required, type FigureStudy, type Work } from './figure-study.ts';
import {
	countsOf,
	influencePhrase,
	requireWords,
	shownWord,
	wordInfluence,
	type MeasuredInfluence
} from './influence.ts';
import { mapRows, measureMap, methodPhrase, type MeasuredMap } from './locality.ts';
import { pictureOf, provenanceOf, subjectIn, type Subject } from './subject.ts';
import { sizeOf, tokensInPrompt, viewTitle } from './views.ts';

/** Rows of the figures that lay all views on the picture. */
export interface PictureRows extends PictureValues {
	readonly image: ReturnType<typeof pictureOf>;
}

/** Why there is nothing to put together: a picture of one view, or tokens without places. */
export function nothingTogether({
	subject
}: {
	readonly subject?: Pick<Subject, 'views' | 'entry'> | undefined;
}): string | undefined {
	if (subject && subject.views.length < 2)
		return 'This model sees this picture in one view, which the other figures show.';
	return undefined;
}

/** Whether its visual tokens can be laid on the picture. */
export const hasPlaces = ({ manifest, entry, tokens, image }: Subject): boolean =>
	placesOf(manifest, entry, tokens, sizeOf(image)) !== undefined;

function withoutPlaces(work: Pick<Work, 'subject'>): string | undefined {
	const { subject } = work;
	const problem = nothingTogether(work);
	if (problem !== undefined || !subject || hasPlaces(subject)) return problem;
	return `The ${subject.entry.title}’s visual tokens have no places of their own, so that they cannot be laid on the picture.`;
}

/** Values of all views on the original picture: the tiles on one copy, the view of the whole on another. */
function onPicture(
	{ image, views }: Pick<Subject, 'image' | 'views'>,
	/** Of each view in turn. */
	cells: readonly (readonly PictureCell[])[]
): Pick<PictureRows, 'layers' | 'image' | 'size'> {
	const size = sizeOf(image);
	const of = (tiles: boolean) =>
		cells.filter((_, view) => (views[view]!.tile !== undefined) === tiles).flat();
	const tiles = views.filter(({ tile }) => tile).length;
	return {
		size,
		image: { href: image.url, name: image.name, aspect: size.width / size.height },
		layers: [
			{ title: `${tiles} tiles together`, cells: of(true) },
			{ title: 'View of the whole picture', cells: of(false) }
		].filter((layer) => layer.cells.length > 0)
	};
}

/** Influence of the visual tokens of all views. @param of as measured for the answer page */
export const influenceTogetherStudy: FigureStudy<
	Pick<MeasuredInfluence, 'answer' | 'influence' | 'all'>,
	PictureRows
> = {
	page: 'answer',
	needs: ['model', 'image', 'question'],
	choices: ['influence', 'layer', 'head', 'word'],
	counts: countsOf,
	obstacle: withoutPlaces,
	measure: async (work, { influence: method }, control) => {
		const obstacle = withoutPlaces(work);
		if (obstacle !== undefined) throw new InputError(obstacle);
		const answer = requireWords(await giveAnswer(work, control));
		const influence = await required(work.answerer, 'model').influence(
			{ ...probeOf(answer), method },
			control
		);
		return { answer, influence, all: influence.values };
	},
	show: (of, choices) => {
		const { words, subject } = of.answer;
		const { manifest, entry, tokens, image, views } = subject;
		const { values, label, unit, signed } = wordInfluence(of, of.all, choices);
		const word = shownWord(choices, words);
		const perView = values.length / words.length / views.length;
		const places = placesOf(manifest, entry, tokens, sizeOf(image));
		if (places?.length !== perView * views.length)
			throw new Error(`${perView} influences for each view do not fit the projector’s M = ${tokens}.`);
		const asked = new Set(tokensInPrompt(manifest, image, tokens));
		const own = values.subarray(word * places.length, (word + 1) * places.length);
		const cells = views.map((): PictureCell[] => []);
		places.forEach(({ view, regions }, i) => {
			if (!asked.has(i)) return;
			cells[view]!.push({
				name: `${viewTitle(views[view]!)}, token ${i % perView}`,
				regions,
				value: own[i]!
			});
		});
		return {
			rows: {
				...onPicture(subject, cells),
				...{ label: `${label} of “${words[word]?.word ?? ''}”`, unit, signed, sums: true }
			},
			provenance: `${wholeProvenance(subject)} · ${questionPhrase(of.answer.turns)}`,
			method: influencePhrase(of, choices)
		};
	}
};

/** Every view's map. */
export interface MeasuredViews {
	readonly subject: Subject;
	/** In the order of the views. */
	readonly maps: readonly MeasuredMap[];
}

/** How much the visual tokens cover each patch of each view. Takes a measurement for each view. */
export const coverageTogetherStudy: FigureStudy<MeasuredViews, PictureRows> = {
	page: 'locality',
	needs: ['model', 'image'],
	choices: ['method', 'directions', 'layer', 'head'],
	slow: true,
	obstacle: nothingTogether,
	async measure(work: Work, choices, control) {
		const obstacle = nothingTogether(work);
		if (obstacle !== undefined) throw new InputError(obstacle);
		const subject = required(work.subject, 'image');
		const { signal } = control;
		const maps: MeasuredMap[] = [];
		for (const view of subject.views.keys()) {
			signal?.throwIfAborted();
			control.onProgress?.({ done: view, total: subject.views.length });
			const one = subjectIn(subject, subject.image, subject.projector, subject.tokens, view)!;
			maps.push(await measureMap({ ...work, subject: one }, choices, signal ? { signal } : {}));
		}
		return { subject, maps };
	},
	show: ({ subject, maps }, choices) => {
		const size = sizeOf(subject.image);
		const cells = maps.map((measured, v) => {
			const { map, weighting } = mapRows(measured, choices);
			const { cover } = coverage(map, weighting);
			const view = subject.views[v]!;
			const grid = patchGrid(subject.manifest.config.vision_config, view);
			return Array.from(cover, (value, patch) => {
				const region = patchPlace(view.region, grid, patch, size);
				return { name: `${viewTitle(view)}, patch ${patch}`, regions: region ? [region] : [], value };
			});
		});
		const { entry } = subject;
		const { measurement } = maps[0]!;
		return {
			rows: {
				...onPicture(subject, cells),
				...{ label: 'Cover', unit: 'tokens', signed: false, sums: false }
			},
			provenance: wholeProvenance(subject),
			method: methodPhrase(entry, measurement, choices.layer ?? 'rollout', choices.head ?? 'mean')
		};
	}
};

/** Where the numbers come from, of all views. */
const wholeProvenance = (subject: Subject) =>
	`${provenanceOf(subject, subject.image.name)}, all ${subject.views.length} views`;
