/** Rows as a Markdown table; the first row's columns are those of all. */
export function table(rows: readonly Readonly<Record<string, string>>[]): string {
	const columns = Object.keys(rows[0] ?? {});
	const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
	return [
		line(columns),
		line(columns.map((_, i) => (i === 0 ? '---' : '---:'))),
		...rows.map((row) => line(columns.map((column) => row[column] ?? '')))
	].join('\n');
}
