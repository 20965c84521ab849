import { sentence } from '../../bytes/sentence.ts';
import { toBase64, fromBase64 } from '../../bytes/base64.ts';
import { createContext } from 'svelte';
import { projectorStyles } from '../../model/projectors/registry.ts';
import { setPhrase } from '../../study/image-set.ts';
import { InputError } from '../../tensor/errors.ts';
import type { Table } from '../../viz/figure.ts';
import { compareTables, unpack, type Capsule, type CapsuleOrigin } from '../../viz/export/capsule.ts';
import { readCapsule } from '../../viz/export/embed.ts';
import type { Exportable } from '../../viz/export/files.ts';
import { unpackDrawing } from '../../viz/export/drawing.ts';
import { computingAgain, type FigureHost, type FileFigure, type Reopened } from '../../viz/export/host.ts';
import { defaultPrint, type PrintOptions } from '../../viz/export/print.ts';
import { isCheckpoint, isPicture } from '../frame/dropped.ts';
import { openImage } from '../session/images.ts';
import { keptImage } from '../session/kept-images.ts';
import type { NamedSet } from '../session/image-sets.svelte.ts';
import { ownName } from '../session/model-list.ts';
import type { Session } from '../session/session.ts';
import { citation, type Cited, wholeAddress } from '../words/citation.ts';
import { isBoolean, isNumber, type Memory, oneOf, recall, remember } from '../session/storage.ts';

/** Bytes of an image file that still travels inside an exported figure. */
const smallImage = 256 * 1024;
/** How far float32 on two backends may be apart: as far as their tests allow it. */
const roundingOf = (...backends: readonly string[]) => (backends.includes('webgpu') ? 1e-3 : 1e-4);
/** How long numbers that were there before a file was opened may stay before they count as the new ones, milliseconds. */
const patience = 30_000;

export interface FiguresParts {
	readonly session: Session;
	readonly memory: Memory;
	readonly application: string;
	/** Page and its state: path and query below the site's root. */
	readonly address: () => string;
	readonly open: (address: string) => Promise<void>;
	/** The site's root. */
	readonly base: string;
}

/** The figures of the page that is shown: what they export with, and the file that one of them was opened from. */
export class PageFigures implements FigureHost {
	readonly application: string;
	readonly projectors = projectorStyles;
	/** The exported figure that was opened last. */
	opened = $state.raw<Capsule | undefined>();
	/** What there is to say of it besides the comparison. */
	notes = $state.raw<readonly string[]>([]);
	error = $state<string | undefined>();

