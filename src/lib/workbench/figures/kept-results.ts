import type { Records } from '../../browser/records.ts';
import type { ModelManifest } from '../../model/manifest.ts';
import type { Study } from './study.svelte.ts';

/** A result as the browser keeps it. */
export interface KeptResult {
	readonly key: string;
	/** Without what the page has at hand anyway: the model's description, images. */
	readonly value: object;
	/** Milliseconds it took. */
	readonly took: number;
	/** Milliseconds since 1970. */
	readonly at: number;
}

/** Kept of all pages together; the oldest go first. */
const MOST = 24;

/**
 * Results of long measurements, kept in this browser, so that they outlive the page. A browser that keeps nothing measures again.
 * The name of a result says all that it was made of, the files of the model included.
 */
export class KeptResults {
	readonly #records: Records<KeptResult>;
	readonly #application: string;

	/** @param application version of the workbench: another one may measure otherwise */
	constructor(records: Records<KeptResult>, application: string) {
		this.#records = records;
		this.#application = application;
	}

	/** Shows what is kept under `key`, unless something else has been asked of the study by then. @returns whether there was something */
	async recall<T>(
		study: Study<T>,
		key: string,
		manifest: ModelManifest,
		revive: (value: object) => T
	): Promise<boolean> {
		const before = study.key;
		const kept = await this.#records.get(this.#name(key, manifest)).catch(() => undefined);
		if (!kept || study.key !== before || study.status === 'running') return false;
		study.show(key, revive(kept.value), kept.took);
		return true;
	}

	/** Keeps what the study shows, where it is the result for `key`. */
	async keep<T>(
		study: Study<T>,
		key: string,
		manifest: ModelManifest,
		strip: (value: T) => object
	): Promise<void> {
		const { value, valueKey, took } = study;
		if (value === undefined || valueKey !== key || took === undefined) return;
		try {
			const name = this.#name(key, manifest);
			await this.#records.put({ key: name, value: strip(value), took, at: Date.now() });
			const all = (await this.#records.all()).sort((a, b) => a.at - b.at);
			await this.#records.remove(all.slice(0, -MOST).map((one) => one.key));
		} catch {
			// The storage is full or forbidden: it is measured again.
		}
	}

	#name(key: string, { files }: ModelManifest): string {
		return [this.#application, key, ...files.map(({ sha256 }) => sha256.slice(0, 12))].join('|');
	}
}
