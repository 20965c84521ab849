import { gridSide } from '../model/config.ts';
import type { ModelManifest, ProjectorEntry } from '../model/manifest.ts';
import { projectorDefinition } from '../model/projectors/registry.ts';
import { InputError } from '../tensor/errors.ts';
import type { StudyColumn, Work } from './figure-study.ts';
import { subjectIn, type Subject } from './subject.ts';
import { tokenChoices } from './tokens.ts';

/** What the reader chose for one column; what is left out follows the model. */
export interface ColumnChoice {
	/** Name of a model; the session's model, whichever that is, when absent. */
	readonly model?: string;
	readonly projector?: string;
	/** M; the projector's own when absent. */
	readonly tokens?: number;
}

/** A choice that a model can do. */
export interface Resolved {
	readonly projector: string;
	readonly entry: ProjectorEntry;
	/** M */
	readonly tokens: number;
	/** The M that this projector can be run with. */
	readonly choices: readonly number[];
}

export const fewest = 1;
export const most = 4;

/** Projectors of a model in the order in which columns are filled: one of each kind first, then their relatives at other M. */
export function projectorOrder(manifest: ModelManifest): string[] {
	const relative = ({ family }: ProjectorEntry) => (family === undefined ? 0 : 1);
	const rank = ({ type }: ProjectorEntry) => projectorDefinition(type).rank;
	return Object.entries(manifest.projectors)
		.sort(([, a], [, b]) => relative(a) - relative(b) || rank(a) - rank(b))
		.map(([name]) => name);
}

/** What a choice comes to with this model: what it does not offer is replaced by what it does. */
export function resolve(choice: ColumnChoice, manifest: ModelManifest, place: number): Resolved | undefined {
	const order = projectorOrder(manifest);
	const known = choice.projector !== undefined && order.includes(choice.projector);
	const projector = known ? choice.projector : order[place % order.length];
	const entry = projector === undefined ? undefined : manifest.projectors[projector];
	if (projector === undefined || entry === undefined) return undefined;
	const choices = choicesOf(entry, manifest);
	// Columns beyond the model's projectors are the same ones at fewer tokens, where they can; beside another model none is repeated.
	const round = known || choice.model !== undefined ? 0 : Math.floor(place / order.length);
	const own = round === 0 ? undefined : smaller(entry, choices).at(-round);
	const tokens =
		choice.tokens !== undefined && choices.includes(choice.tokens)
			? choice.tokens
			: (own ?? entry.num_query_tokens);
	return { projector, entry, tokens, choices };
}

/** The M that a projector can be run with. */
const choicesOf = (entry: ProjectorEntry, { config }: ModelManifest): readonly number[] =>
	tokenChoices(entry, gridSide(config.vision_config));

/** The M below a projector's own, ascending. */
const smaller = ({ num_query_tokens: own }: ProjectorEntry, choices: readonly number[]): number[] =>
	choices.filter((M) => M < own).sort((a, b) => a - b);

/**
 * Two columns of one model at equal M, as far as it has them: a projector that keeps places against one that does not.
 * With one projector only, its own M against the next smaller one; one column where it has no other M.
 */
export function defaultColumns(manifest: ModelManifest): ColumnChoice[] {
	const [first, second] = projectorOrder(manifest);
	if (first === undefined) return [{}];
	const entry = manifest.projectors[first]!;
	if (second !== undefined)
		return [{ projector: first }, withTokens({ projector: second }, manifest, entry.num_query_tokens)];
	const fewer = smaller(entry, choicesOf(entry, manifest)).at(-1);
	return [{ projector: first }, ...(fewer === undefined ? [] : [{ projector: first, tokens: fewer }])];
}

/**
 * A further column: the first projector that no column has yet, at the first column's M where it can; then a projector at an M that
 * no column has. Where all of it is shown, the first again, to be given another model.
 */
export function nextColumn(columns: readonly ColumnChoice[], manifest: ModelManifest): ColumnChoice {
	const shown = columns.map((column, place) => resolve(column, manifest, place));
	const order = projectorOrder(manifest);
	const fresh = order.find((name) => !shown.some((column) => column?.projector === name));
	if (fresh !== undefined) return withTokens({ projector: fresh }, manifest, shown[0]?.tokens);
	for (const projector of order) {
		const entry = manifest.projectors[projector]!;
		const choices = choicesOf(entry, manifest);
		const fewer = smaller(entry, choices).reverse();
		const tokens = [entry.num_query_tokens, ...fewer, ...choices].find(
			(M) => !shown.some((column) => column?.projector === projector && column.tokens === M)
		);
		if (tokens !== undefined) return { projector, ...(tokens === entry.num_query_tokens ? {} : { tokens }) };
	}
	return order[0] === undefined ? {} : withTokens({ projector: order[0] }, manifest, shown[0]?.tokens);
}

