interface Viz {
	renderSVGElement(source: string, options: object): SVGSVGElement;
}

/** Drawn in a colour of no use, which becomes that of the text. */
const INK = '#010203';

/** Tag of Graphviz cells; its lines and words have the colour of the text around. */
export async function dotWith(library: object) {
	const viz = await (library as { instance: () => Promise<Viz> }).instance();
	const attributes = { color: INK, fontcolor: INK, fontname: 'sans-serif', fontsize: '12' };
	return (strings: TemplateStringsArray, ...values: readonly unknown[]): SVGSVGElement => {
		const drawn = viz.renderSVGElement(String.raw(strings, ...values), {
			graphAttributes: { ...attributes, bgcolor: 'none' },
			nodeAttributes: attributes,
			edgeAttributes: { color: INK, fontcolor: INK, fontname: 'sans-serif', fontsize: '12' }
		});
		for (const name of ['stroke', 'fill'])
			for (const one of drawn.querySelectorAll(`[${name}="${INK}"]`)) one.setAttribute(name, 'currentColor');
		// Out of the document that it was parsed into.
		drawn.remove();
		return drawn;
	};
}
