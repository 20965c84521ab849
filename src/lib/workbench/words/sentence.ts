/** What to tell the user of an error. Errors meant for users are whole sentences already. */
export function sentence(error: unknown): string {
	return error instanceof Error && error.message !== '' ? error.message : 'Something went wrong; try again.';
}
