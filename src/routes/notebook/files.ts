import { strToU8, unzipSync, zipSync } from 'fflate';
import { sizeInWords } from '$lib/bytes/sizes.ts';
import type { FileInfo } from '$lib/notebook/protocol.ts';
import { InputError } from '$lib/tensor/errors.ts';

/** A file beside a notebook, as it is kept with it. */
export interface StoredFile {
	/** With its folder, if it has one. */
	readonly name: string;
	/** MIME type, or empty. */
	readonly type: string;
	/** Milliseconds since 1970. */
	readonly lastModified: number;
	readonly data: Blob;
}

/** What was opened: a notebook and what lies beside it. */
export interface NotebookFiles {
	readonly title: string;
	readonly text: string;
	readonly files: readonly StoredFile[];
}

/** Files that a notebook may have altogether, bytes. */
const MOST = 200e6;

const isNotebook = (text: string) => /<notebook[\s>]/i.test(text) || /^\s*\{/.test(text);

export const infosOf = (files: readonly StoredFile[]): FileInfo[] =>
	files.map(({ name, type, lastModified, data }) => ({ name, type, lastModified, size: data.size }));

/**
 * A notebook of the disk: its file, with those that were chosen together with it or that lie in its archive.
 * @throws InputError when there is no notebook among them, or one cannot be read
 */
export async function openNotebookFiles(chosen: readonly File[]): Promise<NotebookFiles> {
	const all = (
		await Promise.all(
			chosen.map((file) => (/\.zip$/i.test(file.name) ? unpacked(file) : Promise.resolve([stored(file)])))
		)
	).flat();
	for (const one of all) {
		if (!/\.(html|ipynb)$/i.test(one.name)) continue;
		const text = await textOf(one);
		if (!isNotebook(text)) continue;
		const title = /<title>([^<]*)<\/title>/.exec(text)?.[1] ?? one.name.replace(/^.*\/|\.\w+$/g, '');
		const folder = one.name.replace(/[^/]*$/, '');
		const files = all
			.filter((other) => other !== one)
			.map((other) => ({
				...other,
				name: other.name.startsWith(folder) ? other.name.slice(folder.length) : other.name
			}));
		return { title, text, files: withinMost(files) };
	}
	const [first] = chosen;
	if (first) await textOf(stored(first));
	throw new InputError(
		`${first?.name ?? 'This'} is no notebook; open an Observable notebook (.html), alone or with its files or in a .zip, or a Jupyter notebook (.ipynb).`
	);
}

/** The files of a notebook with others added; one of the same name is replaced. @throws InputError when they are too many */
export function withFiles(files: readonly StoredFile[], added: readonly File[]): readonly StoredFile[] {
	const fresh = added.map(stored);
	return withinMost([...files.filter(({ name }) => !fresh.some((one) => one.name === name)), ...fresh]);
}

/** A notebook with what lies beside it, as other programs read it when it is unpacked. */
export async function packNotebook(
	name: string,
	text: string,
	files: readonly StoredFile[]
): Promise<Uint8Array<ArrayBuffer>> {
	const entries: Record<string, Uint8Array> = { [`${name}.html`]: strToU8(text) };
	for (const { name, data } of files) entries[name] = new Uint8Array(await data.arrayBuffer());
	return new Uint8Array(zipSync(entries));
}

const stored = (file: File): StoredFile => ({
	name: file.name,
	type: file.type,
	lastModified: file.lastModified,
	data: file
});

function withinMost(files: readonly StoredFile[]): readonly StoredFile[] {
	const size = files.reduce((sum, { data }) => sum + data.size, 0);
	if (size > MOST)
		throw new InputError(
			`The files beside a notebook may have ${sizeInWords(MOST)} together, these have ${sizeInWords(size)}; leave some out.`
		);
	return files;
}

async function textOf({ name, data }: StoredFile): Promise<string> {
	try {
		return await data.text();
	} catch {
		throw new InputError(`${name} could not be read; was it moved or changed? Open it again.`);
	}
}

async function unpacked(archive: File): Promise<StoredFile[]> {
	const bytes = await archive.arrayBuffer().catch(() => undefined);
	if (!bytes)
		throw new InputError(`${archive.name} could not be read; was it moved or changed? Open it again.`);
	let size = 0;
	let entries: Readonly<Record<string, Uint8Array>>;
	try {
		// The sizes that the archive itself names are asked before anything is unpacked.
		entries = unzipSync(new Uint8Array(bytes), {
			filter: ({ name, originalSize }) => {
				size += originalSize;
				return size <= MOST && !/(^|\/)(\.|__MACOSX\/)|\/$/.test(name);
			}
		});
	} catch {
		throw new InputError(`${archive.name} is not a whole .zip archive; pack it again.`);
	}
	if (size > MOST)
		throw new InputError(`${archive.name} holds more than ${sizeInWords(MOST)}; leave some files out.`);
	return Object.entries(entries).map(([name, data]) => ({
		name,
		type: '',
		lastModified: archive.lastModified,
		data: new Blob([new Uint8Array(data)])
	}));
}
