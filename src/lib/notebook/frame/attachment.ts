import { autoType, dsvFormat } from 'd3';
import { unzipSync } from 'fflate';
import type { FileInfo } from '../protocol.ts';
import { inferTypes } from './kit.ts';

/** The bytes of a file beside the notebook. */
export type ReadFile = (name: string) => Promise<Uint8Array<ArrayBuffer>>;

interface DsvOptions {
	readonly delimiter?: string;
	readonly array?: boolean;
	readonly typed?: boolean | 'auto';
}

/** By the ends of names. */
const types: Readonly<Record<string, string>> = {
	csv: 'text/csv',
	tsv: 'text/tab-separated-values',
	txt: 'text/plain',
	json: 'application/json',
	html: 'text/html',
	xml: 'application/xml',
	svg: 'image/svg+xml',
	png: 'image/png',
	jpg: 'image/jpeg',
	jpeg: 'image/jpeg',
	webp: 'image/webp',
	gif: 'image/gif',
	js: 'text/javascript'
};

/** A file beside the notebook, as Notebook Kit's `FileAttachment` gives it; the page has the bytes, since the frame fetches nothing. */
class Attachment {
	readonly name: string;
	readonly mimeType: string;
	readonly lastModified: number;
	readonly size: number;
	readonly #read: () => Promise<Uint8Array<ArrayBuffer>>;
	constructor({ name, type, size, lastModified }: FileInfo, read: ReadFile) {
		this.name = name.split('/').pop()!;
		const end = /\.(\w+)$/.exec(this.name)?.[1]?.toLowerCase() ?? '';
		this.mimeType = type === '' ? (types[end] ?? 'application/octet-stream') : type;
		this.lastModified = lastModified;
		this.size = size;
		this.#read = () => read(name);
	}

	get href(): never {
		throw new Error(
			`${this.name}: its address is not known at once here; use await FileAttachment(…).url().`
		);
	}

	/** Of this page only; a new one each time. */
	async url(): Promise<string> {
		return URL.createObjectURL(await this.blob());
	}
	async blob(): Promise<Blob> {
		return new Blob([await this.#read()], { type: this.mimeType });
	}
	async arrayBuffer(): Promise<ArrayBuffer> {
		return (await this.#read()).slice().buffer;
	}
	async text(encoding?: string): Promise<string> {
		return new TextDecoder(encoding).decode(await this.#read());
	}
	async json(): Promise<unknown> {
		const text = await this.text();
		try {
			return JSON.parse(text) as unknown;
		} catch {
			throw new SyntaxError(`${this.name} is not valid JSON.`);
		}
	}
	async stream(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
		return (await this.blob()).stream();
	}
	async image(properties: object = {}): Promise<HTMLImageElement> {
		const image = Object.assign(new Image(), properties, { src: await this.url() });
		await image.decode().catch(() => {
			throw new Error(`${this.name} is no image that this browser shows.`);
		});
		return image;
	}
	/** Its files, each as an attachment of its own. */
	async zip() {
		const files = unzipSync(await this.#read());
		const filenames = Object.keys(files).filter((name) => !name.endsWith('/'));
		return {
			filenames,
			file: (name: string) => {
				const bytes = files[name];
				if (!bytes) throw new Error(`${this.name} has no file ${name}; it has ${filenames.join(', ')}.`);
				return new Attachment({ name, type: '', size: bytes.length, lastModified: this.lastModified }, () =>
					Promise.resolve(new Uint8Array(bytes))
				);
			}
		};
	}
	/** Rows of a table of text, as `csv` and `tsv` read it. */
	async dsv({ delimiter = ',', array = false, typed = false }: DsvOptions = {}): Promise<unknown> {
		const format = dsvFormat(delimiter);
		const text = await this.text();
		// Types are inferred from the columns' names and all their values only where rows have names.
		if (array) return format.parseRows(text, typed ? autoType : (row) => row);
		if (typed === true) return format.parse(text, autoType);
		const rows = format.parse(text);
		if (typed === 'auto') inferTypes(rows as Record<string, string>[], rows.columns);
		return rows;
	}
	async csv(options: DsvOptions = {}): Promise<unknown> {
		return this.dsv({ ...options, delimiter: ',' });
	}
	async tsv(options: DsvOptions = {}): Promise<unknown> {
		return this.dsv({ ...options, delimiter: '\t' });
	}
	async xml(type: DOMParserSupportedType = 'application/xml'): Promise<Document> {
		return new DOMParser().parseFromString(await this.text(), type);
	}
	async html(): Promise<Document> {
		return this.xml('text/html');
	}
	#refuse(kind: string): Promise<never> {
		return Promise.reject(
			new Error(
				`${this.name}: ${kind} is not read here; csv, tsv, dsv, json, text, xml, html, image, zip, blob and arrayBuffer are.`
			)
		);
	}
	arrow(): Promise<never> {
		return this.#refuse('Arrow');
	}
	parquet(): Promise<never> {
		return this.#refuse('Parquet');
	}
	arquero(): Promise<never> {
		return this.#refuse('a table of Arquero');
	}
	xlsx(): Promise<never> {
		return this.#refuse('a workbook');
	}
}

/**
 * `FileAttachment` over the files beside a notebook. A file is found by its path, or else by its name alone, since a file that was added
 * by hand has no folder.
 * @returns throws Error when there is none of that name
 */
export function fileAttachments(files: readonly FileInfo[], read: ReadFile) {
	const made = new Map<string, Attachment>();
	function FileAttachment(name: string): Attachment {
		const path = String(name).replace(/^\.\//, '');
		const last = (text: string) => text.split('/').pop();
		const info = files.find((one) => one.name === path) ?? files.find((one) => last(one.name) === last(path));
		if (!info)
			throw new Error(
				`There is no file “${path}” beside this notebook; add it with “Add files”, or drop it here.`
			);
		const known = made.get(info.name) ?? new Attachment(info, read);
		made.set(info.name, known);
		return known;
	}
	FileAttachment.prototype = Attachment.prototype;
	return FileAttachment;
}
