import { fetchedDataUrl } from '../../bytes/data-url.ts';
import { packValue, scriptSafe } from '../../viz/export/pack.ts';
import type { Exportable } from '../../viz/export/files.ts';
import { figures as registry } from '../../viz/registry.ts';
import { DATA_ID, PLACE, type SavedFigure } from '../../viz/snapshot/saved.ts';
import { escapeHtml } from './html.ts';

/** Nothing from anywhere: the file's own script, styles and images. */
const policy =
	"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'";

export interface PageParts {
	/** The page as it stands. */
	readonly article: HTMLElement;
	/** What follows it under a heading of its own. */
	readonly beside?: { readonly heading: string; readonly element: HTMLElement };
	/** Its figures that have something to show. */
	readonly figures: readonly Exportable[];
	readonly title: string;
	/** Where the page is, and where its numbers come from. */
	readonly address: string;
	/** JavaScript that makes the figures live (`viz/snapshot/main.ts`). */
	readonly script: string;
}

/** One HTML file of a page: its text as it stands, its figures live, without model, network or the rest of the workbench. */
export async function savedPage({
	article,
	beside,
	figures,
	title,
	address,
	script
}: PageParts): Promise<string> {
	const copy = article.cloneNode(true) as HTMLElement;
	settleControls(article, copy);
	for (const part of copy.querySelectorAll('[data-not-saved]')) part.remove();
	const saved: SavedFigure[] = [];
	for (const place of copy.querySelectorAll<HTMLElement>('figure[data-ordinal]')) {
		const item = figures.find(
			({ figure, ordinal }) => place.id === `figure-${figure.id}` && place.dataset['ordinal'] === `${ordinal}`
		);
		const sheet = place.querySelector<HTMLElement>('.sheet');
		place.querySelector('.actions')?.remove();
		if (!sheet) continue;
		if (!item) {
			sheet.textContent = 'Not computed when this page was saved.';
			sheet.style.minHeight = '0';
			continue;
		}
		const kind = registry.find(({ draw }) => (draw as unknown) === item.figure.draw)?.id ?? item.figure.id;
		sheet.replaceChildren();
		sheet.setAttribute(PLACE, `${saved.length}`);
		saved.push({
			kind,
			title: item.figure.title,
			rows: await withImages(item.rows),
			options: item.options,
			selection: item.selection
		});
	}
	const also = beside?.element.cloneNode(true) as HTMLElement | undefined;
	if (beside && also) settleControls(beside.element, also);
	for (const part of also ? [copy, also] : [copy])
		for (const image of part.querySelectorAll('img, image')) await inline(image);
	const made = new Date().toLocaleString('en', { dateStyle: 'long', timeStyle: 'short' });
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escapeHtml(title)}</title>
<style>
${styles()}
article { min-height: 0; }
</style>
</head>
<body>
<main>
${copy.outerHTML}
${beside && also ? `<section style="max-width: 60rem; margin: 0 auto; padding: 0 3.5rem 3rem;"><h2>${escapeHtml(beside.heading)}</h2>${also.innerHTML}</section>` : ''}
<p class="small soft" style="max-width: 72rem; margin: 0 auto; padding: 0 3.5rem 3rem;">Saved ${escapeHtml(made)} from the Honeybee workbench: ${escapeHtml(address)}. ${saved.length > 0 ? 'The figures are live; the model' : 'The model'} is not in this file.</p>
</main>
<script type="application/json" id="${DATA_ID}">${scriptSafe(packValue(saved))}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** What controls say stays as text; a file without a model has nothing to set. */
function settleControls(page: HTMLElement, copy: HTMLElement): void {
	const live = [...page.querySelectorAll<HTMLElement>('*')];
	const still = [...copy.querySelectorAll<HTMLElement>('*')];
	live.forEach((element, i) => {
		const twin = still[i]!;
		const say = (words: string) => {
			const span = document.createElement('span');
			span.textContent = words;
			twin.replaceWith(span);
		};
		if (element instanceof HTMLSelectElement) say(element.selectedOptions[0]?.label ?? '');
		else if (element instanceof HTMLTextAreaElement) say(element.value);
		else if (element instanceof HTMLFieldSetElement) {
			const chosen = element.querySelector<HTMLInputElement>('input[type=radio]:checked')?.closest('label');
			const legend = element.querySelector('legend')?.textContent?.trim();
			if (chosen) say([legend, chosen.textContent?.trim()].filter(Boolean).join(': '));
		} else if (element instanceof HTMLInputElement) {
			if (!twin.isConnected && !copy.contains(twin)) return;
			if (element.type === 'checkbox' || element.type === 'radio')
				say(element.classList.contains('unseen') ? '' : element.checked ? '☑ ' : '☐ ');
			else if (element.type === 'range') say(`${element.value} `);
			else if (element.type === 'file') twin.remove();
			else say(element.value);
		} else if (element instanceof HTMLCanvasElement) {
			const image = document.createElement('img');
			image.src = element.toDataURL();
			image.alt = element.getAttribute('aria-label') ?? '';
			twin.replaceWith(image);
		} else if (element instanceof HTMLButtonElement) {
			// A button that is a row's name is still its name.
			if (element.querySelector('img')) twin.replaceWith(...twin.childNodes);
			else if (element.closest('th')) say(element.textContent ?? '');
			else twin.remove();
		} else if (element instanceof HTMLIFrameElement || element instanceof HTMLProgressElement) twin.remove();
		else if (element instanceof HTMLAnchorElement) twin.setAttribute('href', element.href);
	});
}

/** Rows whose images are inside them; an object that occurs twice stays one. */
async function withImages(rows: unknown, known = new Map<object, unknown>()): Promise<unknown> {
	if (rows === null || typeof rows !== 'object' || ArrayBuffer.isView(rows)) return rows;
	if (rows instanceof Map || rows instanceof Set) return rows;
	if (known.has(rows)) return known.get(rows);
	const copy: unknown[] | Record<string, unknown> = Array.isArray(rows) ? [] : {};
	known.set(rows, copy);
	for (const [key, value] of Object.entries(rows))
		(copy as Record<string, unknown>)[key] =
			key === 'href' && typeof value === 'string'
				? await fetchedDataUrl(value)
				: await withImages(value, known);
	return copy;
}

async function inline(image: Element): Promise<void> {
	const name = image.localName === 'img' ? 'src' : 'href';
	const address = image.getAttribute(name);
	if (address !== null) image.setAttribute(name, await fetchedDataUrl(address));
}

/** All rules of the page that came from the site itself. */
function styles(): string {
	return [...document.styleSheets]
		.flatMap((sheet) => {
			try {
				return [...sheet.cssRules].map((rule) => rule.cssText);
			} catch {
				return [];
			}
		})
		.join('\n')
		.replace(/<\/style/gi, '<\\/style');
}
