import { isObject } from '../../bytes/json.ts';
import type { RunStorage } from './storage.ts';

/** What people say of a run: a file beside its results, which may change at any time. */
export interface RunAbout {
	/** In place of projector and M. */
	readonly name?: string;
	readonly notes?: string;
	readonly tags?: readonly string[];
	/** Why what was said cannot be read, a sentence. */
	readonly problem?: string;
}

const ABOUT = 'about.json';

/** What is said of a run; one that cannot be read is as good as ever. */
export async function readAbout(storage: Pick<RunStorage, 'name' | 'read'>): Promise<RunAbout> {
	const bytes = await storage.read(ABOUT);
	if (!bytes) return {};
	let value: unknown;
	try {
		value = JSON.parse(new TextDecoder().decode(bytes));
	} catch {
		value = undefined;
	}
	if (!isObject(value))
		return { problem: `${ABOUT} in ${storage.name} cannot be read; what you write of the run replaces it.` };
	const { name, notes, tags } = value;
	return cleaned({
		...(typeof name === 'string' && { name }),
		...(typeof notes === 'string' && { notes }),
		...(Array.isArray(tags) && { tags: tags.filter((tag) => typeof tag === 'string') })
	});
}

export async function writeAbout(storage: Pick<RunStorage, 'write'>, about: RunAbout): Promise<void> {
	const { problem: _, ...said } = cleaned(about);
	await storage.write(ABOUT, `${JSON.stringify(said, null, '\t')}\n`);
}

/** Without empty words; every tag once. */
export function cleaned({ name = '', notes = '', tags = [], problem }: RunAbout): RunAbout {
	const kept = [...new Set(tags.map((tag) => tag.trim()))].filter((tag) => tag !== '');
	return {
		...(name.trim() !== '' && { name: name.trim() }),
		...(notes.trim() !== '' && { notes: notes.trim() }),
		...(kept.length > 0 && { tags: kept }),
		...(problem !== undefined && { problem })
	};
}
