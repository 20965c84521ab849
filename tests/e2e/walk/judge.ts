import { DIRECTIONS } from '../../../src/lib/study/choices.ts';
import { columnName, readColumns, resolve } from '../../../src/lib/study/columns.ts';
import type { ModelManifest } from '../../../src/lib/model/manifest.ts';
import type { Look } from './look.ts';

/** What the walk knows besides what it sees. */
export interface Known {
	/** By the names that the list of models gives them. */
	readonly manifests: Readonly<Record<string, ModelManifest>>;
	/** Images' names by their words in the address. */
	readonly images: Readonly<Record<string, string>>;
	/** Every answer there is: what must stand with it. */
	readonly asked: readonly (readonly string[])[];
}

/** Controls that the address holds, by page: name of the control, parameter, and the value that needs none. */
const settings: Readonly<
	Record<string, readonly (readonly [control: string, parameter: string, standard: string])[]>
> = {
	'/locality': [
		['Scale', 'scale', 'own'],
		['Filled with', 'cover', 'cover'],
		['Layer', 'layer', 'rollout'],
		['Head', 'head', 'mean'],
		['Directions K', 'directions', `${DIRECTIONS}`]
	],
	'/offsets': [
		['Head', 'head', 'all'],
		['Tokens', 'only', 'one']
	],
	'/anatomy': [['Stages', 'stages', 'blocks']],
	'/answer': [
		['Influence by', 'influence', 'attention'],
		['Relevance by', 'relevance', 'gradient'],
		['Scale', 'scale', 'own'],
		['Layer', 'layer', 'mean'],
		['Head', 'head', 'mean']
	],
	'/compare': [
		['Method, the same for all columns', 'method', 'gradient'],
		['Difference of', 'difference', 'cover']
	],
	'/benchmarks': [['Benchmark', 'benchmark', 'scenes']]
};
/** Pages whose every figure is of the projector, M and image chosen at the left. */
const ofTheLeft = ['/locality', '/offsets', '/anatomy'];

/** What of controls, address and answers does not agree, a sentence each. */
export function faults(seen: Look, known: Known): string[] {
	const { left, parameters, path } = seen;
	const found: string[] = [];
	const expect = (what: string, is: unknown, wanted: unknown) => {
		if (is !== wanted) found.push(`${what} is ${String(is)}, not ${String(wanted)}.`);
	};
	const manifest = known.manifests[left.model ?? ''];
	if (!manifest) return [`No model of the list is chosen: ${left.model}.`];
	expect('The page', path, seen.address);
	expect('The model in the address', parameters['model'], left.model);
	expect('The projector in the address', parameters['projector'], left.projector);
	expect('M in the address', parameters['tokens'], `${left.tokens}`);
	expect('The image in the address', known.images[parameters['image'] ?? ''], left.image);
	for (const [control, parameter, standard] of settings[path] ?? []) {
		const value = seen.controls[control];
		if (value !== undefined) expect(`“${control}”`, value, parameters[parameter] ?? standard);
	}

	if (path === '/compare') {
		const wanted = columnsIn(parameters['columns'] ?? '', manifest, known);
		expect('The columns', seen.columns.join('; '), wanted.join('; '));
	}
	expect('The number of answers', seen.answers.length, known.asked.length);
	for (const [index, words] of known.asked.entries())
		for (const word of words)
			if (!seen.answers[index]?.includes(word))
				found.push(`Answer ${index} does not say “${word}”: ${seen.answers[index]}.`);
	return found;
}

function columnsIn(word: string, home: ModelManifest, { manifests }: Known): string[] {
	return (readColumns(word) ?? []).map((choice, place) => {
		const manifest = manifests[choice.model ?? ''] ?? home;
		return columnName(place, { manifest, ...resolve(choice, manifest, place)! }, home.name);
	});
}

/**
 * Figures that are of something else than the controls beside them say, at this very moment, and do not say so: a sentence each. An address
 * may come a moment later, a figure may not.
 */
export function lies({ figures, left, path, columns, looked }: Look, known: Known): string[] {
	const fresh = figures.filter(({ drawn, stale, provenance }) => drawn && !stale && provenance !== '');
	const model = known.manifests[left.model ?? '']?.name;
	const wanted = (id: string, part: string): readonly (string | undefined)[] => {
		if (ofTheLeft.includes(path)) return [model, `${left.title}, M = ${left.tokens}`, left.image];
		if (path === '/compare')
			return [
				columns.find((name) => name.startsWith(`${part[0]}: `))?.replace(/^[A-D]: | \(.*\)$/g, ''),
				left.image
			];
		if (path === '/answer' && id === 'answer-influence')
			return (
				/Written by (\S+) with (.+, M = \d+), about (.+?); everything/.exec(looked ?? '') ?? [
					undefined,
					undefined
				]
			).slice(1);
		return [];
	};
	return fresh.flatMap(({ id, provenance }) =>
		provenance.split('; ').flatMap((part) => {
			const words = wanted(id, part);
			return words.every(
				(word) => word !== undefined && ` · ${part.replace(/^[A-D]: /, '')} · `.includes(` · ${word}`)
			)
				? []
				: [`${id} is of ${part}; beside it stands ${words.join(', ')}.`];
		})
	);
}
