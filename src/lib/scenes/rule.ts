import { generateScene, seedLimit, type Scene } from './index.ts';

/** Held-out scenes by a rule: the first `count` from seed `from` on with at least so many objects. */
export interface SceneRule {
	readonly from: number;
	readonly count: number;
	/** Objects that a scene has at least. */
	readonly objects: number;
}

/** Scenes of one set at most. */
export const MOST_SCENES = 500;
/** No scene has more. */
export const MOST_OBJECTS = 6;

/** The rule as an address names it. */
export const ruleWord = ({ from, count, objects }: SceneRule): string => `scenes.${from}.${count}.${objects}`;

/** The other way; undefined when it is no rule. */
export function readRule(word: string): SceneRule | undefined {
	const [, ...numbers] = /^scenes\.(\d{1,9})\.(\d{1,3})\.(\d)$/.exec(word) ?? [];
	const [from, count, objects] = numbers.map(Number);
	if (from === undefined || count === undefined || objects === undefined) return undefined;
	if (from >= seedLimit || count < 1 || count > MOST_SCENES || objects > MOST_OBJECTS) return undefined;
	return { from, count, objects };
}

export const ruleName = ({ from, objects }: SceneRule): string =>
	`Held-out scenes from ${from}${objects > 1 ? ` with ${objects} objects or more` : ''}`;

/** The scenes of a rule, in the order of their seeds. */
export function scenesOf({ from, count, objects }: SceneRule): Scene[] {
	const scenes: Scene[] = [];
	for (let seed = from; scenes.length < count && seed < seedLimit; seed++) {
		const scene = generateScene(seed, 'test');
		if (scene.objects.length >= objects) scenes.push(scene);
	}
	return scenes;
}
