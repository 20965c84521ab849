/** What to tell the user of an error. Errors meant for users are whole sentences already. */
export function sentence(error: unknown): string {
	const message = error instanceof Error ? error.message : typeof error === 'string' ? error : '';
	return message || 'Something went wrong; try again.';
}
