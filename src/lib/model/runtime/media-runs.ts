import { InputError } from '../../tensor/errors.ts';

/**
 * Positions of every image's visual tokens (negative ids) in a prompt. They come image by image, though an image's need not be side by side.
 * @param perImage how many each image has
 * @param apart upstream finds images by their beginnings, so that text must stand between two (SPEC §5)
 * @throws InputError when images and places for them do not match
 */
export function visualPositions(
	ids: readonly number[],
	perImage: readonly number[],
	{ apart = false }: { readonly apart?: boolean } = {}
): number[][] {
	const positions: number[] = [];
	let runs = 0;
	ids.forEach((id, position) => {
		if (id >= 0) return;
		positions.push(position);
		if (position === 0 || ids[position - 1] !== id) runs++;
	});
	const expected = perImage.reduce((sum, count) => sum + count, 0);
	if (positions.length !== expected)
		throw new InputError(
			`The prompt has ${positions.length} places for visual tokens and its ${perImage.length} image${perImage.length === 1 ? '' : 's'} ${expected}; give as many images as the prompt has places.`
		);
	if (apart && runs !== perImage.length)
		throw new InputError(
			'Two <image> stand next to each other in the prompt, which upstream cannot tell apart; put text between them.'
		);
	let at = 0;
	return perImage.map((count) => positions.slice(at, (at += count)));
}

/** @throws InputError when a prompt has not one placeholder for each image */
export function checkPlaces(text: string, placeholder: string, images: number): void {
	const places = text.split(placeholder).length - 1;
	if (places !== images)
		throw new InputError(
			`The prompt has ${places} ${placeholder} for ${images} image${images === 1 ? '' : 's'}; give as many images as the prompt has places.`
		);
}
