import type { Figure } from './figure.ts';
import { pictureFigure, type PictureRows } from './picture-map.ts';
import type { OverlayOptions } from './token-map.ts';

export const influenceTogether: Figure<PictureRows, OverlayOptions> = pictureFigure({
	id: 'influence-together',
	title: 'Where the answer looks, all tiles together',
	readingAid:
		'The chosen word’s influences, each on the part of the picture that its visual token stands for: those of the tiles together on one picture, those of the view of the whole picture apart on the other, in one scale.',
	method:
		'Influences are those of “Where the answer looks”, of the visual tokens of every view. A token is laid on its cell of its view’s grid, in pixels of the original picture; what a projector mixes in from beyond that cell is not shown. Tokens on padding alone are counted in the sums and not drawn.'
});
