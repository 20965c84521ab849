import { sentence } from '$lib/bytes/sentence.ts';
import { openNotebookFiles, withFiles, type StoredFile } from './files.ts';
import { shipped } from './library.ts';
import { ConflictError, NotebookStore, type StoredNotebook } from './store.ts';

/** Milliseconds after the last change until it is saved. */
const REST = 500;

/** A notebook as it is open in this tab. */
export interface OpenNotebook {
	/** In the store; undefined for one that came with the workbench and is as it came. */
	readonly id: string | undefined;
	/** Name of a shipped notebook. */
	readonly shipped?: string;
	readonly title: string;
	readonly text: string;
	readonly trusted: boolean;
	/** Goes up whenever the frame has to read the text anew. */
	readonly opening: number;
}

/** Notebooks of this browser, and the one that is open: saved as it changes, by one tab at a time. */
export class Notebooks {
	kept = $state.raw<readonly StoredNotebook[]>([]);
	open = $state.raw<OpenNotebook | undefined>();
	/** What lies beside the open one. */
	files = $state.raw<readonly StoredFile[]>([]);
	/** Another tab has it; it can be read here, and taken over. */
	elsewhere = $state(false);
	saved = $state<'saved' | 'saving' | 'unsaved'>('saved');
	error = $state<string | undefined>();

	readonly #store: Pick<NotebookStore, 'list' | 'get' | 'save' | 'remove'>;
	readonly #base: string;
	readonly #channel = new BroadcastChannel('honeybee-notebooks');
	#unwritten = false;
	#version = 0;
	#text = '';
	#title = '';
	#opening = 0;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#release: (() => void) | undefined;
	#writing: Promise<void> = Promise.resolve();

	constructor(
		base: string,
		store: Pick<NotebookStore, 'list' | 'get' | 'save' | 'remove'> = new NotebookStore()
	) {
		this.#base = base;
		this.#store = store;
		this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => {
			void this.refresh();
			if (this.elsewhere && data === this.open?.id && this.open?.id !== undefined)
				this.#reread(this.open.id).catch((error: unknown) => (this.error = sentence(error)));
		};
	}

	async refresh(): Promise<void> {
		try {
			this.kept = await this.#store.list();
		} catch (error) {
			this.error = sentence(error);
		}
	}

	/** The text as it is now. */
	get text(): string {
		return this.#text;
	}

	/** The title as it is now. */
	get title(): string {
		return this.#title;
	}

