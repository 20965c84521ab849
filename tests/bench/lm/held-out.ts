/**
 * `node tests/bench/lm/held-out.ts [--prompts 200] [--new-tokens 16] [--scenes 10] [--projector c-abs]`: how far the kernels for 4 bits are
 * from the same model multiplied as it is stored (Node), on what neither was made with.
 *
 * SmolLM2-135M in q4 goes on greedily after prompts of 48 tokens of this repository's texts: ids alike before the first difference, and the
 * distance of the logits after the prompt. The embedded model, converted to q4 on the spot, answers the questions of held-out scenes:
 * accuracy of each task by both, and how many answers are word for word the same.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { Tokenizer } from '@huggingface/tokenizers';
import { decodeImage } from '../../../src/cli/io/decode-image.ts';
import { openFolder } from '../../../src/cli/io/disk.ts';
import { createNodeBackend } from '../../../src/cli/node-backend.ts';
import type { Result } from '../../../src/lib/benchmarks/benchmark.ts';
import { scenes, type SceneData } from '../../../src/lib/benchmarks/scenes.ts';
import type { Backend } from '../../../src/lib/model/runtime/backend.ts';
import { LanguageModel } from '../../../src/lib/model/runtime/language.ts';
import { openModelFolder } from '../../../src/lib/model/runtime/model-folder.ts';
import { HoneybeeModel } from '../../../src/lib/model/runtime/model.ts';
import { argmax } from '../../../src/lib/model/runtime/sampling.ts';
import { drain } from '../../../src/lib/study/ask.ts';
import { requestOf } from '../../../src/lib/study/run.ts';
import { wasmBackend } from '../../support/wasm-in-node.ts';
import { inScratch, progress } from '../turns.ts';
import { checkpoint } from './peers.ts';

const root = resolve(import.meta.dirname, '../../..');
const PROMPT = 48;
const TEXTS = [
	'README.md',
	'CONTRIBUTING.md',
	'training/README.md',
	'docs/SPEED.md',
	'CHANGELOG.md',
	'LICENSE'
];

const { values } = parseArgs({
	options: {
		prompts: { type: 'string', default: '200' },
		'new-tokens': { type: 'string', default: '16' },
		scenes: { type: 'string', default: '10' },
		projector: { type: 'string' }
	}
});
async function convert(from: string, to: string, name: string): Promise<void> {
	const args = ['convert', from, to, '--dtype', 'q4', '--name', name];
	if (existsSync(join(from, 'model.safetensors')))
		args.push('--tokenizer', join(root, 'static/models/honeybee-mini'));
	await promisify(execFile)(process.execPath, [join(root, 'bin/honeybee.js'), ...args]);
}

/** The kernels first, then the reference. */
const backends = async (folder: string): Promise<readonly [Backend, Backend]> => [
	await wasmBackend({ kernels: cpus().length }),
	createNodeBackend(folder)
];

async function languageModel(prompts: number, newTokens: number): Promise<void> {
	const source = await checkpoint();
	const texts = await Promise.all(TEXTS.map((file) => readFile(join(root, file), 'utf8')));
	const json = JSON.parse(await readFile(join(source, 'tokenizer.json'), 'utf8')) as object;
	const ids = new Tokenizer(json, {}).encode(texts.join('\n').replace(/[^\x20-\x7e\n]/g, ' ')).ids;
	if (ids.length < prompts * PROMPT)
		throw new Error(`The texts have ${Math.floor(ids.length / PROMPT)} prompts of ${PROMPT} tokens.`);
	await inScratch('held-out', async (scratch) => {
		const folder = join(scratch, 'smollm2-q4');
		await convert(join(source, 'last'), folder, 'SmolLM2-135M');
		const models: LanguageModel[] = [];
		for (const backend of await backends(folder))
			models.push(await LanguageModel.load(backend, await openModelFolder(await openFolder(folder))));
		const [distances, alike]: [number[], number[]] = [[], []];
		// Prompts spread over all texts.
		const step = Math.floor(ids.length / PROMPT / prompts) * PROMPT;
		for (let i = 0; i < prompts; i++) {
			let next = ids.slice(i * step, i * step + PROMPT);
			for (const { cache } of models) cache.clear();
			let same = 0;
			for (; same < newTokens; same++) {
				const [ours, theirs] = [await append(models[0]!, next), await append(models[1]!, next)];
				if (same === 0) distances.push(distance(ours, theirs));
				const best = argmax(theirs);
				if (argmax(ours) !== best) break;
				next = [best];
			}
			alike.push(same);
			if ((i + 1) % 10 === 0 || i + 1 === prompts) tell(distances, alike, newTokens);
		}
	});
}

