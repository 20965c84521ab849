import { seededRandom } from '../../lib/bytes/random.ts';
import { sentence } from '../../lib/bytes/sentence.ts';
import { networksOf, type GraphFiles, type ModelManifest } from '../../lib/model/manifest.ts';
import { intermediateNames } from '../../lib/model/language/graph.ts';
import { toFloat32 } from '../../lib/tensor/half.ts';
import type { Tensor } from '../../lib/tensor/tensor.ts';
import { squareGrid } from '../../lib/analysis/grid.ts';
import { gridSide } from '../../lib/model/config.ts';
import { projectorOf } from '../../lib/model/projectors/registry.ts';
import { towerOf } from '../../lib/model/vision/towers.ts';
import type { Backend } from '../../lib/model/runtime/backend.ts';
import { disposeAll, GraphSession, toTensor, type Feeds } from '../../lib/model/runtime/graph-session.ts';
import { openModelFolder, type ModelFolder } from '../../lib/model/runtime/model-folder.ts';
import type { Tensor as OrtTensor } from 'onnxruntime-common';
import { gigabytes } from '../../lib/bytes/sizes.ts';
import type { ModelLocation } from '../../lib/browser/model-source.ts';
import type { JobProgress, SelfCheckRow } from '../convert/api.ts';
import { openModelSource } from '../../lib/browser/model-source.ts';
import { WASM_LIMIT } from './preflight.ts';
import { attentionOf, createWasmBackend, createWebGpuBackend } from './web-backend.ts';

/** Positions of the fixed input to the language model; more than the tile at which kernels differ. */
const POSITIONS = 40;

/** Largest error, relative to the largest value, of a sub-model that computes what it should, by its weights' type. */
const tolerances = { fp32: 1e-3, q8: 1e-3, q4: 1e-3, fp16: 2e-2, q4f16: 2e-2 } as const;

/** One graph with the numbers that go into it and the outputs that are compared. */
interface Subject {
	readonly name: string;
	readonly files: GraphFiles;
	readonly tolerance: number;
	readonly feeds: (backend: Backend) => Record<string, OrtTensor>;
	readonly outputs: readonly string[];
}

/**
 * Runs each sub-model on the same numbers on WebGPU and on WASM, one after the other, and compares what comes out.
 * @param start For tests.
 */
export async function selfCheck(
	location: ModelLocation,
	signal: AbortSignal,
	report: (progress: JobProgress) => void,
	start: { readonly gpu: typeof createWebGpuBackend; readonly wasm: typeof createWasmBackend } = {
		gpu: createWebGpuBackend,
		wasm: createWasmBackend
	}
): Promise<SelfCheckRow[]> {
	const folder = await openModelFolder(await openModelSource(location));
	const failures: string[] = [];
	const gpu = await start.gpu({
		reason: 'Self-test.',
		...attentionOf(folder.manifest),
		onFailure: ({ message }) => failures.push(message)
	});
	const made: Backend[] = [gpu];
	try {
		const wasm = await start.wasm('Self-test.');
		made.push(wasm);
		const rows: SelfCheckRow[] = [];
		const all = subjects(folder.manifest);
		for (const [index, subject] of all.entries()) {
			signal.throwIfAborted();
			report({ stage: 'verify', what: subject.name, done: index, total: all.length });
			rows.push(await compare(subject, folder, gpu, wasm));
			if (failures.length > 0) throw new Error(failures[0]);
		}
		return rows;
	} finally {
		for (const backend of made) await backend.dispose();
	}
}

async function compare(
	subject: Subject,
	folder: ModelFolder,
	gpu: Backend,
	wasm: Backend
): Promise<SelfCheckRow> {
	const { name, files, tolerance } = subject;
	const size = files.weights.reduce((sum, path) => sum + folder.file(path).size, 0);
	if (size > WASM_LIMIT)
		return {
			name,
			tolerance,
			verdict: 'left-out',
			note: `${gigabytes(size)}, more than WASM can hold`
		};
	try {
		const actual = await outputsOf(subject, folder, gpu);
		const expected = await outputsOf(subject, folder, wasm);
		const error = Math.max(...expected.map((values, i) => relativeError(actual[i]!, values)));
		return { name, tolerance, error, verdict: error <= tolerance ? 'equal' : 'different' };
	} catch (error) {
		return {
			name,
			tolerance,
			verdict: 'failed',
			note: sentence(error)
		};
	}
}

async function outputsOf(subject: Subject, folder: ModelFolder, backend: Backend): Promise<Float32Array[]> {
	const session = await GraphSession.create(backend, { folder, files: subject.files });
	try {
		const outputs = await session.run(subject.feeds(backend), subject.outputs);
		const values: Float32Array[] = [];
		// Cached keys may be float16, which tensors hold as bits.
		for (const output of subject.outputs) values.push(toFloat32(await toTensor(outputs[output]!)).data);
		disposeAll(Object.values(outputs));
		return values;
	} finally {
		await session.release();
	}
}

