// @vitest-environment jsdom
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize, toNotebook } from '@observablehq/notebook-kit';
import { JSDOM } from 'jsdom';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../../../src/lib/bytes/random.ts';
import { readNotebook, writeNotebook } from '../../../src/lib/notebook/file.ts';
import { fromJupyter, isJupyter } from '../../../src/lib/notebook/jupyter.ts';
import { shipped } from '../../../src/routes/notebook/library.ts';
import { snapshotPage } from '../../../src/routes/notebook/snapshot.ts';

const folder = join(import.meta.dirname, '../../../static/notebooks');

describe('shipped notebooks', () => {
	it('are all listed', () => {
		expect(readdirSync(folder).sort()).toEqual(shipped.map(({ name }) => `${name}.html`).sort());
	});

	it.each(shipped)(
		'$name is read and written byte by byte, with the title of the list',
		({ name, title }) => {
			const text = readFileSync(join(folder, `${name}.html`), 'utf8');
			const notebook = deserialize(text);
			expect(notebook.title).toBe(title);
			expect(notebook.cells[0]!.value).toContain(`# ${title}`);
			expect(writeNotebook(notebook)).toBe(text);
			expect(readNotebook(text)).toEqual(notebook);
		}
	);

	it.each(shipped)('$name is read in five minutes', ({ name }) => {
		const notebook = deserialize(readFileSync(join(folder, `${name}.html`), 'utf8'));
		const words = notebook.cells
			.filter(({ mode }) => mode === 'md')
			.flatMap(({ value }) => value.split(/\s+/));
		expect(words.length).toBeLessThan(600);
	});
});

describe('files in the open format', () => {
	const file = `<!doctype html>
<notebook theme="light-dark(air, coffee)" readonly="">
  <title>Everything &amp; &lt;more&gt;</title>
  <script id="7" type="text/markdown">
    # Everything &amp; more — “ümlaut” 🐝

      indented, <b>with HTML</b> and $x < y$
  </script>
  <script id="2" type="module" pinned="" output="x">
    const a = "<\\/script>";

    \ttabbed()
  </script>
  <script id="3" type="text/x-typescript" hidden="">
    const n: number = 1
  </script>
  <script id="4" type="application/x-tex">
    \\frac{a}{b}
  </script>
  <script id="5" type="text/html">
    <p>\${a}</p>
  </script>
  <script id="6" type="application/sql" database="var:db" output="rows">
    SELECT 1
  </script>
  <script id="9" type="text/vnd.graphviz">
    digraph { a -> b }
  </script>
  <script id="10" type="text/x-python" pinned="" format="json">
    print("x")
  </script>
  <script id="11" type="module">

  </script>
</notebook>
`;

	it('of all kinds of cell come back byte by byte', () => {
		const notebook = deserialize(file);
		expect(notebook.cells.map(({ mode }) => mode)).toEqual([
			'md',
			'js',
			'ts',
			'tex',
			'html',
			'sql',
			'dot',
			'python',
			'js'
		]);
		expect(notebook.cells[1]!.value).toBe('const a = "</script>";\n\n\ttabbed()');
		expect(writeNotebook(notebook)).toBe(file);
		expect(serialize(notebook)).toBe(file);
	});

	it('are written the same way whatever they looked like', () => {
		const once = serialize(
			deserialize('<notebook><!-- x --><script type=module>1 + 1</script><title>T</title>')
		);
		expect(serialize(deserialize(once))).toBe(once);
	});
});