	async openShipped(name: string): Promise<void> {
		await this.leave();
		const known = shipped.find((one) => one.name === name);
		if (!known) return void (this.error = `There is no notebook ${name} here.`);
		try {
			const response = await fetch(`${this.#base}notebooks/${name}.html`);
			if (!response.ok) throw new Error(`The notebook ${name} could not be fetched; reload the page.`);
			this.#show({
				id: undefined,
				shipped: name,
				title: known.title,
				text: await response.text(),
				trusted: true
			});
		} catch (error) {
			this.error = sentence(error);
		}
	}

	async openKept(id: string): Promise<void> {
		await this.leave();
		const known = await this.#store.get(id).catch(() => undefined);
		if (!known) return void (this.error = 'This notebook is not in this browser; open its file.');
		await this.#lock(id, false);
		this.#version = known.version;
		this.#show(known, known.files);
	}

	/** Takes over from the other tab. */
	async takeOver(): Promise<void> {
		const id = this.open?.id;
		if (id === undefined) return;
		try {
			await this.#lock(id, true);
			await this.#reread(id);
		} catch (error) {
			this.error = sentence(error);
		}
	}

	/** A notebook from the disk, with its files; it runs nothing until it is trusted. */
	async openFiles(chosen: readonly File[]): Promise<string | undefined> {
		try {
			const { title, text, files } = await openNotebookFiles(chosen);
			return await this.#create(title, text, false, files);
		} catch (error) {
			this.error = sentence(error);
			return undefined;
		}
	}

	/** Puts files beside the open notebook. */
	attach(added: readonly File[]): void {
		if (!this.open || this.elsewhere || added.length === 0) return;
		try {
			this.files = withFiles(this.files, added);
			this.#soon();
		} catch (error) {
			this.error = sentence(error);
		}
	}

	detach(name: string): void {
		if (this.elsewhere) return;
		this.files = this.files.filter((file) => file.name !== name);
		this.#soon();
	}

	create(): Promise<string | undefined> {
		const text =
			'<!doctype html>\n<notebook theme="air">\n  <title>Untitled</title>\n  <script id="1" type="text/markdown">\n    # Untitled\n  </script>\n</notebook>\n';
		return this.#create('Untitled', text, true);
	}

	async remove(id: string): Promise<void> {
		if (this.open?.id === id) await this.leave();
		try {
			await this.#store.remove(id);
		} catch (error) {
			this.error = sentence(error);
			return;
		}
		this.#channel.postMessage(id);
		await this.refresh();
	}

	/** The reader lets it run. */
	trust(): void {
		if (!this.open) return;
		this.open = { ...this.open, trusted: true };
		this.#soon();
	}

	/** Reads the text into a new frame, e.g. after a cell that did not give way was stopped. */
	reopen(): void {
		if (this.open) this.open = { ...this.open, text: this.#text, opening: ++this.#opening };
	}

	/** What the frame says of the notebook's text. */
	changed(text: string, title: string): void {
		if (this.#unwritten) this.error = undefined;
		this.#unwritten = false;
		if (this.elsewhere || text === this.#text) return;
		this.#text = text;
		this.#title = title;
		this.#soon();
	}

	/** The frame has a change that cannot be saved, and says why. */
	unwritten(message: string): void {
		this.#unwritten = true;
		this.error = message;
	}

	/** Saves what is not saved and lets other tabs have the notebook. */
	async leave(): Promise<void> {
		if (this.saved === 'unsaved') this.#save();
		await this.#writing;
		this.#release?.();
		this.#release = undefined;
		this.elsewhere = false;
		this.open = undefined;
		this.error = undefined;
	}

	#show(notebook: Omit<OpenNotebook, 'opening'>, files: readonly StoredFile[] = []): void {
		this.files = files;
		this.#text = notebook.text;
		this.#title = notebook.title;
		this.saved = 'saved';
		const { id, title, text, trusted } = notebook;
		this.open = {
			id,
			...(notebook.shipped !== undefined && { shipped: notebook.shipped }),
			title,
			text,
			trusted,
			opening: ++this.#opening
		};
	}

	async #reread(id: string): Promise<void> {
		const known = await this.#store.get(id);
		if (!known) return;
		this.#version = known.version;
		this.#show(known, known.files);
	}

	async #create(
		title: string,
		text: string,
		trusted: boolean,
		files: readonly StoredFile[] = []
	): Promise<string | undefined> {
		try {
			const id = crypto.randomUUID();
			await this.#store.save({ id, title, text, files, version: 0, trusted });
			this.#channel.postMessage(id);
			await this.refresh();
			return id;
		} catch (error) {
			this.error = sentence(error);
			return undefined;
		}
	}

	#soon(): void {
		this.saved = 'unsaved';
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.#save(), REST);
	}

	#save(): void {
		clearTimeout(this.#timer);
		this.#writing = this.#writing.then(() => this.#write());
	}

	async #write(): Promise<void> {
		const { open } = this;
		if (!open || this.elsewhere) return;
		this.saved = 'saving';
		try {
			let { id } = open;
			const fresh = id === undefined;
			id ??= crypto.randomUUID();
			if (fresh) {
				// The first change of a shipped notebook makes it one's own.
				this.#version = 0;
				await this.#lock(id, false);
			}
			const text = this.#text;
			const { files } = this;
			const { version } = await this.#store.save({
				id,
				title: fresh ? `${this.#title}, changed` : this.#title,
				text,
				files,
				version: this.#version,
				trusted: open.trusted
			});
			this.#version = version;
			if (fresh)
				this.open = { id, title: this.#title, text: open.text, trusted: open.trusted, opening: open.opening };
			this.#channel.postMessage(id);
			this.saved = this.#text === text && this.files === files ? 'saved' : 'unsaved';
			if (this.saved === 'unsaved') this.#soon();
			await this.refresh();
		} catch (error) {
			this.error = sentence(error);
			this.saved = 'unsaved';
			if (error instanceof ConflictError) await this.#keepCopy();
		}
	}

	/** Another tab has taken it over. What was written here and not yet saved is kept as a copy. */
	async #taken(id: string): Promise<void> {
		clearTimeout(this.#timer);
		await this.#writing;
		// That writing has failed and was kept as a copy, or another notebook was opened.
		if (this.open?.id !== id) return;
		if (this.saved !== 'unsaved') return void (this.elsewhere = true);
		this.error = 'Another tab has taken this notebook over; what you wrote last is kept here as a copy.';
		await this.#keepCopy();
	}

	async #keepCopy(): Promise<void> {
		try {
			await this.#fork();
		} catch (error) {
			this.error = sentence(error);
		}
	}

	/** Saves at once what is not saved, as the tab may be closed. Says whether something was left to do. */
	flush(): boolean {
		if (this.saved === 'unsaved') this.#save();
		return this.saved !== 'saved';
	}

	/** Keeps this tab's version beside the one that another tab has saved. */
	async #fork(): Promise<void> {
		const words = this.error;
		this.#release?.();
		const id = crypto.randomUUID();
		await this.#lock(id, false);
		const { version } = await this.#store.save({
			id,
			title: `${this.#title}, copy`,
			text: this.#text,
			files: this.files,
			version: 0,
			trusted: this.open?.trusted ?? false
		});
		this.#version = version;
		if (this.open) this.open = { ...this.open, id };
		this.saved = 'saved';
		this.#channel.postMessage(id);
		await this.refresh();
		this.error = words;
	}

	/** Only the tab with the lock writes. */
	async #lock(id: string, steal: boolean): Promise<void> {
		this.#release?.();
		const got = await new Promise<boolean>((resolve) => {
			const held = new Promise<void>((release) => (this.#release = release));
			const mode = steal ? ({ steal: true } as const) : ({ ifAvailable: true } as const);
			navigator.locks
				.request(`honeybee-notebook-${id}`, mode, (lock) => {
					resolve(lock !== null);
					return lock === null ? undefined : held;
				})
				.catch(() => {
					if (this.open?.id === id) void this.#taken(id);
				});
		});
		this.elsewhere = !got;
	}
}
