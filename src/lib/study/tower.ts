import { attentionOf, uniformDistance } from '../analysis/tower-attention.ts';
import { meanInterval } from '../analysis/statistics.ts';
import { towerOf } from '../model/vision/towers.ts';
import type { TowerAttention } from '../model/runtime/types.ts';
import { InputError } from '../tensor/errors.ts';
import type { Choices } from './choices.ts';
import type { Control } from './control.ts';
import { required, type FigureStudy, type Work } from './figure-study.ts';
import { recordedSet, setOfOne, viewsPhrase, type ImageSet } from './image-set.ts';
import { pictureOf, pictureWords, subjectIn, type Subject } from './subject.ts';
import { middleToken } from './tokens.ts';

/** Attention of one layer of the vision tower, whole. */
export interface MeasuredTower {
	readonly subject: Subject;
	/** Layers that the tower computes. */
	readonly layers: number;
	readonly layer: number;
	readonly attention: TowerAttention;
}

/** Why a model's tower cannot be looked into, a sentence. */
const obstacle = ({ subject }: Pick<Work, 'subject'>): string | undefined =>
	subject && towerOf(subject.manifest.config.vision_config).anySize
		? 'The vision tower of this model takes pictures of any size; its attention cannot be read here.'
		: undefined;

/** One view of an image as the tower sees it; the projector has no part in it. */
const seen = ({ request: { image, view } }: Pick<Subject, 'request'>) => ({
	image,
	...(view !== undefined && { view })
});

const provenanceOf = ({ manifest, backend }: Pick<Subject, 'manifest' | 'backend'>, images: string) =>
	`${manifest.name} · vision tower · ${images} · ${manifest.dtype} on ${backend.backend}`;

/** @throws as `Answerer.towerAttention`; InputError for a layer that the tower does not compute */
export async function measureTower(
	work: Pick<Work, 'answerer' | 'subject'>,
	{ towerLayer }: Pick<Choices, 'towerLayer'>,
	control: Control
): Promise<MeasuredTower> {
	const subject = required(work.subject, 'image');
	const answerer = required(work.answerer, 'model');
	const layers = subject.manifest.projectors[subject.projector]!.feature_layers.reduce(
		(most, layer) => Math.max(most, layer),
		1
	);
	const layer = towerLayer ?? layers - 1;
	if (layer >= layers)
		throw new InputError(`There is no layer ${layer} below the features; there are 0 to ${layers - 1}.`);
	const attention = await answerer.towerAttention(
		{ ...seen(subject), layers: [layer], whole: true },
		control
	);
	return { subject, layers, layer, attention };
}

export const towerAttentionStudy = {
	page: 'anatomy',
	needs: ['model', 'image'],
	choices: ['towerLayer', 'query'],
	obstacle,
	measure: measureTower,
	show: ({ subject, layer, attention }, { query: asked }) => {
		const { classTokens, patches, distance, toClass, attention: weights } = attention;
		const heads = distance.length;
		const side = Math.sqrt(patches);
		if (asked === 'class' && classTokens === 0)
			throw new InputError('This vision tower has no class token; choose a patch as query.');
		const query = asked === 'class' ? undefined : (asked ?? middleToken(patches));
		if (query !== undefined && query >= patches)
			throw new InputError(`There is no patch ${query}; there are patches 0 to ${patches - 1}.`);
		return {
			rows: {
				layer,
				heads: Array.from({ length: heads }, (_, head) => ({
					distance: distance[head]!,
					...(classTokens > 0 && { toClass: toClass[head]! })
				})),
				maps: attentionOf(weights.data, { heads, classTokens, side }, query),
				...(query !== undefined && { query }),
				image: pictureOf(subject)
			},
			provenance: provenanceOf(subject, pictureWords(subject)),
			method: `layer ${layer} of the vision tower, query ${query === undefined ? 'the class token' : `patch ${query}`}`
		};
	}
} satisfies FigureStudy<MeasuredTower>;

/** Mean attention distance of every head over the images of a set. */
export interface MeasuredDistances {
	readonly subject: Subject;
	/** The set is this image, in this view. */
	readonly alone: boolean;
	readonly set: ImageSet;
	/** One each, layers all alike. */
	readonly images: readonly TowerAttention[];
}

/** @throws as `Answerer.towerAttention` */
export async function measureDistances(work: Work, control: Control): Promise<MeasuredDistances> {
	const subject = required(work.subject, 'image');
	const answerer = required(work.answerer, 'model');
	const set = work.set ?? setOfOne(subject.image);
	const images: TowerAttention[] = [];
	// A tile is one of its own picture: of several pictures it is the whole of each.
	const [only] = set.images;
	const alone = set.images.length === 1 && only?.id === subject.image.id;
	const subjects = set.images.map((image) =>
		alone ? subject : subjectIn(subject, image, subject.projector, subject.tokens)!
	);
	for (const [done, of] of subjects.entries()) {
		control.onProgress?.({ done, total: set.images.length });
		images.push(await answerer.towerAttention(seen(of), { signal: control.signal }));
	}
	control.onProgress?.({ done: images.length, total: images.length });
	return { subject, alone, set, images };
}

export const attentionDistanceStudy = {
	page: 'anatomy',
	needs: ['model', 'image', 'images'],
	choices: [],
	obstacle,
	measure: (work, _choices, control) => measureDistances(work, control),
	show: ({ subject, alone, set, images }) => {
		const { layers, patches, distance } = images[0]!;
		const heads = distance.length / layers.length;
		const side = Math.sqrt(patches);
		return {
			rows: {
				...{ side, heads, images: images.length, uniform: uniformDistance(side) },
				points: layers.flatMap((layer, l) =>
					Array.from({ length: heads }, (_, head) => {
						const at = l * heads + head;
						const { value, low, high } = meanInterval(
							images.map((image) => image.distance[at]!),
							[0, Infinity]
						);
						const toClass = meanInterval(images.map((image) => image.toClass[at]!)).value;
						return { layer, head, value, ...(images.length > 1 && { low, high }), toClass };
					})
				)
			},
			provenance: provenanceOf(subject, viewsPhrase(set, subject.manifest, alone ? subject : undefined)),
			set: recordedSet(set)
		};
	}
} satisfies FigureStudy<MeasuredDistances>;
