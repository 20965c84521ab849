import {
	backgrounds,
	cellNames,
	cellOf,
	generateScene,
	type SceneObject,
	type Split
} from '../scenes/index.ts';
import type { Data } from './benchmark.ts';

/** What a question about a scene is about, for grouping. */
export interface SceneFacts {
	/** Side in pixels of the object asked about; undefined when there is none or several. */
	readonly size?: number;
	/** Its cell of the 3 × 3 grid. */
	readonly cell?: string;
	/** Objects in the scene. */
	readonly objects: number;
	readonly background: string;
}

/**
 * Facts of a question about a scene, from its seed: the object is the one whose class the question or the answer names, or the one in the
 * cell that it names. Undefined for questions about anything else than scenes.
 *
 * @param classes names of the sprites' classes, by index
 */
export function sceneFacts(data: Data, classes: readonly string[]): SceneFacts | undefined {
	const { seed, split, task, question, answer } = data;
	if (typeof seed !== 'number' || typeof question !== 'string' || !isSplit(split)) return undefined;
	const { objects, background } = generateScene(seed, split);
	const about =
		task === 'caption' || task === 'scene'
			? []
			: objectsOf(objects, question, typeof answer === 'string' ? answer : '', classes);
	const [only] = about;
	return {
		objects: objects.length,
		background: backgrounds[background]?.name ?? '',
		...(about.length === 1 && only && { size: only.size, cell: cellNames[cellOf(only)]! })
	};
}

const isSplit = (value: unknown): value is Split => value === 'test' || value === 'style' || value === 'size';

function objectsOf(
	objects: readonly SceneObject[],
	question: string,
	answer: string,
	classes: readonly string[]
): SceneObject[] {
	const names = (text: string, object: SceneObject) =>
		new RegExp(`\\b${classes[object.cls] ?? ''}\\b`).test(text);
	const named = objects.filter((object) => names(question, object));
	return named.length > 0 ? named : objects.filter((object) => names(answer, object));
}
