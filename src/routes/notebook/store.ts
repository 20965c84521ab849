import { InputError } from '$lib/tensor/errors.ts';
import type { StoredFile } from './files.ts';

/** A notebook kept in the browser. */
export interface StoredNotebook {
	readonly id: string;
	readonly title: string;
	/** The file. */
	readonly text: string;
	/** What lies beside it; none in notebooks of before there were any. */
	readonly files?: readonly StoredFile[];
	/** Counts savings; a writer must have seen the last one. */
	readonly version: number;
	/** The reader has said that it may run, or wrote it. */
	readonly trusted: boolean;
	/** Milliseconds since 1970. */
	readonly saved: number;
}

/** Somebody else has saved in the meantime. */
export class ConflictError extends InputError {}

const DATABASE = 'honeybee-notebooks';
const STORE = 'notebooks';

/** Notebooks in IndexedDB. */
export class NotebookStore {
	readonly #database: Promise<IDBDatabase>;

	constructor(factory: IDBFactory = indexedDB) {
		this.#database = new Promise((resolve, reject) => {
			const request = factory.open(DATABASE, 1);
			request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'id' });
			request.onsuccess = () => resolve(request.result);
			request.onerror = () =>
				reject(new Error('This browser keeps nothing (private window?); download the notebook to keep it.'));
		});
		this.#database.catch(() => undefined);
	}

	/** All notebooks, the last saved first. */
	async list(): Promise<StoredNotebook[]> {
		const all = await this.#run<StoredNotebook[]>('readonly', (store) => store.getAll());
		return all.sort((a, b) => b.saved - a.saved);
	}

	get(id: string): Promise<StoredNotebook | undefined> {
		return this.#run('readonly', (store) => store.get(id));
	}

	/**
	 * Saves what was made of version `notebook.version`; gives it with the version it has now.
	 * @throws ConflictError when another tab has saved since
	 */
	async save(notebook: Omit<StoredNotebook, 'saved'>): Promise<StoredNotebook> {
		const database = await this.#database;
		return new Promise((resolve, reject) => {
			const transaction = database.transaction(STORE, 'readwrite');
			const store = transaction.objectStore(STORE);
			let saved: StoredNotebook | undefined;
			let conflict = false;
			const before = store.get(notebook.id);
			before.onsuccess = () => {
				const known = before.result as StoredNotebook | undefined;
				if (known && known.version !== notebook.version) {
					conflict = true;
					return;
				}
				saved = { ...notebook, version: notebook.version + 1, saved: Date.now() };
				store.put(saved);
			};
			transaction.oncomplete = () =>
				conflict || !saved
					? reject(
							new ConflictError(
								'Another tab has changed this notebook since; your version is kept as a copy.'
							)
						)
					: resolve(saved);
			transaction.onerror = transaction.onabort = () =>
				reject(new Error('The notebook could not be saved (storage full?); download it to keep it.'));
		});
	}

	async remove(id: string): Promise<void> {
		await this.#run('readwrite', (store) => store.delete(id));
	}

	async #run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest): Promise<T> {
		const database = await this.#database;
		return new Promise((resolve, reject) => {
			const request = work(database.transaction(STORE, mode).objectStore(STORE));
			request.onsuccess = () => resolve(request.result as T);
			request.onerror = () => reject(new Error('The kept notebooks cannot be read; reload the page.'));
		});
	}
}
