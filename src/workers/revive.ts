import { InputError } from '../lib/tensor/errors.ts';

/** Errors lose their class on the way out of a worker; their name tells it. */
export function revive(thrown: unknown): Error {
	if (!(thrown instanceof Error)) return new Error(String(thrown));
	if (thrown.name !== 'InputError' || thrown instanceof InputError) return thrown;
	return new InputError(thrown.message);
}
