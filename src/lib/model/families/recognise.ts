import type { JsonObject } from '../../bytes/json.ts';
import { InputError } from '../../tensor/errors.ts';
import { canonicalKeys } from '../keys.ts';
import { PREFIX as LANGUAGE } from '../language/graph.ts';
import { PREFIX as PROJECTOR } from '../projectors/parts.ts';
import { PREFIX as VISION } from '../vision/graph.ts';
import type { FamilyDefinition } from './definition.ts';
import { families } from './registry.ts';
import { strangers } from './strangers.ts';

/**
 * The family whose config.json this is.
 * @param keys names of the checkpoint's tensors, by which the nearest family is found
 * @throws InputError saying what it is instead, or which family is nearest and what differs
 */
export function recogniseFamily(
	config: JsonObject,
	folder: string,
	keys: readonly string[]
): FamilyDefinition {
	const stranger = strangers.find((candidate) => candidate.recognise(config));
	if (stranger)
		throw new InputError(
			`${folder} is a ${stranger.title} model, which is not served, since it has ${stranger.differs}; served are ${titles()}.`
		);
	const family = families.find((candidate) => candidate.recognise(config));
	if (family) return family;
	const type =
		config.model_type === undefined ? 'no model_type' : `model_type ${JSON.stringify(config.model_type)}`;
	throw new InputError(
		`config.json in ${folder} (${type}) is of no family that is served (${titles()})${nearest(keys)}.`
	);
}

const titles = () => families.map(({ title }) => title).join(', ');

const parts: Readonly<Record<string, string>> = {
	[VISION]: 'vision tower',
	[PROJECTOR]: 'projector',
	[LANGUAGE]: 'language model'
};

/** The family whose names most tensors have, and what is not as in it. */
function nearest(keys: readonly string[]): string {
	const fits = families.map(({ title, keys: table }) => {
		const found = new Set<string>();
		const strange: string[] = [];
		for (const key of keys) {
			const [name = ''] = canonicalKeys(table, key) ?? [];
			const root = Object.keys(parts).find((prefix) => name.startsWith(`${prefix}.`));
			if (root === undefined) strange.push(key);
			else found.add(root);
		}
		const missing = Object.entries(parts).flatMap(([root, part]) => (found.has(root) ? [] : [part]));
		return { title, strange, missing };
	});
	const [best] = fits.sort(
		(a, b) => a.missing.length - b.missing.length || a.strange.length - b.strange.length
	);
	const known = keys.length - (best?.strange.length ?? 0);
	if (!best || known === 0) return '';
	const differing = [
		...best.missing.map((part) => `it has no ${part}`),
		...(best.strange.length > 0
			? [
					`${best.strange.length} tensors are named otherwise (${[...new Set(best.strange.map(rootOf))].slice(0, 3).join(', ')})`
				]
			: []),
		...(best.missing.length === 0 && best.strange.length === 0 ? ['its config.json says otherwise'] : [])
	];
	return `; the nearest is ${best.title}, whose names ${known} of its ${keys.length} tensors have, but ${differing.join(', ')}`;
}

/** The first parts of a key, up to a number. */
function rootOf(key: string): string {
	const [root = key] = key.split(/\.\d/);
	return `${root.split('.').slice(0, 3).join('.')}.…`;
}
