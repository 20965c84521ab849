import { isObject, parseJson, type Json, type JsonObject } from '../../bytes/json.ts';
import { memorySource } from '../../checkpoint/memory.ts';
import type { ByteSource, SourceFolder } from '../../checkpoint/source.ts';
import { InputError } from '../../tensor/errors.ts';
import type { Data, ExampleImage, FieldKind } from '../data.ts';
import { lines, strip } from '../python/text.ts';

/** Largest text file that is read whole. */
const TEXT_LIMIT = 256 * 2 ** 20;

/** The first of these paths that the folder has, text in UTF-8. @throws InputError when it has none. */
export async function openFirst(folder: SourceFolder, ...paths: readonly string[]): Promise<ByteSource> {
	for (const path of paths) {
		const source = await openAnyCase(folder, path);
		if (source) return asUtf8(source);
	}
	const [first, ...others] = paths;
	throw new InputError(
		`There is no ${first} in ${folder.name}${others.length ? ` (nor ${others.join(', ')})` : ''}; give the benchmark's own folder.`
	);
}

/** Paths of a folder by their small letters. */
const inSmall = new WeakMap<SourceFolder, Promise<ReadonlyMap<string, string>>>();

/** The file of that path, or else one whose path differs in large and small letters only (`.JPG`, as cameras write). */
async function openAnyCase(folder: SourceFolder, path: string): Promise<ByteSource | undefined> {
	const found = await folder.open(path);
	if (found) return found;
	const known =
		inSmall.get(folder) ??
		visiblePaths(folder).then((paths) => new Map(paths.map((one) => [one.toLowerCase(), one])));
	inSmall.set(folder, known);
	const like = (await known).get(path.toLowerCase());
	return like === undefined ? undefined : folder.open(like);
}

/** The file, or its text in UTF-8 where it is UTF-16, as Excel saves Unicode text. */
export async function asUtf8(source: ByteSource): Promise<ByteSource> {
	const [a, b, c, d] = await source.read(0, Math.min(4, source.size));
	const little = (a === 0xff && b === 0xfe) || (a !== 0 && b === 0 && c !== 0 && d === 0);
	const big = (a === 0xfe && b === 0xff) || (a === 0 && b !== 0 && c === 0 && d !== 0);
	if ((!little && !big) || d === undefined || source.size > TEXT_LIMIT) return source;
	const text = new TextDecoder(little ? 'utf-16le' : 'utf-16be').decode(await source.read(0, source.size));
	return memorySource(source.name, new TextEncoder().encode(text));
}

/** Paths of a folder's files without hidden ones (`._…` and `.DS_Store`, which macOS leaves beside the others). */
export async function visiblePaths(folder: SourceFolder): Promise<string[]> {
	return (await folder.list()).filter((path) => !path.split('/').some((part) => part.startsWith('.')));
}

/** Text of a file, in UTF-8 or UTF-16. @throws InputError when it is empty, too large or not text. */
export async function readText(file: ByteSource): Promise<string> {
	const source = await asUtf8(file);
	if (source.size === 0) throw new InputError(`${source.name} is empty; download it again.`);
	if (source.size > TEXT_LIMIT)
		throw new InputError(`${source.name} has ${source.size} bytes, too many for a text file of this kind.`);
	try {
		return new TextDecoder('utf-8', { fatal: true }).decode(await source.read(0, source.size));
	} catch (error) {
		if (error instanceof InputError || error instanceof RangeError) throw error;
		throw new InputError(`${source.name} is not UTF-8 text; it is damaged or another kind of file.`);
	}
}

export async function readJson(source: ByteSource): Promise<Json> {
	const text = await readText(source);
	try {
		return parseJson(text);
	} catch (error) {
		const line = lineOfParseError(error, text);
		throw new InputError(
			`${source.name}${line ? `, line ${line},` : ''} is not JSON; the file is damaged or cut off, download it again.`
		);
	}
}

function lineOfParseError(error: unknown, text: string): number | undefined {
	const message = error instanceof Error ? error.message : '';
	const named = /line (\d+)/.exec(message);
	if (named) return Number(named[1]);
	const position = /position (\d+)/.exec(message);
	const at = position ? Number(position[1]) : /end of (JSON )?input/i.test(message) ? text.length : undefined;
	return at === undefined ? undefined : text.slice(0, at).split('\n').length;
}

/** A row of a file of objects. */
export interface JsonRow {
	/** File and line, for messages. */
	readonly where: string;
	/** @throws InputError when the row is no object */
	read(): JsonObject<Json>;
}

