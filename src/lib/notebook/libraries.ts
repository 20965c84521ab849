/** Libraries that the page hands to a notebook's frame when a cell needs them: package of npm → module that is bundled for it. */
export const onDemand = {
	arquero: 'arquero',
	'd3-hexbin': 'd3-hexbin',
	'd3-sankey': 'd3-sankey',
	lodash: 'lodash-es',
	'@viz-js/viz': '@viz-js/viz',
	typescript: 'typescript'
} as const;
export type OnDemand = keyof typeof onDemand;

/** What the frame has in itself. */
export const inFrame = [
	'd3',
	'htl',
	'topojson-client',
	'@observablehq/plot',
	'@observablehq/inputs'
] as const;

/** Packages of npm that cells may import. */
export const packages: readonly string[] = [...inFrame, ...Object.keys(onDemand)].sort();

/** Where the site has the library's code. */
export const libraryFile = (name: OnDemand) => `notebook-libraries/${name.replace(/\W+/g, '-')}.js`;
