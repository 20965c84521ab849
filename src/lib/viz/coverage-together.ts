import type { Figure } from './figure.ts';
import { pictureFigure, type PictureRows } from './picture-map.ts';
import type { OverlayOptions } from './token-map.ts';

export const coverageTogether: Figure<PictureRows, OverlayOptions> = pictureFigure({
	id: 'coverage-together',
	title: 'Who covers the picture, all tiles together',
	readingAid:
		'How much each patch of each view is covered by the visual tokens of that view, laid on the original picture: the tiles together, the view of the whole picture apart, in one scale.',
	method:
		'Every view is measured by itself, as in “Who covers this patch”: every token spreads a share of 1 over the patches of its view, and cover is the sum of the shares on a patch (M/N when even). A patch is laid on its part of the original picture; patches on padding alone are not drawn.'
});
