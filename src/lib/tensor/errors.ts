/**
 * Something the user gave cannot be used. The message is one sentence that says what is wrong, where, and what to do;
 * it is shown as it is (page) or printed alone (CLI, exit code 2).
 */
export class InputError extends Error {
	override readonly name = 'InputError';
}

/** What comes of it, or why what the user gave is not usable; other errors are thrown. */
export async function usable<T>(work: () => T | Promise<T>): Promise<T | InputError> {
	try {
		return await work();
	} catch (error) {
		if (error instanceof InputError) return error;
		throw error;
	}
}

/** Whether `usable` gave what was wanted. */
export const isUsable = <T>(found: T | InputError): found is T => !(found instanceof InputError);
