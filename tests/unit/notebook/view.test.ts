// @vitest-environment jsdom
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { readNotebook } from '../../../src/lib/notebook/file.ts';
import { Connection } from '../../../src/lib/notebook/frame/connection.ts';
import { NotebookView } from '../../../src/lib/notebook/frame/notebook.ts';
import type { FileInfo, FromFrame, Inputs } from '../../../src/lib/notebook/protocol.ts';

/** What jsdom has not: it lays nothing out. */
class Observer {
	observe() {}
	disconnect() {}
}

beforeAll(() => {
	vi.stubGlobal('ResizeObserver', Observer);
	vi.stubGlobal('IntersectionObserver', Observer);
	// CodeMirror measures text.
	Range.prototype.getClientRects = () => [] as unknown as DOMRectList;
});

interface Opening {
	readonly files?: Readonly<Record<string, string>>;
	readonly notebooks?: Readonly<Record<string, string>>;
	readonly inputs?: Inputs;
}

/** A notebook in its frame, with a page that hands it files and notebooks and answers nothing else. */
function opened(text: string, { files = {}, notebooks = {}, inputs = {} }: Opening = {}) {
	const root = document.createElement('main');
	document.body.replaceChildren(root);
	const { port1, port2 } = new MessageChannel();
	const said: FromFrame[] = [];
	port1.onmessage = ({ data }: MessageEvent<FromFrame>) => {
		said.push(data);
		if (data.type !== 'call') return;
		const { id, name, args } = data;
		const from = name === 'attachment' ? files : name === 'notebook' ? notebooks : {};
		const found = from[String(args[0])];
		if (found === undefined) port1.postMessage({ type: 'missing', id });
		else {
			const value = name === 'attachment' ? new TextEncoder().encode(found) : found;
			port1.postMessage({ type: 'result', id, value });
		}
	};
	const view = new NotebookView(root, new Connection(port2, () => undefined));
	const infos: FileInfo[] = Object.keys(files).map((name) => ({ name, type: '', size: 1, lastModified: 0 }));
	const how = { trusted: true, run: true, editable: true, dark: false, styles: {} };
	view.open({ type: 'open', text, files: infos, inputs, ...how });
	const output = (id: number) => root.querySelector(`#cell-${id} .output`)!;
	const shows = (id: number, text: string | RegExp) =>
		vi.waitFor(() => {
			const found = output(id).textContent ?? '';
			if (typeof text === 'string') expect(found, `cell ${id}`).toBe(text);
			else expect(found, `cell ${id}`).toMatch(text);
		});
	const button = (label: string, within: Element = root) =>
		[...within.querySelectorAll('button')].find((one) => one.textContent === label)!;
	const last = () =>
		said.findLast((one): one is Extract<FromFrame, { type: 'changed' }> => one.type === 'changed');
	return { root, view, said, output, shows, button, last };
}

const file = (cells: readonly (readonly [type: string, text: string])[]) =>
	`<!doctype html>\n<notebook>\n<title>T</title>\n${cells
		.map(([type, text], i) => `<script id="${i + 1}" type="${type}">\n${text}\n</script>`)
		.join('\n')}\n</notebook>`;

