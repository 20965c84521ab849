/** The name, without extension, that a notebook's file gets. */
export const fileNameOf = (title: string): string =>
	(title || 'notebook').replace(/[^\p{L}\p{N}]+/gu, '-').toLowerCase();
