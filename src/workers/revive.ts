import { BackendError } from '../lib/model/runtime/backend.ts';
import { InputError } from '../lib/tensor/errors.ts';

const named = new Map([InputError, BackendError].map((type) => [type.name, type]));

/** Errors lose their class on the way out of a worker; their name tells it. */
export function revive(thrown: unknown): Error {
	if (!(thrown instanceof Error)) return new Error(String(thrown));
	const type = named.get(thrown.name);
	if (!type || thrown instanceof type) return thrown;
	return new type(thrown.message);
}