/** Rows of a JSON Lines file; blank lines are passed over. @throws InputError when it is empty or no text */
export async function readJsonLines(source: ByteSource): Promise<JsonRow[]> {
	const all = lines(await readText(source));
	return all.flatMap((line, i) => {
		if (strip(line) === '') return [];
		const where = `${source.name}, line ${i + 1}`;
		return [{ where, read: () => lineObject(line, where, i === all.length - 1) }];
	});
}

function lineObject(line: string, where: string, last: boolean): JsonObject<Json> {
	let value: Json;
	try {
		value = parseJson(line);
	} catch {
		throw new InputError(
			`${where}, is not JSON${last ? '; the file may be cut off' : ''}; download it again or remove the line.`
		);
	}
	if (!isObject(value)) throw new InputError(`${where}, is not a JSON object; it is another kind of file.`);
	return value;
}

/** Rows of a list. @param word what a row is called */
export function listRows(list: readonly Json[], name: string, word: string): JsonRow[] {
	return list.map((value, i) => {
		const where = `${name}, ${word} ${i + 1}`;
		return {
			where,
			read() {
				if (isObject(value)) return value;
				throw new InputError(`${where}, is not an object; it is damaged or another kind of file.`);
			}
		};
	});
}

/** Field of an object that has to be a string. @throws InputError naming place and field. */
export function stringField(value: JsonObject<Json>, field: string, where: string): string {
	const found = value[field];
	if (typeof found !== 'string') throw missing(field, 'text', found, where);
	return found;
}

export function numberField(value: JsonObject<Json>, field: string, where: string): number {
	const found = value[field];
	if (typeof found !== 'number') throw missing(field, 'a number', found, where);
	return found;
}

/** A string or a number, as text. */
export function idField(value: JsonObject<Json>, field: string, where: string): string {
	const found = value[field];
	if (typeof found !== 'string' && typeof found !== 'number') throw missing(field, 'text', found, where);
	return String(found);
}

function missing(field: string, kind: string, found: Json | undefined, where: string): InputError {
	return new InputError(
		found === undefined
			? `${where}: "${field}" is missing; it is damaged or another kind of file.`
			: `${where}: "${field}" is not ${kind}; it is damaged or another kind of file.`
	);
}

/** Checks the fields that scoring reads. @throws InputError naming place and field. */
export function checkData<D extends Data>(
	value: JsonObject<Json>,
	fields: { readonly [F in keyof D]?: FieldKind },
	where: string
): D {
	for (const [field, kind] of Object.entries(fields)) {
		const found = value[field];
		const fits =
			kind === 'strings'
				? Array.isArray(found) && found.every((item) => typeof item === 'string')
				: kind === 'options'
					? isObject(found) && Object.values(found).every((item) => typeof item === 'string')
					: typeof found === kind;
		if (!fits) throw missing(field, kind === 'number' ? 'a number' : 'as expected', found, where);
	}
	return value as D;
}

/** Refuses an id that came before. */
export class UniqueIds {
	readonly #places = new Map<string, string>();
	readonly #what: string;

	constructor(what: string) {
		this.#what = what;
	}

	add(id: string | number, where: string): void {
		const again = this.again(id, where);
		if (again) throw again;
	}

	/** Like `add`, but gives the refusal back. */
	again(id: string | number, where: string): InputError | undefined {
		const before = this.#places.get(String(id));
		if (before !== undefined)
			return new InputError(
				`${where}: ${this.#what} ${id} is there already (${before}); the file has been joined or edited, download it again.`
			);
		this.#places.set(String(id), where);
		return undefined;
	}
}

/** An image file of the benchmark, at the first of these paths. One that is missing or empty says so, and may be put there later. */
export async function imageFile(
	folder: SourceFolder,
	paths: readonly string[],
	where: string
): Promise<ExampleImage> {
	for (const path of paths) {
		const source = await openAnyCase(folder, path);
		if (!source) continue;
		if (source.size === 0) return lacking(path, `${where}: the image ${path} is empty; download it again.`);
		return {
			name: path,
			async read() {
				const now = await openAnyCase(folder, path);
				if (!now) throw new InputError(`${where}: the image ${path} is gone; put it back.`);
				return now.read(0, now.size);
			}
		};
	}
	return lacking(
		paths[0]!,
		`${where}: there is no image ${paths[0]} in ${folder.name}${paths.length > 1 ? ` (nor ${paths.slice(1).join(', ')})` : ''}; unpack the benchmark's images there.`
	);
}

/** An image that is not there. */
const lacking = (name: string, missing: string): ExampleImage => ({
	...{ name, missing },
	read: () => Promise.reject(new InputError(missing))
});
