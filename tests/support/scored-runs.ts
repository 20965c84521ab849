import { checkManifest } from '../../src/lib/model/runtime/check-manifest.ts';
import { readFileSync } from 'node:fs';
import { scenes, type SceneData } from '../../src/lib/benchmarks/scenes.ts';
import type { RunIdentity } from '../../src/lib/benchmarks/run/record.ts';
import { scoreRun, type ScoredRun } from '../../src/lib/benchmarks/run/scored.ts';
import { generateScene, questions, type AtlasIndex } from '../../src/lib/scenes/index.ts';
import type { Kinds } from '../../src/lib/study/run-scores.ts';
import { embeddedModel } from './embedded.ts';

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as unknown;
export const manifest = checkManifest(read(`${embeddedModel}/honeybee.json`), 'honeybee-mini');
const index = read('static/scenes/atlas.json') as AtlasIndex;
export const classes = index.classes.map(({ name }) => name);
/** As in the embedded model, three of them. */
export const kinds = ['c-abs', 'd-abs', 'linear'];
const kindOf = (projector: string) => projector.replace(/-m\d+$/, '');
const titles: Readonly<Record<string, string>> = {
	'c-abs': 'C-Abstractor',
	'd-abs': 'D-Abstractor',
	linear: 'Linear'
};
export const known: Kinds = { kinds, kindOf, titleOf: (kind) => titles[kind] ?? kind };

const asked: SceneData[] = Array.from({ length: 12 }, (_, seed) =>
	questions(generateScene(seed, 'test'), index).map(({ task, question, answer }) => ({
		...{ task, question, answer, split: 'test', seed }
	}))
).flat();

/** A run that answers rightly where `right` says so. */
export function scenesRun(
	projector: string,
	tokens: number,
	right: (data: SceneData) => boolean = () => true
): ScoredRun {
	const identity = {
		...{ benchmark: 'scenes', projector, tokens, model: { name: 'm', files: {} } },
		data: { examples: asked.length, sha256: '' }
	} as unknown as RunIdentity;
	const results = asked.map((data, id) => ({ id, pred: right(data) ? data.answer : 'nothing', data }));
	return scoreRun(
		`scenes/m/${projector}-m${tokens}`,
		scenes,
		{ format: 'honeybee-run', format_version: 1, created: '', identity },
		results
	);
}
