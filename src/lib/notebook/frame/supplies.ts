import * as Inputs from '@observablehq/inputs';
import * as Plot from '@observablehq/plot';
import * as d3 from 'd3';
import * as htl from 'htl';
import * as topojson from 'topojson-client';
import { onDemand, packages, type inFrame, type OnDemand } from '../libraries.ts';
import type { Connection } from './connection.ts';
import { evaluateModule } from './imports.ts';
import { hasCompiler, useCompiler } from './typescript.ts';

/** What the frame has in itself, by the names of npm. */
const inside: Readonly<Record<(typeof inFrame)[number], object>> = {
	d3,
	htl,
	'topojson-client': topojson,
	'@observablehq/plot': Plot,
	'@observablehq/inputs': Inputs
};

/** What the page hands to the frame: libraries that few cells need, the files beside the notebook, other notebooks. */
export class Supplies {
	readonly #connection: Connection;
	readonly #libraries = new Map<string, Promise<object>>();

	constructor(connection: Connection) {
		this.#connection = connection;
	}

	async file(name: string): Promise<Uint8Array<ArrayBuffer>> {
		return (await this.#connection.call('attachment', [name])) as Uint8Array<ArrayBuffer>;
	}

	/** The text of another notebook of this browser, by its title or its file's name. */
	async notebook(name: string): Promise<string> {
		return (await this.#connection.call('notebook', [name])) as string;
	}

	/** A library that comes when it is asked for the first time. */
	library(name: OnDemand): Promise<object> {
		const known = this.#libraries.get(name) ?? this.#load(name);
		this.#libraries.set(name, known);
		return known;
	}

	async #load(name: OnDemand): Promise<object> {
		const code = (await this.#connection.call('library', [name])) as string;
		return globalThis.eval(`(() => {${code}\nreturn bundled})()`) as object;
	}

	/**
	 * What `import(specifier)` gives in a cell.
	 * @param specifier as Notebook Kit resolved it: an address for npm, a path beside the notebook
	 * @throws Error in a sentence, when it is not here
	 */
	async module(specifier: string): Promise<object> {
		const npm = /^https:\/\/cdn\.jsdelivr\.net\/npm\/((?:@[^/]+\/)?[^/@]+)[^/]*(\/.*)?$/.exec(specifier);
		const name = npm?.[1] ?? (/^[\w@]/.test(specifier) && !specifier.includes(':') ? specifier : undefined);
		if (name !== undefined && (npm?.[2] ?? '/+esm') === '/+esm') {
			if (Object.hasOwn(inside, name)) return inside[name as keyof typeof inside];
			if (/^d3-\w+$/.test(name) && !Object.hasOwn(onDemand, name) && partsOfD3.has(name)) return d3;
			if (Object.hasOwn(onDemand, name)) return this.library(name as OnDemand);
		}
		if (/^\.{0,2}\/.*\.m?js$/.test(specifier)) {
			const path = specifier.replace(/^(\.{0,2}\/)+/, '');
			const text = new TextDecoder().decode(await this.file(path));
			return evaluateModule(text, path, (inner) => this.module(inner));
		}
		throw new Error(
			`${name ?? specifier} does not come with the workbench, and cells reach no network; these packages do: ${packages.join(', ')}.`
		);
	}
}

/** Waits for the TypeScript compiler, where one of the cells needs it; undefined when nothing is waited for. */
export function withCompiler(
	supplies: Supplies,
	cells: readonly { readonly mode: string }[]
): Promise<void> | undefined {
	if (hasCompiler() || !cells.some(({ mode }) => mode === 'ts')) return undefined;
	return supplies.library('typescript').then(useCompiler);
}

/** What `d3` is made of. */
const partsOfD3 = new Set(
	'array axis brush chord color contour delaunay dispatch drag dsv ease fetch force format geo hierarchy interpolate path polygon quadtree random scale scale-chromatic selection shape time time-format timer transition zoom'
		.split(' ')
		.map((part) => `d3-${part}`)
);
