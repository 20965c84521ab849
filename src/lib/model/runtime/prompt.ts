import { InputError } from '../../tensor/errors.ts';
import type { ModelManifest } from '../manifest.ts';
import { formatConversation } from '../text/prompts.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { PositionKey } from './kv-cache.ts';
import { mediaRuns } from './media-runs.ts';
import type { AnswerRequest, Turn } from './types.ts';
import type { ProjectorChoice } from './visual.ts';
import { editedRows, rowKey, type VisualRun } from './visual-rows.ts';

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

/**
 * Encodes a conversation, or a raw prompt, as upstream does.
 * @throws InputError when it is empty, when images and their places differ in number, or when it is longer than the
 * model's context, or when an edit names a visual token that is not there.
 */
export function encodeRequest(
	request: PromptRequest,
	choose: (projector: string, tokens?: number) => ProjectorChoice,
	tokenizer: Tokenizer,
	manifest: ModelManifest
): EncodedRequest {
	const { turns, raw_prompt, edits = [] } = request;
	const choice = choose(request.projector, request.tokens);
	const last = turns.at(-1);
	if (raw_prompt === undefined && !last?.question.trim())
		throw new InputError('The question is empty; type one and ask again.');
	if (raw_prompt?.trim() === '') throw new InputError('The prompt is empty; type one and ask again.');
	const images = turns.flatMap((turn) => turn.images);
	// A question that writes the role itself would shift which answer the ids belong to.
	const useIds = raw_prompt === undefined && !turns.some((turn) => turn.question.includes('\nAI: '));
	const idsOf = (turn: Turn) => (useIds && turn.answer_ids?.length ? turn.answer_ids : undefined);
	const prompt =
		raw_prompt ??
		formatConversation(
			manifest.prompt.template,
			turns.map((turn) => ({
				question: turn.question,
				imageCount: turn.images.length,
				// Ids stand in for the text, whatever literals the model wrote into it.
				...(turn !== last && { answer: idsOf(turn) ? ANSWERED : (turn.answer ?? '') })
			}))
		);
	const answered = turns.filter((turn) => turn !== last && (idsOf(turn) || turn.answer));
	const { input_ids: ids, labels } = tokenizer.encodePrompt(prompt, {
		tokensPerImage: choice.perImage,
		...(useIds && { answerIds: answered.map(idsOf) })
	});
	const media = mediaRuns(ids, images.length, choice.perImage);
	if (edits.length > 0 && media.length === 0)
		throw new InputError('Visual tokens are to be edited, but the prompt has no image; ask about an image.');
	const runs = media.map(({ start, image }): VisualRun => {
		const own = { image: images[image]!, choice };
		const last = image === images.length - 1;
		const edited = editedRows(own, last ? edits : [], (from) => ({
			image: from.image,
			choice: choose(from.projector, from.tokens)
		}));
		return { start, own, ...edited };
	});
	// Only the last image can have become shorter, so the places of the others hold.
	const shortened = runs.at(-1);
	if (shortened)
		for (const row of [ids, labels]) row.splice(shortened.start, choice.perImage - shortened.rows.length);
	checkLength(ids, images.length, choice, manifest);
	const keys: PositionKey[] = [...ids];
	for (const { start, rows } of runs) rows.forEach((row, i) => (keys[start + i] = rowKey(row)));
	return { ids, labels, keys, runs };
}

const ANSWERED = 'answered';

/** The answer needs at least one position. */
function checkLength(
	ids: readonly number[],
	images: number,
	{ perImage }: ProjectorChoice,
	manifest: ModelManifest
): void {
	const context = manifest.config.text_config.max_position_embeddings;
	if (ids.length < context) return;
	const share = images ? `, ${images * perImage} of them for ${images} image${images === 1 ? '' : 's'}` : '';
	throw new InputError(
		`The prompt takes ${ids.length} tokens${share}, and the model's context of ${context} must also hold the answer; shorten the question${images ? ', use fewer visual tokens' : ''} or begin a new conversation.`
	);
}
