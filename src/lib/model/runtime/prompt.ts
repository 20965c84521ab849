import { InputError } from '../../tensor/errors.ts';
import type { ModelManifest } from '../manifest.ts';
import type { EncodedText, ImageTokens, PromptTurn } from '../families/definition.ts';
import { familyOf } from '../families/registry.ts';
import { questionIn } from '../text/prompts.ts';
import type { TextTokenizer } from '../text/text-tokenizer.ts';
import type { PositionKey } from './kv-cache.ts';
import { checkPlaces, visualPositions } from './media-runs.ts';
import type { AnswerRequest, ImageInput, Turn } from './types.ts';
import {
	editedRows,
	rowKey,
	type ProjectorChoice,
	type VisualRun,
	type VisualSource
} from './visual-rows.ts';

/** What of a request makes the prompt. */
export type PromptRequest = Omit<AnswerRequest, 'sampling'>;

/** A prompt ready for the language model. */
export interface EncodedRequest {
	/** −1 at every image token. */
	readonly ids: readonly number[];
	/** Upstream's training labels: the ids of answers given in the prompt, −100 elsewhere. */
	readonly labels: readonly number[];
	/** What each position is; equal keys at equal positions have equal cache entries. */
	readonly keys: readonly PositionKey[];
	/** The images, in the order of the prompt. */
	readonly runs: readonly VisualRun[];
}

/** Every image that a request needs, those of its edits included. */
export function imagesOf({ turns, edits = [] }: PromptRequest): ImageInput[] {
	const transplanted = edits.flatMap((edit) => (edit.kind === 'transplant' ? [edit.from.image] : []));
	return [...turns.flatMap((turn) => turn.images), ...transplanted];
}

/** What finds the projectors and images of a request. */
export interface Sources {
	choose(projector: string, tokens?: number): ProjectorChoice;
	/** @throws Error when the image must be measured first */
	source(image: ImageInput, choice: ProjectorChoice): VisualSource;
	/** Its views, as a prompt may name them. @throws Error when the image must be measured first */
	views(image: ImageInput): ImageTokens['views'];
}

/**
 * Encodes a conversation, or a raw prompt, as the model's family does.
 * @throws InputError when it is empty, when images and their places differ in number, or when it is longer than the
 * model's context, or when an edit names a visual token that is not there.
 */
export function encodeRequest(
	request: PromptRequest,
	visual: Sources,
	tokenizer: TextTokenizer,
	manifest: ModelManifest
): EncodedRequest {
	const { turns, raw_prompt, edits = [] } = request;
	const { prompt: format } = familyOf(manifest);
	const choice = visual.choose(request.projector, request.tokens);
	if (raw_prompt === undefined && !turns.at(-1)?.question.trim())
		throw new InputError('The question is empty; type one and ask again.');
	const marked =
		raw_prompt === undefined &&
		(request.pictures_within ? turns.slice(0, -1) : turns).find(({ question }) =>
			question.includes(format.placeholder)
		);
	if (marked)
		throw new InputError(
			`The question has ${format.placeholder} in it, which stands for an image in a whole prompt; images are put before a question by themselves: leave it out.`
		);
	if (request.system?.trim() === '')
		throw new InputError('The system message is empty; write one, or leave it out.');
	if (raw_prompt?.trim() === '') throw new InputError('The prompt is empty; type one and ask again.');
	const images = turns.flatMap((turn) => turn.images);
	const question =
		raw_prompt !== undefined && request.own_template && !format.asUpstream
			? questionIn(raw_prompt)
			: undefined;
	const asked =
		question === undefined
			? turns.map(promptTurn)
			: [{ question, imageCount: images.length - placesIn(question, format.placeholder) }];
	const last = asked.at(-1);
	const placed =
		request.pictures_within && last
			? [
					...asked.slice(0, -1),
					{ ...last, imageCount: last.imageCount - placesIn(last.question, format.placeholder) }
				]
			: asked;
	const written =
		raw_prompt === undefined || question !== undefined
			? format.conversation(placed, manifest.prompt, request.system)
			: { text: raw_prompt };
	const prompt = { ...written, text: written.text + (request.answer_begins ?? '') };
	checkPlaces(prompt.text, format.placeholder, images.length);
	const sources = images.map((image) => visual.source(image, choice));
	const encoded = format.encode(
		prompt,
		tokenizer,
		images.map((image, i) => ({
			perView: sources[i]!.perView,
			views: visual.views(image),
			positions: sources[i]!.layout.length
		})),
		manifest.prompt
	);
	const places = visualPositions(
		encoded.input_ids,
		sources.map(({ layout }) => layout.length),
		{ apart: format.imagesApart ?? false }
	);
	if (edits.length > 0 && places.length === 0)
		throw new InputError('Visual tokens are to be edited, but the prompt has no image; ask about an image.');
	const gone = new Set<number>();
	const edited = places.map((positions, i) => {
		const own = sources[i]!;
		const { rows, slots, deleted } = editedRows(
			own,
			i === images.length - 1 ? edits : [],
			({ image, projector, tokens }) => visual.source(image, visual.choose(projector, tokens))
		);
		for (const place of deleted) gone.add(positions[place]!);
		return { positions, own, rows, slots };
	});
	const { ids, labels, runs } = withoutDeleted(encoded, edited, gone);
	checkLength(ids, runs, manifest);
	const keys: PositionKey[] = [...ids];
	for (const { positions, rows } of runs) rows.forEach((row, i) => (keys[positions[i]!] = rowKey(row)));
	return { ids, labels, keys, runs };
}

const placesIn = (text: string, placeholder: string) => text.split(placeholder).length - 1;

const promptTurn = ({ question, images, answer, answer_ids }: Turn): PromptTurn => ({
	question,
	imageCount: images.length,
	imageNames: images.map(({ name }) => name),
	...(answer !== undefined && { answer }),
	...(answer_ids && { answerIds: answer_ids })
});

/** Takes the positions of deleted tokens out. */
function withoutDeleted(
	{ input_ids, labels }: EncodedText,
	runs: readonly VisualRun[],
	gone: ReadonlySet<number>
): {
	readonly ids: readonly number[];
	readonly labels: readonly number[];
	readonly runs: readonly VisualRun[];
} {
	if (gone.size === 0) return { ids: input_ids, labels, runs };
	const kept = input_ids.map((_, position) => position).filter((position) => !gone.has(position));
	const placeOf = new Map(kept.map((position, i) => [position, i]));
	return {
		ids: kept.map((at) => input_ids[at]!),
		labels: kept.map((at) => labels[at]!),
		runs: runs.map((run) => ({
			...run,
			positions: run.positions.flatMap((position) => placeOf.get(position) ?? [])
		}))
	};
}

/** The answer needs at least one position. */
function checkLength(ids: readonly number[], runs: readonly VisualRun[], manifest: ModelManifest): void {
	const context = manifest.config.text_config.max_position_embeddings;
	if (ids.length < context) return;
	const visual = runs.reduce((sum, { own }) => sum + own.layout.length, 0);
	const images = runs.length;
	const share = images ? `, ${visual} of them for ${images} image${images === 1 ? '' : 's'}` : '';
	throw new InputError(
		`The prompt takes ${ids.length} tokens${share}, and the model's context of ${context} must also hold the answer; shorten the question${images ? ', use fewer visual tokens' : ''} or begin a new conversation.`
	);
}