const append = async (model: LanguageModel, ids: readonly number[]) =>
	model.append(await model.embed(ids), ids);

/** The largest difference of the largest logit's size. */
function distance(ours: Float32Array, theirs: Float32Array): number {
	const most = theirs.reduce((all, value) => Math.max(all, Math.abs(value)), 0);
	return ours.reduce((all, value, i) => Math.max(all, Math.abs(value - theirs[i]!)), 0) / most;
}

function tell(distances: readonly number[], alike: readonly number[], newTokens: number): void {
	const sorted = distances.toSorted((a, b) => a - b);
	const at = (share: number) =>
		`${(100 * sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!).toFixed(1)} %`;
	const ids = alike.reduce((a, b) => a + b);
	const whole = alike.filter((same) => same === newTokens).length;
	const first = alike.filter((same) => same > 0).length;
	console.log(
		`${alike.length} prompts: ids alike before the first difference ${ids} of ${alike.length * newTokens}, the first id ${first} times, all ${newTokens} ${whole} times; logits off by ${at(0.5)} (median), ${at(0.9)} (of nine tenths), ${at(1)} (at most)`
	);
}

async function embeddedModel(count: number, chosen: string | undefined): Promise<void> {
	await inScratch('held-out', async (scratch) => {
		const folder = join(scratch, 'mini-q4');
		await convert(join(root, 'static/models/honeybee-mini'), folder, 'mini-q4');
		const models: HoneybeeModel[] = [];
		const both = await backends(folder);
		for (const backend of both)
			models.push(
				await HoneybeeModel.load({
					...{ backend, decodeImage, folder: await openModelFolder(await openFolder(folder)) },
					...(chosen !== undefined && { projector: chosen })
				})
			);
		progress(both[0].info.description);
		const { projectors } = models[0]!.manifest;
		const projector = chosen ?? Object.keys(projectors)[0]!;
		const results: [Result<SceneData>[], Result<SceneData>[]] = [[], []];
		const show = () => {
			const scores = results.map((all) => scenes.score(all));
			const same = results[0].filter(({ pred }, i) => pred === results[1][i]!.pred).length;
			console.log(`${projector}: ${results[0].length} questions, ${same} answers word for word the same`);
			const tasks = new Map<string, [number, number, number]>();
			for (const [which, { outcomes }] of scores.entries())
				for (const { id, credit } of outcomes) {
					const task = String(results[0].find((result) => result.id === id)!.data.task);
					const row = tasks.get(task) ?? [0, 0, 0];
					row[which]! += credit;
					if (which === 0) row[2]++;
					tasks.set(task, row);
				}
			for (const [task, [ours, theirs, n]] of tasks)
				console.log(
					`  ${task.padEnd(14)} kernels ${((100 * ours) / n).toFixed(1)} %, as stored ${((100 * theirs) / n).toFixed(1)} % (${n})`
				);
		};
		let seed = 0;
		for await (const example of scenes.examples(await openFolder(join(root, 'static/scenes')))) {
			if (example.data.seed >= count) break;
			if (example.data.seed !== seed) {
				seed = example.data.seed;
				if (seed % 20 === 0) show();
			}
			const images = await Promise.all(
				example.images.map(async ({ name, read }) => ({ id: name, name, bytes: await read() }))
			);
			const request = requestOf(scenes, example, images, {
				projector,
				tokens: projectors[projector]!.num_query_tokens
			});
			for (const [i, model] of models.entries()) {
				const { text } = await drain(model, request, {});
				results[i]!.push({ id: example.id, pred: text, data: example.data });
			}
		}
		show();
	});
}

if (Number(values.prompts) > 0) await languageModel(Number(values.prompts), Number(values['new-tokens']));
if (Number(values.scenes) > 0) await embeddedModel(Number(values.scenes), values.projector);
// Threads of the kernels wait for more.
process.exit();
