// @vitest-environment jsdom
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { notebookFrame } from '../../../scripts/notebook-frame.mjs';
import { frameFile } from '../../../scripts/serve.mjs';
import { dotWith } from '../../../src/lib/notebook/frame/dot.ts';
import { libraryFile, onDemand, type OnDemand } from '../../../src/lib/notebook/libraries.ts';

/** What a build makes of the notebook's frame, by file. */
const made = new Map<string, string>();

beforeAll(async () => {
	const { generateBundle } = notebookFrame() as unknown as { generateBundle: () => Promise<void> };
	const build = {
		environment: { name: 'client' },
		emitFile: ({ fileName, source }: { fileName: string; source: string }) => made.set(fileName, source)
	};
	await generateBundle.call(build);
}, 120_000);

/** A library as the frame evaluates it. */
const library = (name: OnDemand) =>
	globalThis.eval(`(() => {${made.get(libraryFile(name))!}\nreturn bundled})()`) as Record<string, never>;

describe('the built frame', () => {
	it('runs its own script, fetches nothing, and has the fonts of formulas inside', () => {
		const html = made.get(frameFile)!;
		const page = new DOMParser().parseFromString(html, 'text/html');
		const [script] = page.querySelectorAll('script');
		const policy = page.querySelector('meta[http-equiv]')!.getAttribute('content')!;
		const hash = createHash('sha256').update(script!.textContent).digest('base64');
		expect(policy).toContain(`'sha256-${hash}'`);
		// Nothing is left outside, which would be a global name that nobody gives, or be fetched.
		expect(script!.textContent.slice(0, 12)).toBe('(function(){');
		expect(/import\s*\(\s*["'`]/.test(script!.textContent)).toBe(false);
		const style = [...page.querySelectorAll('style')].map((one) => one.textContent).join('\n');
		expect(style.match(/@font-face/g)!.length).toBeGreaterThan(15);
		expect([...style.matchAll(/url\((?!data:font\/woff2;base64,)[^)]{0,40}/g)]).toEqual([]);
		// Without the TypeScript compiler.
		expect(html.length).toBeLessThan(2_800_000);
	});

	it('has every library that comes when it is needed, as the frame evaluates it', async () => {
		expect([...made.keys()].sort()).toEqual(
			[frameFile, ...(Object.keys(onDemand) as OnDemand[]).map(libraryFile)].sort()
		);
		const { table } = library('arquero') as unknown as { table: (o: object) => { numRows(): number } };
		expect(table({ a: [1, 2] }).numRows()).toBe(2);
		const { default: _ } = library('lodash') as unknown as { default: { range(n: number): number[] } };
		expect(_.range(3)).toEqual([0, 1, 2]);
		expect(typeof library('d3-sankey')['sankey']).toBe('function');
		expect(typeof library('d3-hexbin')['hexbin']).toBe('function');
		const drawn = (await dotWith(library('@viz-js/viz')))`digraph { a -> ${'b'} }`;
		expect([...drawn.querySelectorAll('.node title')].map((one) => one.textContent)).toEqual(['a', 'b']);
		expect(drawn.querySelector('ellipse')!.getAttribute('stroke')).toBe('currentColor');
		// A node of another document would be shown as a value.
		expect(drawn.isConnected).toBe(false);
		const loaded = library('typescript');
		const compiler = ('transpile' in loaded ? loaded : loaded['default']) as unknown as {
			transpile(text: string): string;
		};
		expect(compiler.transpile('const n: number = 1')).toMatch(/const n = 1/);
	});
});
