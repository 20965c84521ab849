import { InputError } from '../../tensor/errors.ts';
import type { ProjectorEntry } from '../manifest.ts';
import type { ImageInput, TokenEdit } from './types.ts';

/** A projector at a number of visual tokens. */
export interface ProjectorChoice {
	readonly name: string;
	readonly entry: ProjectorEntry;
	/** M, of each view; of a projector that pictures decide it for, that of the largest square one. */
	readonly tokens: number;
	/** What was asked for, where pictures decide: theirs must agree. */
	readonly asked?: number;
}

/** Names an image's `visual_embeds`. */
export const embedsKey = (image: ImageInput, { name, tokens }: ProjectorChoice): string =>
	`${image.id}/${name}/${tokens}`;

/** `visual_embeds` of one image through one projector: where visual tokens come from. */
export interface VisualSource {
	readonly image: ImageInput;
	readonly choice: ProjectorChoice;
	/** Visual tokens of all its views, those included that the layout leaves out. */
	readonly tokens: number;
	/** M, of each view. */
	readonly M: number;
	/** M + K: rows of each view. */
	readonly perView: number;
	/** Rows of `visual_embeds`: of each view its M tokens and its K eos tokens, then the newline where there is one. */
	readonly rows: number;
	/** What stands at each of the image's positions in the prompt, in order: a row. */
	readonly layout: readonly number[];
}

type Rows = Pick<VisualSource, 'tokens' | 'M' | 'perView'>;

/** The row of a visual token. */
export const rowOf = ({ M, perView }: Pick<Rows, 'M' | 'perView'>, token: number): number =>
	Math.floor(token / M) * perView + (token % M);

/** The visual token in a row; undefined where that holds an eos token or the newline. */
export function tokenIn({ tokens, M, perView }: Rows, row: number): number | undefined {
	const [view, cell] = [Math.floor(row / perView), row % perView];
	return cell < M && view * M < tokens ? view * M + cell : undefined;
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
	/** For each of the tokens before any edit, which of `rows` is in its place; −1 where it was deleted or is never in the prompt. */
	readonly slots: readonly number[];
}

/** Names a source among others. */
export const sourceKey = ({ image, choice }: VisualSource): string => embedsKey(image, choice);

/** Name of what stands at one position, in the cache of the language model: equal names are equal embeddings. */
export const rowKey = ({ source, row }: VisualRow): string => `${sourceKey(source)}/${row}`;

/**
 * The rows of an image in the order of its layout, after the edits.
 * @param sourceOf Finds the source of transplanted tokens.
 * @returns beside them, which of its positions were deleted
 * @throws InputError when an edit names a token that is not there
 */
export function editedRows(
	own: VisualSource,
	edits: readonly TokenEdit[],
	sourceOf: (from: Extract<TokenEdit, { kind: 'transplant' }>['from']) => VisualSource
): Pick<VisualRun, 'rows' | 'slots'> & { readonly deleted: readonly number[] } {
	const tokens: (VisualRow | 'deleted' | undefined)[] = Array.from({ length: own.tokens }, () => undefined);
	for (const row of own.layout) {
		const token = tokenIn(own, row);
		if (token !== undefined) tokens[token] = { source: own, row };
	}
	const present = (token: number): VisualRow => {
		checkToken(token, own);
		const row = tokens[token];
		if (row === 'deleted')
			throw new InputError(
				`Visual token ${token} was deleted by an earlier edit; leave it out of later ones.`
			);
		if (!row)
			throw new InputError(
				`Visual token ${token} of ${own.image.name} lies on padding and is not in the prompt; choose one on the picture.`
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
				checkToken(edit.source[i]!, source);
				tokens[token] = { source, row: rowOf(source, edit.source[i]!) };
			});
		} else
			for (const token of edit.tokens) {
				present(token);
				tokens[token] = edit.kind === 'mean' ? { source: own, row: 'mean' } : 'deleted';
			}
	}
	const rows: VisualRow[] = [];
	const slots = tokens.map(() => -1);
	const deleted: number[] = [];
	own.layout.forEach((row, at) => {
		const token = tokenIn(own, row);
		if (token === undefined) return void rows.push({ source: own, row });
		const edited = tokens[token];
		if (typeof edited !== 'object') return void deleted.push(at);
		slots[token] = rows.push(edited) - 1;
	});
	return { rows, slots, deleted };
}

function checkToken(token: number, { image, choice, tokens }: VisualSource): void {
	if (!(Number.isInteger(token) && token >= 0 && token < tokens))
		throw new InputError(
			`There is no visual token ${token} of ${image.name} through ${choice.name}; it has tokens 0 to ${tokens - 1}.`
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

/** `visual_embeds` [rows of the source, hidden] by `sourceKey`. */
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
			const values = visual.get(key);
			if (values?.length !== source.rows * hidden)
				throw new Error(
					`${source.image.name} gave ${values?.length ?? 0} values for ${source.rows} rows of width ${hidden}.`
				);
			let vector: Float32Array;
			if (row === 'mean') {
				vector = means.get(key) ?? meanToken(values, source, hidden);
				means.set(key, vector);
			} else vector = values.subarray(row * hidden, (row + 1) * hidden);
			embeds.set(vector, (position - from) * hidden);
		});
}

/** Mean [hidden] of the visual tokens that are in the prompt; eos tokens and newlines do not count. */
export function meanToken(visual: Float32Array, source: VisualSource, hidden: number): Float32Array {
	const sum = new Float64Array(hidden);
	const rows = source.layout.filter((row) => tokenIn(source, row) !== undefined);
	for (const row of rows) for (let h = 0; h < hidden; h++) sum[h]! += visual[row * hidden + h]!;
	return Float32Array.from(sum, (value) => value / rows.length);
}