	readonly #parts: FiguresParts;
	readonly #entries: { id: string; ordinal: number; read: () => Exportable | undefined }[] = [];
	#print: PrintOptions;
	#grey = $state(false);
	/** Changes of `#entries` so far; their number is state, not they: what leaves with a page must not be read as it was before. */
	#changes = 0;
	#seen = $state(0);
	/** The opened figure's page is there. */
	#arrived = $state(false);
	#settled = $state(false);
	#words: string | undefined;
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(parts: FiguresParts) {
		this.#parts = parts;
		this.application = parts.application;
		const { memory } = parts;
		this.#grey = recall(memory, 'print.grey', isBoolean, false);
		this.#print = {
			inches: recall(memory, 'print.inches', isNumber, defaultPrint.inches),
			points: recall(memory, 'print.points', isNumber, defaultPrint.points),
			typeface: recall(memory, 'print.typeface', oneOf('sans', 'serif'), defaultPrint.typeface),
			dpi: recall(memory, 'print.dpi', isNumber, defaultPrint.dpi),
			cells: recall(memory, 'print.cells', oneOf('image', 'shapes'), defaultPrint.cells),
			letter: ''
		};
	}

	get grey(): boolean {
		return this.#grey;
	}

	set grey(grey: boolean) {
		this.#grey = grey;
		remember(this.#parts.memory, 'print.grey', grey);
	}

	get caveat(): string | undefined {
		return this.#parts.session.models.manifest?.provenance.caveat;
	}

	get print(): PrintOptions {
		return this.#print;
	}

	set print(print: PrintOptions) {
		this.#print = print;
		for (const key of ['inches', 'points', 'typeface', 'dpi', 'cells'] as const)
			remember(this.#parts.memory, `print.${key}`, print[key]);
	}

	origin(): CapsuleOrigin {
		const { session } = this.#parts;
		const { manifest, loaded, projector, tokens } = session.models;
		const image = session.images.current;
		const prompt = session.conversation.draft || session.conversation.exchanges.at(-1)?.question;
		return {
			address: this.#parts.address(),
			...(manifest && {
				model: {
					name: manifest.name,
					dtype: manifest.dtype,
					files: Object.fromEntries(manifest.files.map(({ path, sha256 }) => [path, sha256]))
				}
			}),
			...(loaded && { backend: loaded.backend.backend }),
			...(projector !== undefined && { projector }),
			...(tokens !== undefined && { tokens }),
			...(prompt ? { prompt } : {}),
			...(image && {
				image: {
					id: image.id,
					name: image.name,
					...(image.bytes.length <= smallImage && { base64: toBase64(image.bytes) })
				}
			}),
			settings: { ...session.conversation.sampling }
		};
	}

	link(address = this.#parts.address()): string {
		return wholeAddress(address, this.#parts.base);
	}

	citation({
		title,
		provenance,
		address
	}: Omit<Cited, 'version' | 'url' | 'date'> & { address?: string }): string {
		return citation({
			version: this.application,
			title,
			...(provenance !== undefined && { provenance }),
			url: this.link(address)
		});
	}

	register(id: string, read: () => Exportable | undefined) {
		let ordinal = 0;
		while (this.#entries.some((entry) => entry.id === id && entry.ordinal === ordinal)) ordinal++;
		const entry = { id, ordinal, read };
		this.#entries.push(entry);
		this.#seen = ++this.#changes;
		return {
			ordinal,
			remove: () => {
				this.#entries.splice(this.#entries.indexOf(entry), 1);
				this.#seen = ++this.#changes;
			}
		};
	}

	/** The opened figure, where the page it was opened on has no place for it yet, e.g. before a run is made. */
	readonly unplaced: FileFigure | undefined = $derived.by(() => {
		const { opened } = this;
		void this.#seen;
		if (opened === undefined || !this.#arrived) return undefined;
		const { id, ordinal } = opened.figure;
		const isPlaced = this.#entries.some((entry) => entry.id === id && entry.ordinal === ordinal);
		return isPlaced ? undefined : this.#ofFile;
	});

	fromFile(id: string, ordinal: number): FileFigure | undefined {
		const { opened } = this;
		return opened?.figure.id === id && opened.figure.ordinal === ordinal ? this.#ofFile : undefined;
	}

	readonly #ofFile: FileFigure | undefined = $derived.by(() => {
		const { opened } = this;
		if (opened?.drawing === undefined) return undefined;
		const { images } = this.#parts.session;
		const { image } = opened.origin;
		const addressOf = (name: string) => {
			const own = image?.name === name ? images.all.find(({ id }) => id === image.id) : undefined;
			return (own ?? images.all.find((one) => one.name === name))?.url;
		};
		try {
			return {
				...unpackDrawing(opened.drawing, addressOf),
				provenance: opened.provenance,
				method: opened.method,
				set: opened.set,
				origin: opened.origin,
				made: `${opened.origin.model?.name ?? 'no model'}, ${day(opened.created)}`
			};
		} catch {
			// The comparison says it.
			return undefined;
		}
	});

	figures(): Exportable[] {
		return this.#entries.flatMap(({ read }) => read() ?? []);
	}

	compare(id: string, ordinal: number, table: () => Table): Reopened | undefined {
		const { opened } = this;
		if (opened?.figure.id !== id || opened.figure.ordinal !== ordinal) return undefined;
		let kept: Table | undefined;
		try {
			kept = unpack(opened.table);
		} catch (error) {
			return { state: 'unknown', words: sentence(error) };
		}
		if (kept === undefined)
			return {
				state: 'unknown',
				words: 'The file holds too many numbers to carry them; nothing to compare with.'
			};
		const now = this.#parts.session.models.loaded?.backend.backend;
		const { backend } = opened.origin;
		const other = backend !== undefined && now !== undefined && backend !== now;
		const result = compareTables(kept, table(), other ? roundingOf(backend, now) : 0);
		if (result.same) {
			const to =
				result.apart === 0
					? ''
					: ` but for the rounding of ${now} and ${backend}, at most ${result.apart.toExponential(0)} of a column’s largest value`;
			return {
				state: 'identical',
				words: `Identical to the file${to}: all ${result.rows} rows × ${result.columns} columns.`
			};
		}
		// What was on the page before the file was opened may still be there while the new numbers are computed.
		if (!this.#settled && (this.#words === undefined || this.#words === result.words)) {
			this.#words = result.words;
			return { state: 'computing', words: computingAgain };
		}
		return { state: 'different', words: `Not as in the file: ${result.words}.` };
	}

	/**
	 * Takes files: exported figures are opened as live figures, images are put in, several of them as a set, too.
	 * @param folder name of the folder that they came in, whose images are a set
	 */
	async receive(files: readonly File[], folder?: string): Promise<void> {
		this.error = undefined;
		if (folder !== undefined) return this.#receiveFolder(files, folder);
		const images: File[] = [];
		for (const file of files) {
			try {
				const capsule = mayCarry(file) ? readCapsule(new Uint8Array(await file.arrayBuffer())) : undefined;
				if (capsule) await this.open(capsule);
				else if (/\.(pdf|svg|json)$/i.test(file.name))
					throw new InputError(
						`${file.name} is not a figure exported here; put in an image, or a figure with its metadata.`
					);
				else if (isCheckpoint({ path: file.name }))
					throw new InputError(
						`${file.name} belongs to a checkpoint: drop the checkpoint’s folder on the page Models.`
					);
				else if (/\.(csv|tsv|xlsx|jsonl|parquet|npy|tex)$/i.test(file.name))
					throw new InputError(
						`${file.name} holds numbers, and neither a picture nor where they come from: of exported figures, SVG, PDF, PNG and JSON open again; results of other tools come in on the page Benchmarks.`
					);
				else images.push(file);
			} catch (error) {
				this.error = sentence(error);
			}
		}
		if (images.length === 0) return;
		const { session } = this.#parts;
		const put = await session.images.putFiles(images);
		if (put.length > 1) await this.#sayNew(session.sets.addImages(put));
	}

	async #receiveFolder(files: readonly File[], folder: string): Promise<void> {
		const pictures = files.filter(({ name }) => isPicture({ path: name }));
		if (files.some(({ name }) => isCheckpoint({ path: name })))
			this.error = `The folder ${folder} is a checkpoint: drop it on the page Models, where it is converted.`;
		else if (pictures.length === 0)
			this.error = `The folder ${folder} holds no pictures (PNG, JPEG, WebP, GIF, AVIF or BMP).`;
		else await this.#sayNew(this.#parts.session.sets.addFiles(pictures, folder));
	}

	async #sayNew(making: Promise<NamedSet | undefined>): Promise<void> {
		const { sets } = this.#parts.session;
		const set = await making;
		if (set)
			sets.said = `${setPhrase(set)}: a set now, chosen for the figures over several images on Locality, Offsets and Gallery.`;
	}

	/** Restores the state a figure was exported in, and goes to its page. */
	async open(capsule: Capsule): Promise<void> {
		const { session } = this.#parts;
		const { image, model, prompt } = capsule.origin;
		const notes: string[] = [];
		if (model !== undefined && !session.models.list?.some((listing) => ownName(listing) === model.name))
			notes.push(`It was made with the model ${model.name}, which is not here: it is drawn from the file.`);
		else if (model !== undefined && session.models.manifest?.name === model.name) {
			// eslint-disable-next-line svelte/prefer-svelte-reactivity -- looked up at once
			const now = new Map(session.models.manifest.files.map(({ path, sha256 }) => [path, sha256]));
			const changed = Object.entries(model.files).filter(([path, hash]) => now.get(path) !== hash);
			if (changed.length > 0)
				notes.push(`The model’s files are not those of then: ${changed.map(([path]) => path).join(', ')}.`);
		}
		if (image !== undefined) {
			const known = session.images.all.find(({ id }) => id === image.id) ?? (await keptImage(image.id));
			if (known) session.images.put(known);
			else if (image.base64 === undefined) notes.push(`Its image, ${image.name}, is not here; put it in.`);
			else session.images.put(await openImage(new Blob([fromBase64(image.base64)]), image.name));
		}
		if (prompt !== undefined) session.conversation.draft = prompt;
		this.#settled = false;
		this.#words = undefined;
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => (this.#settled = true), patience);
		this.notes = notes;
		this.#arrived = false;
		this.opened = capsule;
		await this.#parts.open(safeAddress(capsule.origin.address));
		this.#arrived = true;
	}

	close(): void {
		this.opened = undefined;
		this.error = undefined;
		this.notes = [];
	}
}

/** e.g. "29 November 2026"; the words of a file that has no date where one should be. */
function day(created: string): string {
	const date = new Date(created);
	return Number.isNaN(date.getTime()) ? created : date.toLocaleDateString('en-GB', { dateStyle: 'long' });
}

/** A file says where to go: only ever to a page of this site. */
function safeAddress(address: string): string {
	const path = address.replace(/^\/+/, '');
	return /^[a-z0-9/-]*(\?[^#]*)?$/i.test(path) ? path : '';
}

function mayCarry(file: File): boolean {
	return /\.(svg|png|pdf|json)$/i.test(file.name) || /svg|png|pdf|json/.test(file.type);
}

export const [getPageFigures, setPageFigures] = createContext<PageFigures>();
