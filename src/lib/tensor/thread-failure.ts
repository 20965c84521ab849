import { sentence } from '../bytes/sentence.ts';
import { InputError } from './errors.ts';

/** An error on its way out of a thread, where it would lose its class. */
export interface ThreadFailure {
	readonly message: string;
	/** Whether what was put in is to blame. */
	readonly input: boolean;
}

export function failureOf(error: unknown): ThreadFailure {
	return {
		message: sentence(error),
		input: error instanceof InputError
	};
}

export function errorOf({ message, input }: ThreadFailure): Error {
	return input ? new InputError(message) : new Error(message);
}
