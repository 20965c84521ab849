/**
 * Something the user gave cannot be used. The message is one sentence that says what is wrong, where, and what to do;
 * it is shown as it is (page) or printed alone (CLI, exit code 2).
 */
export class InputError extends Error {
	override readonly name = 'InputError';
}