describe('cells', () => {
	it('have the standard library of Notebook Kit', async () => {
		const names = readFileSync('tests/fixtures/cases/notebook-standard-library/names.html', 'utf8');
		// Those that need a library of the page's, its compiler among them, are tried in the browser.
		const { shows, output } = opened(
			names.replaceAll('text/x-typescript', 'module').replace('const q: number', 'const q')
		);
		const texts: Readonly<Record<number, string | RegExp>> = {
			2: '1',
			3: '7',
			4: 'true',
			5: '"function"',
			6: 'bold',
			8: 'x',
			9: 'false',
			12: '0',
			15: 'Hello 3',
			16: /42/,
			18: '43',
			22: '8',
			24: '2',
			28: '3',
			29: /x/,
			31: /SQL cells need DuckDB/
		};
		for (const [id, text] of Object.entries(texts)) await shows(Number(id), text);
		expect(output(7).querySelector('circle')).not.toBeNull();
		expect(output(27).querySelector('mfrac')).not.toBeNull();
	});

	it('use files, modules and notebooks beside them, and say what is not here', async () => {
		const { shows, view, root } = opened(
			file([
				['module', 'display(await FileAttachment("a.txt").text())'],
				['module', 'import {twice} from "./twice.js"; display(twice(21))'],
				['module', 'import {six} from "./other.html"'],
				['application/vnd.observable.javascript', 'import {six as sixth} from "other"'],
				['application/vnd.observable.javascript', 'sixth + 1'],
				['module', 'import {x} from "npm:left-pad"; display(x)'],
				['module', 'display(mermaid)'],
				['module', 'display(await FileAttachment("late.txt").text())'],
				['application/vnd.observable.javascript', 'mutable count = 1'],
				['application/vnd.observable.javascript', '{ mutable count += 41; }'],
				['application/vnd.observable.javascript', 'count'],
				['module', 'six * 7'],
				['module', 'import {two} from "./other.html"; display(two)'],
				['module', 'display(JSON.stringify(await FileAttachment("t.csv").csv({typed: true})))'],
				['module', 'display((await FileAttachment("t.csv").tsv({array: true}))[1][0])']
			]),
			{
				files: {
					'a.txt': 'beside',
					'twice.js': 'export const twice = (x) => 2 * x',
					'late.txt': 'late',
					't.csv': 'a,b\n1,2\n'
				},
				notebooks: {
					'other.html': file([['module', 'const two = 2, six = 3 * two']]),
					other: file([['module', 'const six = 6']])
				}
			}
		);
		await shows(1, '"beside"');
		await shows(2, '42');
		await shows(12, '42');
		await shows(13, /in a cell of its own/);
		await shows(14, /a.*:1,.*b.*:2/);
		await shows(15, '"1,2"');
		await shows(5, /7/);
		await shows(6, /left-pad does not come with the workbench, .*arquero, d3/);
		await shows(7, /mermaid does not come with the workbench/);
		await shows(8, '"late"');
		await shows(11, /42/);
		view.setFiles([]);
		await shows(8, /There is no file “late\.txt” beside this notebook; add it/);
		await vi.waitFor(() => expect(root.querySelectorAll('.running')).toHaveLength(0));
	});

	it('keep the last result where a saved page has no answer', async () => {
		const { shows, root, output } = opened(
			file([
				['module', 'const n = view(Inputs.range([0, 9], {value: 3, step: 1}))'],
				['module', 'if (n > 3) await model.ask("Why?");\ndisplay(`with ${n}`)'],
				['module', 'const m = n > 3 ? await model.ask("Why?") : n'],
				['module', 'm + 1']
			]),
			{}
		);
		await shows(2, '"with 3"');
		await shows(4, '4');
		const input = output(1).querySelector('input')!;
		input.value = '5';
		input.dispatchEvent(new Event('input', { bubbles: true }));
		for (const id of [2, 4])
			await vi.waitFor(() =>
				expect(root.querySelector(`#cell-${id} .state`)!.textContent).toMatch(/stands as it was last/)
			);
		await shows(2, '"with 3"');
		await shows(4, '4');
		expect(root.querySelector('.error')).toBeNull();
	});

	it('find their inputs where they stood', async () => {
		const text = 'const n = view(Inputs.range([0, 9], {value: 3, step: 1}))';
		const cells = file([
			['module', text],
			['module', 'n']
		]);
		const { shows } = opened(cells, { inputs: { '1:0': { of: text, value: 7 } } });
		await shows(2, '7');
	});
});

describe('writing', () => {
	it('keeps no cell that was made and never written in', async () => {
		const { button, root, last } = opened(file([['module', '1 + 1']]));
		button('Add JavaScript').click();
		button('Add HTML').click();
		expect(root.querySelectorAll('section')).toHaveLength(3);
		await vi.waitFor(() => expect(readNotebook(last()!.text).cells).toHaveLength(1));
	});
});
