import { InputError } from '../../tensor/errors.ts';

/** Where one image's visual tokens lie in the prompt. */
export interface MediaRun {
	/** First position. */
	readonly start: number;
	/** Which image, counted over the prompt. */
	readonly image: number;
}

/**
 * Runs of image tokens (negative ids) of a prompt, as upstream finds them: one starts where a negative id differs from its
 * left neighbour and spans `perImage` positions (SPEC §5).
 * @throws InputError when images and places for them do not match.
 */
export function mediaRuns(ids: readonly number[], images: number, perImage: number): MediaRun[] {
	const starts: number[] = [];
	let count = 0;
	ids.forEach((id, position) => {
		if (id >= 0) return;
		count++;
		if (position === 0 || ids[position - 1] !== id) starts.push(position);
	});
	const places = count / perImage;
	if (Number.isInteger(places) && places !== starts.length)
		throw new InputError(
			'Two <image> stand next to each other in the prompt, which upstream cannot tell apart; put text between them.'
		);
	if (places !== images)
		throw new InputError(
			`The prompt has ${places} <image> for ${images} image${images === 1 ? '' : 's'}; give as many images as the prompt has places.`
		);
	return starts.map((start, image) => ({ start, image }));
}
