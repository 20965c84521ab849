import { strToU8, unzipSync, zipSync } from 'fflate';
import { InputError } from '../../tensor/errors.ts';

/** Most bytes that the files of an office document may have together, inflated. */
const MOST = 512 * 2 ** 20;

/** A zip archive of small files, stored. The same content gives the same bytes: its date is the earliest there is. */
export function writeZip(files: Readonly<Record<string, string>>): Uint8Array {
	const contents = Object.entries(files).map(([path, text]) => [path, strToU8(text)] as const);
	// fflate writes the time of the machine's own zone; this one is 1 January 1980, 0:00 in any.
	return zipSync(Object.fromEntries(contents), { level: 0, mtime: new Date(1980, 0, 1) });
}

/**
 * Files of a zip archive in memory, inflated; for office documents, not for weights.
 *
 * @param wanted which of them
 * @param most bytes of all of them together
 * @throws InputError when it is damaged, or holds more than that
 */
export function readZip(
	bytes: Uint8Array,
	name: string,
	wanted: (path: string) => boolean = () => true,
	most = MOST
): Record<string, Uint8Array> {
	let total = 0;
	try {
		return unzipSync(bytes, {
			// What a file says of its size is all that it is given room for.
			filter: ({ name: path, originalSize }) => {
				if (!wanted(path)) return false;
				total += originalSize;
				if (!(total <= most))
					throw new InputError(
						`${name} would unpack to more than ${most / 2 ** 20} MiB, too much for a document; it is damaged or made to fill the memory.`
					);
				return true;
			}
		});
	} catch (error) {
		if (error instanceof InputError) throw error;
		throw new InputError(
			`${name} is not a whole zip archive; it is damaged, cut off or another kind of file.`
		);
	}
}
