import type { Checkpoint, TensorEntry, TensorReader } from '../checkpoint/checkpoint.ts';
import { InputError } from '../tensor/errors.ts';
import { bytesPerElement, type Tensor } from '../tensor/tensor.ts';

/**
 * How stored names become canonical ones. `*` stands for any text, the same on both sides; the first row that fits decides. A row with
 * several canonical names cuts the stored tensor into as many equal parts along its first axis (q, k and v that are stored as one).
 */
export type KeyTable = readonly KeyRow[];
export type KeyRow = readonly [stored: string, ...canonical: readonly [string, ...string[]]];

/** A canonical tensor's place in the checkpoint. */
export interface StoredKey {
	readonly stored: string;
	/** Which of `of` equal parts along the first axis. */
	readonly part: number;
	readonly of: number;
}

/** The canonical names of a stored tensor; undefined when no row fits. */
export function canonicalKeys(table: KeyTable, stored: string): readonly string[] | undefined {
	for (const [pattern, ...canonical] of table) {
		const rest = matchStar(pattern, stored);
		if (rest !== undefined) return canonical.map((name) => name.replace('*', () => rest));
	}
	return undefined;
}

/** How a canonical name is stored, in the spelling of the table's first row that gives it. */
export function storedKey(table: KeyTable, canonical: string): StoredKey | undefined {
	for (const [stored, ...names] of table)
		for (const [part, name] of names.entries()) {
			const rest = matchStar(name, canonical);
			if (rest !== undefined) return { stored: stored.replace('*', () => rest), part, of: names.length };
		}
	return undefined;
}

/** What `*` stands for in a name; '' where the pattern has none; undefined when it does not fit. */
function matchStar(pattern: string, name: string): string | undefined {
	const star = pattern.indexOf('*');
	if (star < 0) return pattern === name ? '' : undefined;
	const head = pattern.slice(0, star);
	const tail = pattern.slice(star + 1);
	const fits = name.length >= head.length + tail.length && name.startsWith(head) && name.endsWith(tail);
	return fits ? name.slice(head.length, name.length - tail.length) : undefined;
}

/**
 * The checkpoint under canonical names. Tensors that no row fits keep their own.
 * @throws InputError when two tensors have the same canonical name, or one cannot be cut into its parts
 */
export function underCanonicalKeys(checkpoint: Checkpoint, table: KeyTable): Checkpoint {
	const places = new Map<string, StoredKey>();
	const entries = new Map<string, TensorEntry>();
	for (const [stored, entry] of checkpoint.entries) {
		const names = canonicalKeys(table, stored) ?? [stored];
		const [rows = 0, ...rest] = entry.dims;
		if (names.length > 1 && (rows % names.length || rows === 0))
			throw new InputError(
				`Tensor ${stored} has shape [${entry.dims.join(', ')}], but holds ${names.length} matrices of equal size in this family; it belongs to another model.`
			);
		names.forEach((name, part) => {
			const before = places.get(name);
			if (before)
				throw new InputError(
					`The checkpoint has both ${before.stored} and ${stored}, which are two names of one tensor; save it again with one of them.`
				);
			places.set(name, { stored, part, of: names.length });
			const dims = names.length > 1 ? [rows / names.length, ...rest] : entry.dims;
			entries.set(name, { ...entry, name, dims });
		});
	}
	const unreadable = [...(checkpoint.unreadable ?? [])];
	return {
		entries,
		unreadable: new Map(
			unreadable.flatMap(([stored, why]) =>
				(canonicalKeys(table, stored) ?? [stored]).map((name) => [name, why] as const)
			)
		),
		...(checkpoint.notes && { notes: checkpoint.notes }),
		async read(name) {
			const place = places.get(name);
			if (!place) throw new InputError(`The checkpoint has no tensor ${name}.`);
			const tensor = await checkpoint.read(place.stored);
			return place.of === 1 ? tensor : partOf(tensor, place);
		},
		parts(name) {
			const place = places.get(name);
			const whole = place && checkpoint.parts?.(place.stored);
			return whole && place.of > 1 ? partOfReader(whole, place) : whole;
		}
	};
}

function partOf(tensor: Tensor, { part, of }: StoredKey): Tensor {
	const [rows = 0, ...rest] = tensor.dims;
	const count = tensor.data.length / of;
	const bytes = count * bytesPerElement[tensor.dtype];
	const Values = tensor.data.constructor as new (buffer: ArrayBufferLike) => Tensor['data'];
	const { buffer, byteOffset } = tensor.data;
	const start = byteOffset + part * bytes;
	return {
		dtype: tensor.dtype,
		dims: [rows / of, ...rest],
		data: new Values(buffer.slice(start, start + bytes))
	};
}

function partOfReader(whole: TensorReader, { part, of }: StoredKey): TensorReader {
	const count = whole.count / of;
	const first = part * count;
	return {
		dtype: whole.dtype,
		count,
		read: (start, end, into) => whole.read(first + start, first + end, into)
	};
}
