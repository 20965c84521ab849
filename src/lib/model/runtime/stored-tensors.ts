/** Tensors of a model folder, read piece by piece, so that no file is in memory as a whole. */
import type { SessionRequest } from './backend.ts';
import { nameInGraph } from './graph-bytes.ts';
import type { FileInitializer } from '../../onnx/model-file.ts';

/** A stored tensor, whose bytes are taken in order. */
export interface Stored {
	readonly name: string;
	readonly length: number;
	/** @param at of the first byte within the tensor; 0 begins anew */
	readonly take: (bytes: Uint8Array, at: number) => void;
}

/** A tensor has not the size that who takes it asks for. */
export class OtherSizeError extends Error {
	override readonly name = 'OtherSizeError';
}

/**
 * Gives every tensor its bytes. A file that was not what it should be is read once more: its tensors then begin anew.
 * @throws OtherSizeError before anything outside the graph is read; otherwise as `folder.read`
 */
export async function readTensors(
	all: readonly Stored[],
	initializers: ReadonlyMap<string, FileInitializer>,
	{ folder, files, onBytes }: Pick<SessionRequest, 'folder' | 'files' | 'onBytes'>
): Promise<void> {
	const sizes = new Map(files.weights.map((path) => [nameInGraph(path), folder.file(path).size]));
	const byFile = placesOf(all, initializers, sizes);
	for (const path of files.weights) {
		const places = byFile.get(nameInGraph(path))!;
		await folder.stream(path, () => shareOut(places), onBytes);
	}
}

/** A stored tensor's place in its file. */
interface Place extends Stored {
	readonly offset: number;
}

/**
 * Takes what lies in the graph itself, and gives the rest by file, in the order of their places.
 * @param sizes of files
 * @throws OtherSizeError where sizes do not fit
 */
function placesOf(
	all: readonly Stored[],
	initializers: ReadonlyMap<string, FileInitializer>,
	sizes: ReadonlyMap<string, number>
): ReadonlyMap<string, readonly Place[]> {
	const byFile = new Map<string, Place[]>([...sizes.keys()].map((file) => [file, []]));
	for (const stored of all) {
		const { raw, location } = initializers.get(stored.name)!;
		const fits = raw
			? raw.length === stored.length
			: location?.length === stored.length &&
				location.offset + stored.length <= (sizes.get(location.file) ?? 0);
		if (!fits) throw new OtherSizeError('weights of another size than its operators take');
		if (raw) stored.take(raw, 0);
		else byFile.get(location!.file)!.push({ ...stored, offset: location!.offset });
	}
	for (const places of byFile.values()) places.sort((a, b) => a.offset - b.offset);
	return byFile;
}

/** Takes a file's pieces from its first byte on, and gives each tensor its own. */
function shareOut(places: readonly Place[]): (piece: Uint8Array) => void {
	let start = 0;
	let next = 0;
	return (piece) => {
		const end = start + piece.length;
		while (next < places.length && places[next]!.offset + places[next]!.length <= start) next++;
		for (let i = next; i < places.length && places[i]!.offset < end; i++) {
			const { offset, length, take } = places[i]!;
			const [from, to] = [Math.max(offset, start), Math.min(offset + length, end)];
			if (from < to) take(piece.subarray(from - start, to - start), from - offset);
		}
		start = end;
	};
}
