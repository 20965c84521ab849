import { decode, encode } from 'fast-png';
import type { SourceFolder } from '../checkpoint/source.ts';
import { rgbFromInterleaved } from '../model/image/rgb.ts';
import { formatConversation } from '../model/text/prompts.ts';
import {
	Atlas,
	cellNames,
	generateScene,
	questions,
	renderScene,
	type AtlasIndex,
	type Scene,
	type Split,
	type Task
} from '../scenes/index.ts';
import { InputError } from '../tensor/errors.ts';
import { percent, rightOf, unitsOf } from './accuracy.ts';
import type { Benchmark, Example, ExampleImage, Outcome, Report, Result } from './benchmark.ts';
import { openFirst, readJson } from './formats/files.ts';

/** Tasks whose whole answer must equal the truth. */
const SHORT = [
	'existence',
	'counting',
	'attribute',
	'scene',
	'position',
	'relation',
	'localisation',
	'identity'
] as const satisfies readonly Task[];
const TASKS = [...SHORT, 'referring', 'caption'] as const;

/** Scenes that are also asked for boxes and captions, whose answers are long. */
const WRITTEN = 400;
const IOU = 0.5;

export type SceneData = {
	readonly question: string;
	readonly answer: string;
	readonly task: string;
	readonly split: string;
	readonly seed: number;
};

/** Questions about held-out scenes of the embedded model's world, as `training/evaluate.py` asks and scores them. */
function scenesBenchmark(split: Exclude<Split, 'train'>, count: number, title: string): Benchmark<SceneData> {
	const name = split === 'test' ? 'scenes' : `scenes-${split}`;
	return {
		name,
		title,
		split,
		builtIn: { folder: 'scenes', about: 'held-out scenes of the embedded model’s world' },
		files: ['atlas.json and atlas.png (static/scenes of this project)'],
		generation: { max_new_tokens: 64 },
		fields: { answer: 'string', task: 'string', seed: 'number', split: 'string' },
		async *examples(folder) {
			const atlas = await loadAtlas(folder);
			let id = 0;
			for (let seed = 0; seed < count; seed++) {
				const scene = generateScene(seed, split);
				const image = sceneImage(scene, atlas);
				for (const { task, question, answer } of questions(scene, atlas.index)) {
					if (seed >= WRITTEN && !(SHORT as readonly Task[]).includes(task)) continue;
					const example: Example<SceneData> = {
						id: id++,
						images: [image],
						data: { question, answer, task, split, seed }
					};
					yield example;
				}
			}
		},
		prompt: ({ question }, imageCount) => formatConversation('free-form', [{ question, imageCount }]),
		score: (results) => score(name, title, results)
	};
}

export const scenes = scenesBenchmark('test', 2000, 'Scenes');
export const scenesStyle = scenesBenchmark('style', 500, 'Scenes in a held-out style');
export const scenesSize = scenesBenchmark('size', 500, 'Scenes of held-out sizes');

async function loadAtlas(folder: SourceFolder): Promise<Atlas> {
	const index = (await readJson(await openFirst(folder, 'atlas.json'))) as unknown as AtlasIndex;
	const source = await openFirst(folder, 'atlas.png');
	try {
		const { width, height, data } = decode(await source.read(0, source.size));
		return new Atlas(index, { width, height, data: new Uint8ClampedArray(data) });
	} catch {
		throw new InputError(
			`atlas.json and atlas.png in ${folder.name} do not fit together; install them again.`
		);
	}
}

function sceneImage(scene: Scene, atlas: Atlas): ExampleImage {
	return {
		name: `scene ${scene.split} ${scene.seed}`,
		pixels() {
			const { width, height, data } = renderScene(scene, atlas);
			// Scenes are opaque.
			return rgbFromInterleaved(width, height, data);
		},
		async read() {
			const { width, height, data } = renderScene(scene, atlas);
			return new Uint8Array(encode({ width, height, data, channels: 4, depth: 8 }));
		}
	};
}

const BOX = /^\[(\d\.\d+),(\d\.\d+),(\d\.\d+),(\d\.\d+)\]$/;

/** Intersection over union of two boxes as text; 0 when one is none. */
export function boxOverlap(a: string, b: string): number {
	const [first, second] = [a, b].map((text) => BOX.exec(text)?.slice(1).map(Number));
	if (!first || !second) return 0;
	const [ax, ay, az, aw] = first as [number, number, number, number];
	const [bx, by, bz, bw] = second as [number, number, number, number];
	const inter =
		Math.max(0, Math.min(az, bz) - Math.max(ax, bx)) * Math.max(0, Math.min(aw, bw) - Math.max(ay, by));
	const union = (az - ax) * (aw - ay) + (bz - bx) * (bw - by) - inter;
	return union > 0 && inter > 0 ? inter / union : 0;
}

const NAMED = new RegExp(`an? (?:large|small) (\\w+) at the (${cellNames.join('|')})`, 'g');

/** F1 of the (class, cell) pairs that two captions name. */
export function captionF1(a: string, b: string): number {
	const [found, left] = [a, b].map((text) =>
		[...text.matchAll(NAMED)].map(([, cls, cell]) => `${cls} ${cell}`)
	);
	const total = found!.length + left!.length;
	let hits = 0;
	for (const pair of found!) {
		const at = left!.indexOf(pair);
		if (at < 0) continue;
		left!.splice(at, 1);
		hits++;
	}
	return total > 0 ? (2 * hits) / total : 0;
}

/**
 * How right an answer is: 1 or 0 for the whole short answer, for a box whether it overlaps the true one by at least half (IoU), for a
 * description the F1 of its pairs of object and place.
 */
export function creditOf(task: string, pred: string, truth: string): number {
	if (task === 'referring') return Number(boxOverlap(pred, truth) >= IOU);
	return task === 'caption' ? captionF1(pred, truth) : Number(pred === truth);
}

function score(benchmark: string, title: string, results: readonly Result<SceneData>[]): Report {
	const outcomes = results.map(({ id, pred, data }): Outcome => ({
		id,
		categories: [data.task],
		parsed: pred,
		drawn: false,
		credit: creditOf(data.task, pred, data.answer)
	}));
	const of = (task: string) => outcomes.filter(({ categories }) => categories[0] === task);
	const short = SHORT.filter((task) => of(task).length > 0);
	const seedOf = new Map(results.map(({ id, data }) => [id, data.seed]));
	const headline = short.reduce((sum, task) => sum + percent(of(task)), 0) / short.length;
	return {
		benchmark,
		scores: [
			...(short.length > 0 ? [{ name: 'short answers', value: headline, unit: '%' as const }] : []),
			...TASKS.filter((task) => of(task).length > 0).map((task) => ({
				name: task,
				value: percent(of(task)),
				unit: '%' as const
			}))
		],
		tables: [
			{
				title,
				columns: ['Task', 'Accuracy', 'Right', 'Answers'],
				rows: TASKS.filter((task) => of(task).length > 0).map((task) => [
					task,
					percent(of(task)),
					rightOf(of(task)),
					of(task).length
				])
			}
		],
		outcomes,
		units: unitsOf(
			outcomes.filter(({ categories }) => (SHORT as readonly string[]).includes(categories[0]!)),
			({ id }) => String(seedOf.get(id)),
			({ categories }) => categories[0]!
		),
		combine: 'mean',
		files: [],
		notes: []
	};
}
