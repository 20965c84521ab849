import { sideOf } from '../analysis/grid.ts';
import type { ImageInput, TokenEdit } from '../model/runtime/types.ts';

export type EditKind = TokenEdit['kind'];

export const kindLabels: Readonly<Record<EditKind, string>> = {
	delete: 'Delete',
	mean: 'Replace by the mean',
	swap: 'Swap',
	transplant: 'Transplant'
};

/** Why an edit of the chosen tokens cannot be made, as a sentence; nothing when it can. */
export function obstacle(kind: EditKind, tokens: readonly number[]): string | undefined {
	if (tokens.length === 0) return 'Choose visual tokens on the image first.';
	if (kind === 'swap' && tokens.length % 2 === 1)
		return 'A swap needs pairs: choose an even number of tokens; the first changes places with the second, and so on.';
	return undefined;
}

/** Where a transplant comes from; `tokens` is its M. */
export interface Donor {
	readonly projector: string;
	readonly tokens: number;
	readonly image: ImageInput;
	/** Tokens of its views before the one that is meant. */
	readonly before?: number;
}

/**
 * @param chosen of the view's own tokens, in the order they were chosen
 * @param M of the image that is edited
 * @param before tokens of its views before that one
 */
export function makeEdit(
	kind: EditKind,
	chosen: readonly number[],
	M: number,
	{ before: donorsBefore = 0, ...donor }: Donor,
	before = 0
): TokenEdit {
	const tokens = chosen.map((token) => before + token);
	if (kind === 'swap') {
		const pairs: [number, number][] = [];
		for (let i = 0; i + 1 < tokens.length; i += 2) pairs.push([tokens[i]!, tokens[i + 1]!]);
		return { kind, pairs };
	}
	if (kind === 'transplant') {
		const source = chosen.map((token) => donorsBefore + counterpart(token, M, donor.tokens));
		return { kind, tokens, source, from: donor };
	}
	return { kind, tokens };
}

/** The token of another grid at the same place of the image; the same number where the grids are equal or none. */
export function counterpart(token: number, M: number, other: number): number {
	const side = sideOf(M);
	const otherSide = sideOf(other);
	if (M === other || !side || !otherSide) return Math.min(token, other - 1);
	const at = (index: number) => Math.floor(((index + 0.5) * otherSide) / side);
	return at(Math.floor(token / side)) * otherSide + at(token % side);
}

/** Between the parts of a transplant: its tokens, those they come from, projector, M, image. */
const APART = '*';

/**
 * Edits in an address: `mean.3.4-swap.1.2-transplant.5*7*d-abs*36*scene.2`.
 * @param imageWord how an address names an image
 */
export function editsWord(
	edits: readonly TokenEdit[],
	imageWord: (image: ImageInput) => string
): string | undefined {
	const words = edits.map((edit) => {
		const own = [edit.kind, ...touched(edit)].join('.');
		if (edit.kind !== 'transplant') return own;
		const { projector, tokens, image } = edit.from;
		const from = [edit.source.join('.'), encodeURIComponent(projector), `${tokens}`, imageWord(image)];
		return [own, ...from].join(APART);
	});
	return words.length > 0 ? words.join('-') : undefined;
}

const partsOf = (word: string) => word.split(/-(?=(?:delete|mean|swap|transplant)\.)/);
const donorOf = (part: string) => part.split(APART)[4];

/** Words of the images that the transplants of an address come from. */
export function donorWords(word: string): string[] {
	return [...new Set(partsOf(word).flatMap((part) => donorOf(part) ?? []))];
}

/** The other way; what is no edit, and a transplant whose image is not there, is left out. @param images by their words */
export function readEdits(word: string, images: ReadonlyMap<string, ImageInput>): TokenEdit[] {
	return partsOf(word).flatMap((part): TokenEdit[] => {
		const [own = '', source = '', projector = '', M] = part.split(APART);
		const [kind, ...rest] = own.split('.');
		const tokens = rest.map(Number);
		if (tokens.length === 0 || !tokens.every(isIndex)) return [];
		if (kind === 'delete' || kind === 'mean') return [{ kind, tokens }];
		if (kind === 'transplant') {
			const image = images.get(donorOf(part) ?? '');
			const sources = source.split('.').map(Number);
			const from = { projector: decoded(projector), tokens: Number(M), image };
			if (!image || !from.projector || !isIndex(from.tokens) || from.tokens === 0) return [];
			if (sources.length !== tokens.length || !sources.every(isIndex)) return [];
			return [{ kind, tokens, source: sources, from: { ...from, image } }];
		}
		if (kind !== 'swap' || tokens.length % 2 === 1) return [];
		return [{ kind, pairs: tokens.flatMap((a, i) => (i % 2 === 0 ? [[a, tokens[i + 1]!] as const] : [])) }];
	});
}

const isIndex = (value: number) => Number.isInteger(value) && value >= 0;

function decoded(word: string): string {
	try {
		return decodeURIComponent(word);
	} catch {
		return '';
	}
}

/** Every token an edit touches. */
export function touched(edit: TokenEdit): readonly number[] {
	return edit.kind === 'swap' ? edit.pairs.flat() : edit.tokens;
}

/** An edit in words. @param title of a projector by its name */
export function describeEdit(edit: TokenEdit, title: (projector: string) => string): string {
	if (edit.kind === 'swap') return `Swap ${edit.pairs.map(([a, b]) => `${a} and ${b}`).join(', ')}`;
	const tokens = `token${edit.tokens.length === 1 ? '' : 's'} ${list(edit.tokens)}`;
	if (edit.kind === 'delete') return `Delete ${tokens}`;
	if (edit.kind === 'mean') return `Put the mean in place of ${tokens}`;
	const { image, projector } = edit.from;
	return `Put ${list(edit.source)} of ${image.name} through the ${title(projector)} in place of ${tokens}`;
}

/** Indices, runs of three and more shortened: 0–3, 7. */
function list(indices: readonly number[]): string {
	const parts: string[] = [];
	for (let i = 0; i < indices.length;) {
		let end = i;
		while (indices[end + 1] === indices[end]! + 1) end++;
		if (end - i >= 2) parts.push(`${indices[i]}–${indices[end]}`);
		else for (let k = i; k <= end; k++) parts.push(String(indices[k]));
		i = end + 1;
	}
	return parts.join(', ');
}