describe('saving', () => {
	afterEach(() => vi.unstubAllGlobals());

	const pieces = [
		'<!--',
		'-->',
		'<script',
		'<script>',
		'</script',
		'</script>',
		'</script/>',
		'<\\/script>',
		'<\\!--',
		'<SCRIPT ',
		'<title>',
		'</notebook>',
		'`',
		'${',
		'}',
		'\\',
		'"',
		"'",
		'&amp;',
		'&',
		'<',
		'>',
		'\n',
		'\n\n',
		'   ',
		'    ',
		'\t',
		'\u00a0',
		'\u2028',
		'\ufeff',
		'\0',
		'\r',
		'\ud800',
		'𝒳',
		'é',
		'let a = 1',
		'// ',
		'\f',
		']]>',
		'<![CDATA[',
		'<plaintext>',
		'data-text="1"'
	];
	const modes = ['js', 'ts', 'md', 'tex', 'html', 'ojs', 'sql', 'dot', 'python', 'r', 'node'] as const;

	it('loses no cell and no character, whatever cells say', () => {
		const random = seededRandom(7);
		const below = (n: number) => Math.floor(random() * n);
		const text = () => Array.from({ length: below(9) }, () => pieces[below(pieces.length)]!).join('');
		let odd = 0;
		for (let round = 0; round < 600; round++) {
			// jsdom 29 leaves listeners on the window for every document searched, and goes through them all for the next.
			if (round % 20 === 0) vi.stubGlobal('DOMParser', new JSDOM('').window.DOMParser);
			const ids = Array.from({ length: 1 + below(5) }, (_, i) => i + 1).sort(() => random() - 0.5);
			const notebook = toNotebook({
				title: `Title <${round}> & "more"`,
				readOnly: random() < 0.2,
				cells: ids.map((id) => ({
					id,
					mode: modes[below(modes.length)]!,
					value: text(),
					pinned: random() < 0.5,
					hidden: random() < 0.2,
					...(random() < 0.3 && { output: 'x<"&' })
				}))
			});
			const file = writeNotebook(notebook);
			expect(readNotebook(file)).toEqual(notebook);
			if (file.includes('data-text=')) odd++;
			// Other programs find as many cells, and the text of every ordinary one.
			expect(deserialize(file).cells.map(({ id }) => id)).toEqual(ids);
		}
		expect(odd).toBeGreaterThan(50);
	});

	it('keeps lines of spaces and talk of comments, and believes a cell that another program has changed', () => {
		const values = ['`a\n  \nb`', '"<!--" + "<script>"', 'x', 'ends with </script'];
		const notebook = toNotebook({ cells: values.map((value, i) => ({ id: i + 1, value })) });
		const file = writeNotebook(notebook);
		expect(readNotebook(file).cells.map(({ value }) => value)).toEqual(values);
		expect(deserialize(file).cells[0]!.value).toBe(values[0]);
		expect(deserialize(file).cells).toHaveLength(4);
		const edited = readNotebook(file.replace('"<\\script>"', '"<b>"')).cells[1]!;
		expect(edited.value).toBe('"<\\!--" + "<b>"');
	});

	it('gives nothing that would not come back', () => {
		const cells = [
			{ id: 1, value: '1' },
			{ id: 1, value: '2' }
		];
		expect(() => writeNotebook(toNotebook({ cells }))).toThrow(/Cell 1 would not come back/);
	});
});

describe('Jupyter', () => {
	const file = JSON.stringify({
		nbformat: 4,
		metadata: { language_info: { name: 'python' } },
		cells: [
			{ cell_type: 'markdown', source: ['# Title\n', 'with $x$ and ${alert(1)}'] },
			{ cell_type: 'code', source: 'print("```")\n', outputs: [{ text: 'gone' }] },
			{ cell_type: 'code', source: '' }
		]
	});

	it('comes as Markdown and code as text; nothing of it runs', () => {
		expect(isJupyter(file)).toBe(true);
		const notebook = fromJupyter(file);
		expect(notebook.title).toBe('Title');
		expect(notebook.cells).toEqual([
			{ id: 1, mode: 'md', value: '# Title\nwith $x$ and $\\{alert(1)}' },
			{ id: 2, mode: 'md', value: '````python\nprint("```")\n````' }
		]);
		expect(deserialize(serialize(toNotebook(notebook))).cells.map(({ mode }) => mode)).toEqual(['md', 'md']);
	});

	it('refuses other files in a sentence', () => {
		expect(() => fromJupyter('{')).toThrow(/not valid JSON/);
		expect(() => fromJupyter('{"nbformat":3,"cells":[]}')).toThrow(/version 4/);
	});
});

it('a snapshot runs nothing and needs nothing', () => {
	const page = snapshotPage('A <b> & c', '<section>x</section>');
	expect(page).toContain('<title>A &lt;b&gt; &amp; c</title>');
	expect(page).toContain("default-src 'none'");
	expect(page).not.toMatch(/<script|https?:/);
});
