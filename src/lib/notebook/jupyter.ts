import type { CellSpec, NotebookSpec } from '@observablehq/notebook-kit';
import { isObject } from '../bytes/json.ts';
import { InputError } from '../tensor/errors.ts';

/** Whether a file's text is a Jupyter notebook. */
export function isJupyter(text: string): boolean {
	return /^\s*\{/.test(text);
}

/**
 * Markdown and code of a Jupyter notebook. Code is another language: it comes as text, a fenced block of Markdown, and does not run.
 * @throws InputError when it is no notebook of version 4
 */
export function fromJupyter(text: string): NotebookSpec {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		throw new InputError('This Jupyter notebook is not valid JSON; save it again in Jupyter.');
	}
	if (!isObject(value) || !Array.isArray(value['cells']) || value['nbformat'] !== 4)
		throw new InputError('This is not a Jupyter notebook of version 4; save it again in Jupyter.');
	const language = languageOf(value['metadata']);
	const cells = value['cells'].flatMap((cell: unknown, i): CellSpec[] => {
		if (!isObject(cell)) return [];
		const source = sourceOf(cell['source']);
		if (source.trim() === '') return [];
		return [
			{
				id: i + 1,
				mode: 'md',
				value: cell['cell_type'] === 'code' ? fenced(source, language) : inert(source)
			}
		];
	});
	const title = cells.flatMap(({ value }) => /^# (.+)$/m.exec(value ?? '')?.[1] ?? [])[0];
	return { title: title ?? 'From Jupyter', cells };
}

function fenced(source: string, language: string): string {
	const longest = Math.max(2, ...(source.match(/`+/g) ?? []).map((ticks) => ticks.length));
	const fence = '`'.repeat(longest + 1);
	return inert(`${fence}${language}\n${source.replace(/\n$/, '')}\n${fence}`);
}

/** Text that the notebook must not read as an expression. */
function inert(source: string): string {
	return source.replaceAll('${', '$\\{');
}

function languageOf(metadata: unknown): string {
	const info =
		isObject(metadata) && isObject(metadata['language_info']) ? metadata['language_info']['name'] : '';
	return typeof info === 'string' && /^\w+$/.test(info) ? info : 'python';
}

function sourceOf(source: unknown): string {
	if (typeof source === 'string') return source;
	return Array.isArray(source) ? source.filter((line) => typeof line === 'string').join('') : '';
}
