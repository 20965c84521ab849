// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import { md, renderMarkdown, renderTeX, tex } from '../../../src/lib/notebook/frame/markdown.ts';

describe('Markdown', () => {
	it.each([
		['a script', 'x <script>alert(1)</script> y'],
		['a handler', '<img src="x" onerror="alert(1)"> <b onclick="alert(1)">b</b>'],
		['a script address', '[x](javascript:alert(1)) <a href=" javascript:alert(1)">y</a>'],
		[
			'a frame',
			'<iframe srcdoc="<script>alert(1)</script>"></iframe><object data="x"></object><embed src="x">'
		],
		[
			'a form',
			'<form action="https://example.com"><input name="x"><button formaction="https://example.com">b</button></form>'
		],
		['style', '<style>body { display: none }</style>'],
		[
			'SVG and MathML that hide a script',
			'<svg><script>alert(1)</script></svg><math><mtext></style><img src=x onerror=alert(1)>'
		],
		[
			'a refresh',
			'<meta http-equiv="refresh" content="0;url=https://example.com"><base href="https://example.com">'
		]
	])('takes %s out', (_, source) => {
		const root = renderMarkdown(`before ${source} after`);
		expect(
			root.querySelector('script, style, iframe, object, embed, form, meta, base, [action], [formaction]')
		).toBeNull();
		for (const element of root.querySelectorAll('*'))
			for (const { name, value } of element.attributes) {
				expect(name).not.toMatch(/^on/);
				expect(value).not.toMatch(/javascript:/);
			}
		expect(root.textContent).toContain('before');
	});

	it('gives cells no names', () => {
		expect(renderMarkdown('<b id="b" name="c">x</b>').querySelector('#b, [name="c"]')).toBeNull();
	});

	it('has TeX within a line and on lines of its own, and money stays money', () => {
		const root = renderMarkdown('For $x^2$ pay $5 or $6.\n\n$$\\frac{a}{b}$$');
		expect(root.querySelectorAll('math')).toHaveLength(2);
		expect(root.querySelectorAll('math[display="block"]')).toHaveLength(1);
		expect(root.textContent).toContain('pay $5 or $6.');
	});

	it('shows wrong TeX in its place', () => {
		expect(renderMarkdown('$\\wrong$').textContent).toContain('\\wrong');
		expect(renderTeX('\\frac{a}').querySelector('.katex-error')?.textContent).toContain('\\frac{a}');
	});

	it('TeX makes no links and loads nothing', () => {
		const root = renderTeX('\\href{javascript:alert(1)}{x} \\includegraphics{https://example.com/x.png}');
		expect(root.querySelector('a, img')).toBeNull();
	});

	it('keeps elements among the values of a template', () => {
		const part = document.createElement('em');
		expect(md`a ${part} b ${3}`.querySelector('em')).toBe(part);
		expect(tex`x^${2}`.querySelector('msup')).not.toBeNull();
	});
});
