/** Words of figures and tables that stand for a number or a thing with a definition; shown on hover and focus (`defined.ts`). */
export interface Entry {
	/** As it stands in a text, lower case; the text is searched for it unless it is a word of everyday use. */
	readonly word: string;
	readonly definition: string;
	/** A word that texts use in its everyday sense, too: explained only where a head names it. */
	readonly everyday?: boolean;
}

export const glossary = [
	{
		word: 'home cell',
		definition:
			'The part of the image that a visual token would stand for if the tokens lay on the image in reading order: one cell of the √M × √M grid. Tokens without an order (a resampler’s) get the cells of the one-to-one assignment that suits all of them best, which flatters them.'
	},
	{
		word: 'home',
		definition:
			'Share of a token’s dependence that lies inside its home cell: 100 % when it depends on nothing else, the cell’s part of the image when it has no place of its own.'
	},
	{
		word: 'near',
		everyday: true,
		definition: 'Share of a token’s dependence inside its home cell and the eight cells around it.'
	},
	{
		word: 'drift',
		definition:
			'Distance from the centre of a token’s home cell to the mean place of its shares, in patches: how far the token looks beside its own place.'
	},
	{
		word: 'spread',
		definition:
			'Root-mean-square distance of a token’s shares from their mean place, in patches: how wide its spot is.'
	},
	{
		word: 'effective number of patches',
		definition:
			'2 to the power of the entropy of a token’s shares: 1 when all of them lie on one patch, N when they are even over all N patches.'
	},
	{
		word: 'cover',
		definition:
			'Sum of all tokens’ shares on a patch, in tokens: how much of the visual tokens together depends on that patch. M/N everywhere when even.'
	},
	{
		word: 'sight',
		definition:
			'The cover as a part of all M tokens: the part of everything the visual tokens depend on that comes from one patch. It sums to 1, so that two projectors of different M can be subtracted.'
	},
	{
		word: 'habit',
		definition:
			'What a sampling point does whatever the image shows: the mean of its place over a set of images.'
	},
	{
		word: 'content',
		everyday: true,
		definition:
			'What the image does to a sampling point: the part of its squared offsets that differs between the images of a set.'
	},
	{
		word: 'reach',
		definition: 'Root-mean-square length of the offsets of a layer, weighted by attention, in patches.'
	},
	{
		word: 'outside',
		everyday: true,
		definition: 'Share of samples beyond the image’s edge, where the features are zeros.'
	},
	{
		word: 'twice',
		everyday: true,
		definition:
			'Share of samples with another sample of the same token and layer within a quarter of a patch: effort spent twice.'
	},
	{
		word: 'moved',
		everyday: true,
		definition:
			'Part of a token’s shares that a stage lays elsewhere than the stage before it (total variation distance).'
	},
	{
		word: 'shares',
		definition:
			'A token’s dependence on each patch, divided by its sum: squared responses for gradients and perturbations, weights for attention.'
	},
	{
		word: 'gradient',
		everyday: true,
		definition:
			'Derivative of a visual token’s values by the features of a patch, along K random directions of these values. The mean over the directions approaches the norm of the Jacobian.'
	},
	{
		word: 'perturbation',
		definition:
			'A small random step added to the features of one patch; the response is how far a visual token moves, per step. The mean over K directions approaches the norm of the Jacobian.'
	},
	{
		word: 'entropy',
		definition: 'How evenly the shares lie, in bits: 0 on one patch, log₂ N when even over N patches.'
	}
] as const satisfies readonly Entry[];

export type Word = (typeof glossary)[number]['word'];

const definitions = new Map<string, Entry>(glossary.map((entry) => [entry.word, entry]));

export function definitionOf(word: Word): string {
	return definitions.get(word)!.definition;
}

export interface Piece {
	readonly text: string;
	/** The entry that this piece names; a plain piece has none. */
	readonly word?: Word;
}

const inTexts = (glossary as readonly Entry[])
	.filter(({ everyday }) => !everyday)
	.map(({ word }) => word)
	.sort((a, b) => b.length - a.length);
const pattern = new RegExp(`\\b(?:${inTexts.join('|')})s?\\b`, 'giu');

/** A text in pieces, the first mention of each word of the glossary by itself. Joined, the pieces are the text. */
export function explained(text: string): Piece[] {
	const pieces: Piece[] = [];
	const seen = new Set<string>();
	let from = 0;
	for (const { 0: found, index } of text.matchAll(pattern)) {
		const lower = found.toLowerCase();
		const word = definitions.get(lower)?.word ?? definitions.get(lower.replace(/s$/, ''))?.word;
		if (word === undefined || seen.has(word)) continue;
		seen.add(word);
		if (index > from) pieces.push({ text: text.slice(from, index) });
		pieces.push({ text: found, word: word as Word });
		from = index + found.length;
	}
	if (from < text.length) pieces.push({ text: text.slice(from) });
	return pieces;
}