function relativeError(actual: Float32Array, expected: Float32Array): number {
	let scale = 0;
	let largest = 0;
	if (actual.length !== expected.length) return Infinity;
	expected.forEach((value, i) => {
		scale = Math.max(scale, Math.abs(value));
		const distance = Math.abs(actual[i]! - value);
		largest = Math.max(largest, Number.isFinite(distance) ? distance : Infinity);
	});
	return largest / (scale || 1);
}

function subjects(manifest: ModelManifest): Subject[] {
	const { graphs, projectors, config, dtypes, kv_dtype, image } = manifest;
	const { text_config, vision_config } = config;
	const tower = towerOf(vision_config);
	// Not square where it need not be.
	const grid = tower.anySize ? { rows: 8, columns: 6 } : squareGrid(gridSide(vision_config));
	const floats = (backend: Backend, dims: readonly number[], seed: number) =>
		new backend.Tensor(
			'float32',
			numbers(
				dims.reduce((a, b) => a * b),
				seed
			),
			dims
		);

	const [layer] = [...new Set(Object.values(projectors).flatMap((entry) => entry.feature_layers))];
	const vision: Subject = {
		name: 'Vision tower',
		files: graphs.vision,
		tolerance: tolerances[dtypes.vision],
		feeds: (backend) => ({
			pixel_values: floats(
				backend,
				[1, ...(tower.anySize?.pixelDims(grid) ?? [3, image.size, image.size])],
				1
			),
			...tensorsOn(backend, tower.anySize?.feeds(grid) ?? {})
		}),
		outputs: [`vision.features.${layer}`]
	};
	const projected = Object.values(projectors).flatMap((entry): Subject[] => {
		const projector = projectorOf(entry.config);
		const M = projector.tokensOf?.(grid) ?? entry.num_query_tokens;
		const networks = networksOf(entry);
		return networks.map((files, network) => ({
			name: `${entry.title}, M = ${M}${networks.length > 1 ? `, view ${network + 1}` : ''}`,
			files,
			tolerance: tolerances.fp32,
			feeds: (backend) => ({
				visual_features: floats(
					backend,
					[1, grid.rows * grid.columns, vision_config.hidden_size * entry.feature_layers.length],
					2
				),
				...tensorsOn(backend, projector.feeds?.(M, grid) ?? {})
			}),
			outputs: ['visual_embeds']
		}));
	});
	const language = graphs.language.map((files): Subject => {
		const [from, to] = files.layers;
		const last = to === text_config.num_hidden_layers;
		const inputs = from === 0 ? ['inputs_embeds'] : intermediateNames(from);
		return {
			name: graphs.language.length === 1 ? 'Language model' : `Language model, layers ${from} to ${to - 1}`,
			files,
			tolerance: tolerances[dtypes.language],
			feeds: (backend) => {
				const { Tensor } = backend;
				const past = [1, text_config.num_key_value_heads, 0, text_config.head_dim];
				const cache: Record<string, OrtTensor> = {};
				for (let i = from; i < to; i++)
					for (const what of ['key', 'value'])
						cache[`past_key_values.${i}.${what}`] =
							kv_dtype === 'float16'
								? new Tensor('float16', new Uint16Array(0), past)
								: new Tensor('float32', new Float32Array(0), past);
				const ids = Array.from({ length: POSITIONS }, (_, i) => BigInt(i));
				return {
					...cache,
					...Object.fromEntries(
						inputs.map((input, i) => [input, floats(backend, [1, POSITIONS, text_config.hidden_size], 3 + i)])
					),
					position_ids: new Tensor('int64', BigInt64Array.from(ids), [1, POSITIONS]),
					seqlens_k: new Tensor('int32', Int32Array.of(POSITIONS - 1), [1]),
					total_sequence_length: new Tensor('int32', Int32Array.of(POSITIONS), [1]),
					logit_positions: new Tensor('int64', BigInt64Array.of(BigInt(POSITIONS - 1)), [1])
				};
			},
			outputs: last
				? ['logits', `present.${to - 1}.key`]
				: [...intermediateNames(to), `present.${to - 1}.key`]
		};
	});
	return [vision, ...projected, ...language];
}

function tensorsOn(backend: Backend, feeds: Readonly<Record<string, Tensor>>): Feeds {
	return Object.fromEntries(
		Object.entries(feeds).map(([name, { dtype, data, dims }]) => [
			name,
			new backend.Tensor(dtype as 'float32', data as Float32Array, dims)
		])
	);
}

/** Values between −1 and 1 without a pattern, the same everywhere. @param seed tells the inputs apart */
function numbers(count: number, seed: number): Float32Array {
	const random = seededRandom(seed);
	return Float32Array.from({ length: count }, () => 2 * random() - 1);
}
