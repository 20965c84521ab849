/** Records of one kind, kept in this browser under a key of their own. */
export interface Records<T> {
	/** In the order of their keys. @throws where the browser keeps nothing */
	all(): Promise<T[]>;
	/** @throws where the browser keeps nothing */
	get(key: IDBValidKey): Promise<T | undefined>;
	/** Adds a record, or replaces the one with its key. @throws where the browser keeps nothing, or no more */
	put(record: T): Promise<void>;
	remove(keys: readonly IDBValidKey[]): Promise<void>;
}

/**
 * Records in a database of their own, opened at the first use.
 * @param name of the database and of the store in it
 * @param key property that names a record
 */
export function indexedRecords<T extends object>(name: string, key: keyof T & string): Records<T> {
	let opened: Promise<IDBDatabase> | undefined;
	const open = () =>
		(opened ??= new Promise((resolve, reject) => {
			const request = indexedDB.open(name, 1);
			request.onupgradeneeded = () => request.result.createObjectStore(name, { keyPath: key });
			request.onsuccess = () => resolve(request.result);
			request.onerror = () => reject(new Error('This browser keeps nothing here (a private window?).'));
		}));
	const run = async <R>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<R> | void) => {
		const transaction = (await open()).transaction(name, mode);
		return new Promise<R | undefined>((resolve, reject) => {
			const request = work(transaction.objectStore(name)) ?? undefined;
			transaction.oncomplete = () => resolve(request?.result);
			transaction.onerror = transaction.onabort = () =>
				reject(new Error('This browser keeps no more (its storage is full?).'));
		});
	};
	return {
		all: async () => (await run<T[]>('readonly', (store) => store.getAll() as IDBRequest<T[]>)) ?? [],
		get: async (one) =>
			run<T | undefined>('readonly', (store) => store.get(one) as IDBRequest<T | undefined>),
		put: async (record) => {
			await run('readwrite', (store) => store.put(record));
		},
		remove: async (keys) => {
			await run('readwrite', (store) => {
				for (const one of keys) store.delete(one);
			});
		}
	};
}
