import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertCommand } from '../../../../src/cli/convert.ts';
import { decodeImage } from '../../../../src/cli/io/decode-image.ts';
import { openFolder } from '../../../../src/cli/io/disk.ts';
import { createNodeBackend } from '../../../../src/cli/node-backend.ts';
import { sha256 } from '../../../../src/lib/bytes/hash.ts';
import { isObject } from '../../../../src/lib/bytes/json.ts';
import { normals, seededRandom } from '../../../../src/lib/bytes/random.ts';
import { memorySource } from '../../../../src/lib/checkpoint/memory.ts';
import { openSafetensors } from '../../../../src/lib/checkpoint/safetensors.ts';
import { families } from '../../../../src/lib/model/families/registry.ts';
import type { Backend } from '../../../../src/lib/model/runtime/backend.ts';
import { openModelFolder } from '../../../../src/lib/model/runtime/model-folder.ts';
import { HoneybeeModel } from '../../../../src/lib/model/runtime/model.ts';
import { greedy } from '../../../../src/lib/model/runtime/sampling.ts';
import { TraceRecorder } from '../../../../src/lib/model/runtime/trace-recorder.ts';
import type { AnswerResult, ImageInput } from '../../../../src/lib/model/runtime/types.ts';
import { rootMeanSquare } from '../../../../src/lib/analysis/perturbation.ts';
import type { Tensor } from '../../../../src/lib/tensor/tensor.ts';
import { compareTensors, tolerance } from '../../../support/compare.ts';
import { turnsOf, type GoldenCase as Case } from '../../../support/golden-turns.ts';
import { isTable, namedAsGolden } from '../../../support/golden-names.ts';
import { silent } from '../../../support/golden-model.ts';
import { productsGraph } from '../../../support/run-graph.ts';

const fixtures = new URL('../../../fixtures/families/', import.meta.url).pathname;
const pictures = new URL('../../../fixtures/golden/images/', import.meta.url).pathname;

interface Golden {
	readonly config_dir: string;
	readonly spelling?: string;
	readonly tower_dir?: string;
	readonly tokenizer_dir?: string;
	readonly cases: Readonly<Record<string, Case>>;
}

/** Every tensor, prompt id and greedy id of the families' checkpoints through `honeybee convert`, float32 on the CPU. */
describe.each(families.flatMap(({ goldens }) => goldens))('%s on onnxruntime-node', (set) => {
	let folder: string;
	let golden: Golden;
	let tensors: Record<string, Record<string, Tensor>>;
	const models = new Map<string, ReturnType<typeof openWith>>();

	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'honeybee-'));
		golden = JSON.parse(await readFile(join(fixtures, set, 'golden.json'), 'utf8')) as Golden;
		tensors = await readTensors(join(fixtures, set, 'golden.safetensors'));
	});
	afterAll(async () => {
		for (const opened of models.values()) await (await opened).close();
		await rm(folder, { recursive: true });
	});

	/** The model, with those settings of pictures instead of its folder's. */
	function modelWith(changes: Readonly<Record<string, unknown>>) {
		const key = JSON.stringify(changes);
		const known = models.get(key) ?? openWith(changes, join(folder, `model-${models.size}`));
		models.set(key, known);
		return known;
	}

	async function openWith(changes: Readonly<Record<string, unknown>>, to: string) {
		const checkpoint = `${to}-checkpoint`;
		await cp(join(fixtures, set, golden.config_dir), checkpoint, { recursive: true });
		if (Object.keys(changes).length > 0) await changePictures(checkpoint, changes);
		const { tokenizer_dir: tokenizer, tower_dir: tower } = golden;
		await convertCommand.run(
			[
				...[checkpoint, to],
				...(tokenizer ? ['--tokenizer', join(fixtures, set, tokenizer)] : []),
				...(tower ? ['--vision', join(fixtures, set, tower)] : [])
			],
			silent
		);
		const source = await openFolder(to);
		const projected: Projected = {};
		const backend = noting(createNodeBackend(to), projected);
		const model = await HoneybeeModel.load({ backend, folder: await openModelFolder(source), decodeImage });
		return {
			...{ model, to, projected },
			async close() {
				await model.dispose();
				await source.close();
			}
		};
	}

	it('matches the reference in every case', async () => {
		const names = Object.keys(golden.cases);
		expect(names).toContain('main');
		for (const name of names) {
			const example = golden.cases[name]!;
			const { model } = await modelWith(example.image_kwargs ?? {});
			const recorder = new TraceRecorder();
			const images = await Promise.all(example.images.map(readImage));
			const turns = turnsOf(example, images);
			let result: AnswerResult | undefined;
			for await (const event of model.answer(
				{
					projector: Object.keys(model.manifest.projectors)[0]!,
					turns: turns ?? [{ question: '', images }],
					sampling: { ...greedy, max_new_tokens: 20 },
					...(example.num_visual_tokens && images.length > 0 && { tokens: example.num_visual_tokens }),
					...(!turns && { raw_prompt: example.prompt })
				},
				{ recorder }
			))
				if (event.type === 'done') result = event.result;
			expect(result?.prompt_ids, `${name}: prompt ids`).toEqual(example.input_ids);
			const { failures, report, differences } = compareTensors(
				namedAsGolden(recorder.trace, tensors[name] ?? {}),
				tensors[name] ?? {},
				tolerance.node
			);
			expect(failures, `${name}, all differences:\n${report}`).toEqual([]);
			// Whole numbers until they are scaled.
			const pixels = differences.find((one) => one.name === 'pixel_values');
			expect(pixels?.error ?? 0, `${name}: pixels`).toBeLessThanOrEqual(1e-6);
			expect(result?.ids, `${name}: greedy ids`).toEqual(example.generated_ids);
			// transformers' fast tokenizers give up a whole run of byte tokens for one that is no character; here as much is read as can be.
			if (!golden.spelling?.startsWith('hf'))
				expect(stripped(result?.text ?? ''), `${name}: text`).toBe(stripped(example.generated_text));
		}
	});

	it('has a projector whose derivatives are the slopes of what it computes', async () => {
		const { model, to, projected } = await modelWith({});
		const image = await readImage(
			Object.values(golden.cases).find(({ images }) => images.length > 0)!.images[0]!
		);
		const projector = Object.keys(model.manifest.projectors)[0]!;
		await model.trace({ projector, image, names: ['visual_embeds'] });
		const { graph, feeds } = projected.last!;
		await expectSlopes(join(to, graph), feeds);
	});
});

