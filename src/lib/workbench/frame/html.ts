/** Text as it stands between the tags of an HTML file. */
export function escapeHtml(text: string): string {
	return text.replace(/[&<>]/g, (letter) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[letter]!);
}
