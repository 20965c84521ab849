import { SAVED_NOTEBOOK, type SavedNotebook } from '$lib/notebook/saved.ts';
import { packValue, scriptSafe } from '$lib/viz/export/pack.ts';
import { escapeHtml } from '$lib/workbench/frame/html.ts';

/**
 * One HTML file of a notebook that ran: the notebook's frame, its cells, and what the model answered them. It opens without the workbench
 * and without a network. The frame's own policy lets it fetch nothing; unlike in the workbench, where the page holds it, it is a page of
 * its own that may go elsewhere, as any HTML file may.
 * @param frame the notebook's frame (`notebook-frame.html`)
 * @param script `notebook/saved.ts` as JavaScript
 */
export function savedNotebook(
	frame: string,
	script: string,
	title: string,
	saved: SavedNotebook,
	date: Date = new Date()
): string {
	const end = frame.lastIndexOf('</body>');
	const parts = [
		frame.slice(0, end).replace('<title>Notebook</title>', () => `<title>${escapeHtml(title)}</title>`),
		`<footer>${escapeHtml(provenance(saved, date))}</footer>\n`,
		`<script type="application/json" id="${SAVED_NOTEBOOK}">${scriptSafe(packValue(saved))}</script>\n`,
		`<script>${script}</script>\n`,
		frame.slice(end)
	];
	return parts.join('');
}

/** What the notebook's results are of, in one line. */
export function provenance({ subject }: Pick<SavedNotebook, 'subject'>, date: Date): string {
	const saved = `Saved from the Honeybee workbench on ${date.toISOString().slice(0, 10)}`;
	if (!subject) return `${saved}, without a model.`;
	const { model, projector, tokens, image } = subject;
	return `${saved}: model ${model}, projector ${projector}, M = ${tokens}, image ${image.name} (${image.width} × ${image.height}). Answers are those of then; cells run on with them, without the model.`;
}
