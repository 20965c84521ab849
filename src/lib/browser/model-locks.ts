import { InputError } from '../tensor/errors.ts';
import { holdForLife } from './locks.ts';

/**
 * Web Locks by which tabs share one copy of a stored model: whoever has it loaded holds `use` with others, whoever converts or
 * downloads it holds `write` alone, and deleting it takes both alone. A lock ends with the worker or tab that holds it.
 */
const useLock = (name: string) => `honeybee-use/${name}`;
const writeLock = (name: string) => `honeybee-write/${name}`;
const threadLock = (name: string) => `honeybee-thread/${name}`;

/** Keeps a stored model from being deleted for as long as this worker lives. @throws InputError while it is being deleted. */
export async function holdModel(name: string): Promise<void> {
	const granted = await holdForLife(useLock(name), { mode: 'shared', ifAvailable: true });
	if (!granted) throw new InputError(`The model "${name}" is being deleted; choose another one.`);
}

/** Does what writes a stored model, alone. @throws InputError when another tab is doing so. */
export function writingModel<T>(name: string, work: () => Promise<T>): Promise<T> {
	const refusal = `The model "${name}" is being written in another tab; wait for it there, or stop it.`;
	return exclusively(writeLock(name), refusal, async () => {
		// Threads of a worker that was ended may outlive it by a moment, and have files of the model open.
		await exclusively(threadLock(name), refusal, async () => undefined);
		return work();
	});
}

/** Tells, as long as this worker lives, that a thread of another one's conversion is at the model's files. */
export async function holdAsThread(name: string): Promise<void> {
	await holdForLife(threadLock(name), { mode: 'shared' });
}

/** Deletes a stored model, alone. @throws InputError when it is in use. */
export function deletingModel<T>(name: string, work: () => Promise<T>): Promise<T> {
	return writingModel(name, () =>
		exclusively(
			useLock(name),
			`The model "${name}" is in use, here or in another tab; choose another model there before deleting it.`,
			work
		)
	);
}

/** The lock of a worker that was ended a moment ago may still be held. */
const PATIENCE_MS = 1500;

async function exclusively<T>(lock: string, refusal: string, work: () => Promise<T>): Promise<T> {
	if (!navigator.locks) return work();
	const signal = AbortSignal.timeout(PATIENCE_MS);
	let began = false;
	try {
		return await navigator.locks.request(lock, { signal }, () => {
			began = true;
			return work();
		});
	} catch (error) {
		throw !began && signal.aborted ? new InputError(refusal) : error;
	}
}