/** Why there is nothing to compare, a sentence; undefined when there are two columns. */
export function nothingBeside(columns: readonly Pick<StudyColumn, 'subject'>[]): string | undefined {
	if (columns.length > 1) return undefined;
	const [only] = columns;
	return only && defaultColumns(only.subject.manifest).length < 2
		? `A comparison needs two columns, and this model offers one: ${only.subject.entry.title}, M = ${only.subject.tokens}; on the page Side by side it stands beside another model.`
		: 'A comparison needs two columns at least; name another projector or M.';
}

function withTokens(
	choice: { readonly projector: string },
	manifest: ModelManifest,
	tokens: number | undefined
): ColumnChoice {
	const entry = manifest.projectors[choice.projector]!;
	const can = tokens !== undefined && choicesOf(entry, manifest).includes(tokens);
	return can && tokens !== entry.num_query_tokens ? { ...choice, tokens } : choice;
}

/** A, B, C, D: how a column is named in text and figures. */
export function letterOf(place: number): string {
	return String.fromCharCode(65 + place);
}

/** Columns in an address: `d-abs:16,mini/resampler`; a column that follows the model in everything is empty. */
export function columnsWord(columns: readonly ColumnChoice[]): string {
	return columns
		.map(({ model, projector, tokens }) =>
			[
				model === undefined ? '' : `${encodeURIComponent(model)}/`,
				encodeURIComponent(projector ?? ''),
				tokens === undefined ? '' : `:${tokens}`
			].join('')
		)
		.join(',');
}

/** The other way; undefined when these are no columns. */
export function readColumns(word: string): ColumnChoice[] | undefined {
	const columns = word.split(',').map((part): unknown => {
		const [, model, projector, tokens] = /^(?:([^/:]*)\/)?([^/:]*)(?::(\d{1,6}))?$/.exec(part) ?? [];
		if (projector === undefined) return undefined;
		try {
			return {
				...(model && { model: decodeURIComponent(model) }),
				...(projector && { projector: decodeURIComponent(projector) }),
				...(tokens && { tokens: Number(tokens) })
			};
		} catch {
			return undefined;
		}
	});
	return areColumns(columns) ? columns : undefined;
}

/** Columns that somebody names. @throws InputError when they are none, or of projectors that the model does not have */
export function columnsFrom(word: string, { projectors }: ModelManifest): ColumnChoice[] {
	const columns = readColumns(word);
	if (!columns)
		throw new InputError(
			`"${word}" is no list of ${fewest} to ${most} columns; an example is ${Object.keys(projectors).slice(0, 2).join(',')}.`
		);
	for (const { projector } of columns)
		if (projector !== undefined && !Object.hasOwn(projectors, projector))
			throw new InputError(
				`The model has no projector "${projector}"; it has ${Object.keys(projectors).join(', ')}.`
			);
	return columns;
}

/** Accepts what `storage.ts` kept of the columns. */
export function areColumns(value: unknown): value is ColumnChoice[] {
	return Array.isArray(value) && value.length >= fewest && value.length <= most && value.every(isColumn);
}

function isColumn(value: unknown): value is ColumnChoice {
	if (value === null || typeof value !== 'object') return false;
	const { model, projector, tokens } = value as Record<string, unknown>;
	return (
		(model === undefined || typeof model === 'string') &&
		(projector === undefined || typeof projector === 'string') &&
		(tokens === undefined || (typeof tokens === 'number' && Number.isInteger(tokens) && tokens > 0))
	);
}

/** What a column is called in figures. @param home name of the model that needs no mention */
export function columnName(
	place: number,
	{ manifest, entry, tokens }: Pick<Subject, 'manifest' | 'entry' | 'tokens'>,
	home: string | undefined = manifest.name
): string {
	return `${letterOf(place)}: ${entry.title}, M = ${tokens}${manifest.name === home ? '' : ` (${manifest.name})`}`;
}

/** Columns of one model for studies. @param colours of its projectors, by name */
export function studyColumns(
	chosen: readonly ColumnChoice[],
	{ subject, answerer, maps }: Required<Pick<Work, 'subject' | 'answerer' | 'maps'>>,
	colours: Readonly<Record<string, string>>
): StudyColumn[] {
	return chosen.flatMap((choice, place) => {
		const resolved = resolve(choice, subject.manifest, place);
		const seen =
			resolved && subjectIn(subject, subject.image, resolved.projector, resolved.tokens, subject.view);
		if (!seen) return [];
		return [
			{
				...{ answerer, maps, subject: seen, letter: letterOf(place), name: columnName(place, seen) },
				colour: colours[seen.projector] ?? '#767676'
			}
		];
	});
}
