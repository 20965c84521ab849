import type { Call } from './protocol.ts';

/** What a name takes and gives, and what it is. */
type Entry = readonly [call: string, says: string];

/**
 * Every name that cells may use, as the reference beside the editor and completion show it. The frame's own tables are typed by these
 * names, so that neither can have one that the other lacks.
 */
export const reference = {
	'The model': {
		subject: ['', 'model, projector, M and image that are chosen; changes with them'],
		'model.ask': [
			'(question, {projector, tokens, image, max_new_tokens}) → {text, timings_ms, …}',
			'an answer'
		],
		'model.trace': [
			'(names, {projector, tokens, image}) → tensors by name',
			'what the model computes inside'
		],
		'model.figure': [
			'(figure, {projector, tokens, image, question, …settings}) → {rows, options, provenance, method}',
			'what a figure is drawn of, measured now; draw(figure, rows, options) draws it'
		],
		'model.file': ['(name) → JSON', 'a file of the model’s folder, such as "evaluation.json"'],
		locality: ['({projector, tokens, method, directions}) → map', 'token → patch map and its measures'],
		offsets: ['({projector, tokens}) → samples', 'where a D-Abstractor samples'],
		compare: ['(projectors, question) → one answer each', 'one question to several projectors'],
		sweep: ['(projector, Ms, question) → one answer each', 'one question at several M, with times'],
		scenes: ['(count, {from}) → scenes', 'held-out scenes with questions and answers']
	},
	'Figures and numbers': {
		draw: ['(figure, rows, options) → SVG', 'one of the workbench’s figures'],
		colours: ['(projectors) → colours', 'the colour that each has on every page'],
		analysis: ['', 'tokenLocalities, coverage, checkStructure, joinedPlaces, wilson, …'],
		Plot: ['', 'Observable Plot'],
		d3: ['', 'D3'],
		topojson: ['', 'TopoJSON for maps: feature, mesh, …'],
		aq: ['', 'Arquero: tables'],
		_: ['', 'Lodash']
	},
	'Showing and asking': {
		display: ['(value) → value', 'shows a value below the cell'],
		view: ['(input) → value', 'shows an input; the value changes with it'],
		progress: ['(done, total)', 'draws a bar while a cell runs'],
		Inputs: ['', 'Observable Inputs: range, select, table, …'],
		resize: ['((width, height) → element) → element', 'draws again at every width'],
		width: ['', 'of the notebook, pixels; changes with it'],
		dark: ['', 'whether the paper is dark; changes with it']
	},
	'Text and elements': {
		md: ['`Markdown`', 'Markdown with HTML and TeX'],
		tex: ['`TeX`, tex.block`TeX`', 'a formula'],
		html: ['`<b>${value}</b>`', 'an element; values are safe'],
		svg: ['`<circle r=${r}>`', 'an element of SVG'],
		htl: ['', 'Hypertext Literal: html, svg'],
		dot: ['`digraph { a -> b }`', 'a graph, laid out by Graphviz'],
		DOM: ['', 'elements as in old notebooks: context2d, uid, …']
	},
	'Files and packages': {
		FileAttachment: [
			'(name).csv({typed: true}), .json(), .text(), .image(), …',
			'a file that was added beside the notebook'
		],
		require: ['(…packages) → promise', 'a package, as in old notebooks; import does the same']
	},
	'Time and change': {
		Mutable: ['(value)', 'a value that its own cell’s functions change'],
		Generators: ['', 'observe, input, queue, now, …'],
		Promises: ['', 'delay, tick, when'],
		now: ['', 'milliseconds; changes all the time'],
		invalidation: ['', 'a promise that is kept when the cell runs again'],
		visibility: ['() → promise', 'waits until the cell is seen']
	}
} as const satisfies Readonly<Record<string, Readonly<Record<string, Entry>>>>;

type Groups = typeof reference;
type Name = { [G in keyof Groups]: keyof Groups[G] }[keyof Groups];
/** Methods of `model`. */
export type ModelName = Name extends infer N ? (N extends `model.${infer M}` ? M : never) : never;
/** Names that the runtime itself gives. */
type RuntimeName = 'invalidation' | 'visibility';
/** Names that every run of a cell gets its own of, so that what it started ends with it. */
export type RunName = Exclude<Call, ModelName> | 'display' | 'view' | 'progress';
/** Names that all cells of a notebook share. */
export type SharedName = Exclude<Name, RunName | RuntimeName | `model.${string}`>;

/** Every name with what it is, in the order of the reference. */
export const words: readonly { readonly label: string; readonly detail: string }[] = Object.values(
	reference
).flatMap((group) =>
	Object.entries(group as Readonly<Record<string, Entry>>).map(([label, [call, says]]) => ({
		label,
		detail: call === '' ? says : `${call}: ${says}`
	}))
);

/** Names of Notebook Kit's library that are not here, with what helps instead. */
export const absent: Readonly<Record<string, string>> = {
	...Object.fromEntries(
		'aapl alphabet cars citywages diamonds flare industries miserables olympians penguins pizza weather'
			.split(' ')
			.map((name) => [
				name,
				'is a sample data set that Notebook Kit fetches; add its file beside the notebook'
			])
	),
	...Object.fromEntries(
		'Arrow DatabaseClient DuckDBClient duckdb echarts Interpreter L mapboxgl mermaid React ReactDOM SQLite SQLiteDatabaseClient vl vg'
			.split(' ')
			.map((name) => [name, 'does not come with the workbench, and cells reach no network'])
	)
};
