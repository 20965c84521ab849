import { InputError } from '../tensor/errors.ts';

/** A number of a config and what the config calls it. */
type Named = readonly [name: string, value: number];

/**
 * Heads share a width, or groups of heads one of keys and values, evenly.
 * @throws InputError when they do not
 */
export function checkHeads(where: string, [width, size]: Named, [heads, count]: Named): void {
	if (size % count)
		throw new InputError(
			`${where}: ${width} ${size} is not a multiple of ${heads} ${count}; correct config.json.`
		);
}
