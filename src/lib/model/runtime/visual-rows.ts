import { InputError } from '../../tensor/errors.ts';
import type { ImageInput, TokenEdit } from './types.ts';
import { embedsKey, type ProjectorChoice } from './visual.ts';

/** `visual_embeds` of one image through one projector: where visual tokens come from. */
export interface VisualSource {
	readonly image: ImageInput;
	readonly choice: ProjectorChoice;
	/** Visual tokens of all its views. */
	readonly tokens: number;
	/** Positions that the image takes in the prompt: its tokens and their eos tokens. */
	readonly perImage: number;
}

/** What stands at one position of an image in the prompt: a row of a source, or the mean of its M visual tokens. */
export interface VisualRow {
	readonly source: VisualSource;
	readonly row: number | 'mean';
}

/** One image's place in the prompt. */
export interface VisualRun {
	/** One per row. */
	readonly positions: readonly number[];
	/** The image, and the projector it goes through. */
	readonly own: VisualSource;
	/** One per position. */
	readonly rows: readonly VisualRow[];
	/** For each of the M tokens before any edit, which of `rows` is in its place; −1 where it was deleted. */
	readonly slots: readonly number[];
}

/** Names a source among others. */
export const sourceKey = ({ image, choice }: VisualSource): string => embedsKey(image, choice);

/** Name of what stands at one position, in the cache of the language model: equal names are equal embeddings. */
export const rowKey = ({ source, row }: VisualRow): string => `${sourceKey(source)}/${row}`;

/**
 * The rows of an image (its M tokens, then its eos tokens) after the edits.
 * @param sourceOf Finds the source of transplanted tokens.
 * @throws InputError when an edit names a token that is not there
 */
export function editedRows(
	own: VisualSource,
	edits: readonly TokenEdit[],
	sourceOf: (from: Extract<TokenEdit, { kind: 'transplant' }>['from']) => VisualSource
): Pick<VisualRun, 'rows' | 'slots'> {
	const M = own.tokens;
	const tokens: (VisualRow | undefined)[] = Array.from({ length: M }, (_, row) => ({ source: own, row }));
	const present = (token: number): VisualRow => {
		checkToken(token, M, own);
		const row = tokens[token];
		if (!row)
			throw new InputError(
				`Visual token ${token} was deleted by an earlier edit; leave it out of later ones.`
			);
		return row;
	};
	for (const edit of edits) {
		if (edit.kind === 'swap')
			for (const [a, b] of edit.pairs) [tokens[a], tokens[b]] = [present(b), present(a)];
		else if (edit.kind === 'transplant') {
			const source = sourceOf(edit.from);
			if (edit.source.length !== edit.tokens.length)
				throw new InputError(
					`A transplant needs as many source tokens as places, got ${edit.source.length} for ${edit.tokens.length}.`
				);
			edit.tokens.forEach((token, i) => {
				present(token);
				const row = edit.source[i]!;
				checkToken(row, source.tokens, source);
				tokens[token] = { source, row };
			});
		} else
			for (const token of edit.tokens) {
				present(token);
				tokens[token] = edit.kind === 'mean' ? { source: own, row: 'mean' } : undefined;
			}
	}
	const rows: VisualRow[] = [];
	const slots = tokens.map((row) => (row ? rows.push(row) - 1 : -1));
	for (let row = M; row < own.perImage; row++) rows.push({ source: own, row });
	return { rows, slots };
}

function checkToken(token: number, M: number, { image, choice }: VisualSource): void {
	if (!(Number.isInteger(token) && token >= 0 && token < M))
		throw new InputError(
			`There is no visual token ${token} of ${image.name} through ${choice.name}; it has tokens 0 to ${M - 1}.`
		);
}

/** Sources of the runs that have positions at or after `from`, each once, in the order of the prompt. */
export function sourcesFrom(runs: readonly VisualRun[], from: number): VisualSource[] {
	const sources = new Map<string, VisualSource>();
	for (const { positions, rows } of runs)
		if ((positions.at(-1) ?? -1) >= from)
			for (const { source } of rows)
				if (!sources.has(sourceKey(source))) sources.set(sourceKey(source), source);
	return [...sources.values()];
}

/** `visual_embeds` [M + K, hidden] by `sourceKey`. */
export type VisualEmbeds = ReadonlyMap<string, Float32Array>;

/**
 * Overwrites rows of `embeds` [position, hidden], which holds positions from `from` on, with visual tokens.
 * @param visual embeddings of every source that has positions at or after `from`
 */
export function splice(
	embeds: Float32Array,
	hidden: number,
	from: number,
	runs: readonly VisualRun[],
	visual: VisualEmbeds
): void {
	const end = from + embeds.length / hidden;
	const means = new Map<string, Float32Array>();
	for (const { positions, rows } of runs)
		rows.forEach(({ source, row }, i) => {
			const position = positions[i]!;
			if (position < from || position >= end) return;
			const key = sourceKey(source);
			const { tokens, perImage } = source;
			const values = visual.get(key);
			if (values?.length !== perImage * hidden)
				throw new Error(
					`${source.image.name} gave ${values?.length ?? 0} values for ${perImage} tokens of width ${hidden}.`
				);
			let vector: Float32Array;
			if (row === 'mean') {
				vector = means.get(key) ?? meanToken(values, tokens, hidden);
				means.set(key, vector);
			} else vector = values.subarray(row * hidden, (row + 1) * hidden);
			embeds.set(vector, (position - from) * hidden);
		});
}

/** Mean [hidden] of the first `tokens` rows of `visual_embeds`; eos tokens do not count. */
export function meanToken(visual: Float32Array, tokens: number, hidden: number): Float32Array {
	const sum = new Float64Array(hidden);
	for (let m = 0; m < tokens; m++) for (let h = 0; h < hidden; h++) sum[h]! += visual[m * hidden + h]!;
	return Float32Array.from(sum, (value) => value / tokens);
}
