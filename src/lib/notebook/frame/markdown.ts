import DOMPurify from 'dompurify';
import katex, { type KatexOptions } from 'katex';
import MarkdownIt from 'markdown-it';

/** Drawn with KaTeX's own fonts, which the frame has in itself; MathML beside it is what screen readers say. */
const formula: KatexOptions = { output: 'htmlAndMathml', trust: false };

const markdown = new MarkdownIt({ html: true, linkify: false, typographer: false });

/** `$…$` within a line and `$$…$$` on lines of their own. */
markdown.inline.ruler.after('escape', 'tex', (state, silent) => {
	const { src, pos } = state;
	if (src[pos] !== '$') return false;
	const display = src[pos + 1] === '$';
	const mark = display ? '$$' : '$';
	const start = pos + mark.length;
	const end = src.indexOf(mark, start);
	if (
		end <= start ||
		(!display && (/\s/.test(src[start]!) || /\s/.test(src[end - 1]!) || /\d/.test(src[end + 1] ?? '')))
	)
		return false;
	if (!silent) {
		const token = state.push('tex', '', 0);
		token.content = src.slice(start, end);
		token.meta = { display };
	}
	state.pos = end + mark.length;
	return true;
});
markdown.renderer.rules['tex'] = (tokens, index) => {
	const { content, meta } = tokens[index]!;
	return `<span class="tex" data-display="${meta?.['display'] === true}">${markdown.utils.escapeHtml(content)}</span>`;
};

/** Markdown with HTML and TeX as elements; scripts, handlers, frames and forms are taken out. */
export function renderMarkdown(source: string): HTMLElement {
	const root = document.createElement('div');
	root.className = 'md';
	root.append(
		DOMPurify.sanitize(markdown.render(source), {
			RETURN_DOM_FRAGMENT: true,
			USE_PROFILES: { html: true },
			// An element with an id would otherwise be a global name that cells see.
			SANITIZE_NAMED_PROPS: true,
			FORBID_TAGS: ['style', 'form', 'iframe', 'object', 'embed'],
			FORBID_ATTR: ['srcset', 'ping', 'action', 'formaction']
		})
	);
	for (const place of root.querySelectorAll<HTMLElement>('span.tex'))
		katex.render(place.textContent ?? '', place, {
			...formula,
			displayMode: place.dataset['display'] === 'true',
			throwOnError: false
		});
	return root;
}

/** A formula on a line of its own; TeX with an error shows it in its place. */
export function renderTeX(source: string): HTMLElement {
	const root = document.createElement('div');
	katex.render(source, root, { ...formula, displayMode: true, throwOnError: false });
	return root;
}

/** Tag of Markdown cells: elements among the values stay elements. */
export function md(strings: TemplateStringsArray, ...values: readonly unknown[]): HTMLElement {
	const parts: Node[] = [];
	const source = strings.reduce((text, piece, i) => {
		const value = values[i - 1];
		if (!(value instanceof Node)) return `${text}${String(value)}${piece}`;
		parts.push(value);
		return `${text}<span data-part="${parts.length - 1}"></span>${piece}`;
	});
	const root = renderMarkdown(source);
	parts.forEach((part, i) => root.querySelector(`[data-part="${i}"]`)?.replaceWith(part));
	return root;
}

export function tex(strings: TemplateStringsArray, ...values: readonly unknown[]): HTMLElement {
	return rendered(String.raw(strings, ...values), false);
}
tex.block = (strings: TemplateStringsArray, ...values: readonly unknown[]) =>
	rendered(String.raw(strings, ...values), true);

function rendered(source: string, displayMode: boolean): HTMLElement {
	const root = document.createElement('span');
	katex.render(source, root, { ...formula, displayMode });
	return root;
}