/** The projector's graph that was run last, and its inputs. */
interface Projected {
	last?: { readonly graph: string; readonly feeds: Readonly<Record<string, OrtTensor>> };
}

/** A backend that notes what projectors are given. */
function noting(backend: Backend, projected: Projected): Backend {
	return {
		...backend,
		async createSession(request) {
			const session = await backend.createSession(request);
			return {
				...{ inputNames: session.inputNames, outputNames: session.outputNames },
				...(session.memory && { memory: session.memory }),
				release: () => session.release(),
				run(feeds, fetches) {
					if ('visual_features' in feeds) projected.last = { graph: request.files.graph, feeds };
					return session.run(feeds, fetches);
				}
			};
		}
	};
}

/** Compares vᵀJ · u with the slope of v · f(x + εu), for random v and u. */
async function expectSlopes(path: string, feeds: Readonly<Record<string, OrtTensor>>): Promise<void> {
	const graph = await readFile(path);
	const { dims, data } = feeds['visual_features']!;
	const derived = productsGraph(graph, {
		...{ of: 'visual_embeds', by: 'visual_features' },
		inputs: new Map(
			Object.entries(feeds).map(([name, feed]) => [
				name,
				{ dims: feed.dims, numbers: Array.from(feed.data as ArrayLike<number>, Number) }
			])
		)
	});
	const beside = `${path}.derived`;
	await writeFile(beside, derived);
	const [forward, backward] = [await InferenceSession.create(path), await InferenceSession.create(beside)];
	const random = seededRandom(5);
	const x = data as Float32Array;
	const by = normals(x.length, random);
	const step = 1e-3 * rootMeanSquare(x);
	const at = async (factor: number) => {
		const moved = Float32Array.from(x, (value, i) => value + factor * by[i]!);
		const given = { ...feeds, visual_features: new OrtTensor('float32', moved, dims) };
		return (await forward.run(given, ['visual_embeds']))['visual_embeds']!;
	};
	const [ahead, behind] = [await at(step), await at(-step)];
	const vector = Float32Array.from(normals(ahead.size, random));
	const { products } = await backward.run({
		...feeds,
		vectors: new OrtTensor('float32', vector, [1, ...ahead.dims])
	});
	const [to, from] = [ahead.data as Float32Array, behind.data as Float32Array];
	const slope = vector.reduce((sum, v, i) => sum + (v * (to[i]! - from[i]!)) / (2 * step), 0);
	const gradient = products!.data as Float32Array;
	const product = gradient.reduce((sum, value, i) => sum + value * by[i]!, 0);
	// Of the length that a product with a random direction has.
	expect(Math.abs(slope - product) / Math.hypot(...gradient)).toBeLessThan(1e-2);
}

/** What Python's `strip` leaves, which some references put their answers through. */
function stripped(text: string): string {
	const isSpace = (character: string | undefined) =>
		character !== undefined && (character.trim() === '' || (character >= '\u001c' && character <= '\u001f'));
	const characters = [...text];
	while (isSpace(characters[0])) characters.shift();
	while (isSpace(characters.at(-1))) characters.pop();
	return characters.join('');
}

/** Writes settings of pictures into the file of a checkpoint that has them. */
async function changePictures(checkpoint: string, changes: Readonly<Record<string, unknown>>): Promise<void> {
	for (const name of ['preprocessor_config.json', 'processor_config.json']) {
		const path = join(checkpoint, name);
		const json = JSON.parse(await readFile(path, 'utf8').catch(() => '{}')) as Record<string, unknown>;
		const nested = json.image_processor;
		if (isObject(nested)) json.image_processor = { ...nested, ...changes };
		else if ('size' in json) Object.assign(json, changes);
		else continue;
		await writeFile(path, JSON.stringify(json));
		return;
	}
	throw new Error(`${checkpoint} has no settings of pictures.`);
}

async function readImage(name: string): Promise<ImageInput> {
	const bytes = new Uint8Array(await readFile(join(pictures, name)));
	return { id: await sha256(bytes), bytes, name };
}

async function readTensors(path: string): Promise<Record<string, Record<string, Tensor>>> {
	const file = await openSafetensors(memorySource(path, await readFile(path)));
	const tensors: Record<string, Record<string, Tensor>> = {};
	for (const full of file.entries.keys()) {
		const dot = full.indexOf('.');
		const name = full.slice(dot + 1);
		if (!isTable(name)) (tensors[full.slice(0, dot)] ??= {})[name] = await file.read(full);
	}
	return tensors;
}
