import { timedGeneration } from '../../../src/cli/bench/peer-generation.ts';
import { greedy } from '../../../src/lib/model/runtime/sampling.ts';
import { ModelClient } from '../../../src/workers/model/client.ts';
import type { AnswerResult } from '../../../src/lib/model/runtime/types.ts';
import { readBandwidth } from './bandwidth.ts';
import type { AnswerTimes, HoneybeeTimes, PeerTask, PeerTimes } from './results.ts';
import { fromThisServer } from '../../support/peer-page.ts';

declare global {
	interface Window {
		/** Called by `tests/fullsize/gpu-report.ts`. */
		gpuReport: typeof gpuReport;
	}
}

const QUESTION = 'Describe the image in detail.';

interface Asked {
	readonly projector: string;
	readonly tokens: number;
	readonly new_tokens: number;
	/** Tells images apart, so that none is taken from the cache. */
	readonly id: string;
}

async function ask(client: ModelClient, { projector, tokens, new_tokens, id }: Asked) {
	const bytes = new Uint8Array(await (await fetch('/bench.png')).arrayBuffer());
	const begin = performance.now();
	let first_token_ms = 0;
	let result: AnswerResult | undefined;
	for await (const event of client.answer({
		projector,
		tokens,
		turns: [{ question: QUESTION, images: [{ id, name: 'bench.png', bytes }] }],
		sampling: { ...greedy, max_new_tokens: new_tokens }
	})) {
		if (event.type === 'token') first_token_ms ||= performance.now() - begin;
		if (event.type === 'done') result = event.result;
	}
	if (!result) throw new Error('The answer ended before it was whole.');
	return { first_token_ms, result };
}

/** The whole model on WebGPU, through the worker, at every M its projector can have. */
async function honeybee(counts: readonly number[], new_tokens: number): Promise<HoneybeeTimes> {
	const client = new ModelClient();
	try {
		const begin = performance.now();
		const url = new URL('/model/', location.href).href;
		const { manifest, backend } = await client.load({ location: { kind: 'url', url }, backend: 'webgpu' });
		const load_ms = performance.now() - begin;
		const [projector] = Object.keys(manifest.projectors);
		const answers: AnswerTimes[] = [];
		for (const tokens of counts) {
			const asked = { projector: projector!, tokens, new_tokens };
			// Kernels are compiled by the first answer of each shape.
			await ask(client, { ...asked, id: `warm ${tokens}` });
			const { first_token_ms, result } = await ask(client, { ...asked, id: `timed ${tokens}` });
			const { vision, projector: projected, prefill, decode } = result.timings_ms;
			answers.push({
				tokens,
				prompt_positions: result.prompt_ids.filter((id) => id >= 0).length + tokens,
				first_token_ms,
				vision_ms: vision,
				projector_ms: projected,
				prefill_ms: prefill,
				decoded: result.ids.length - 1,
				decode_tokens_per_second: ((result.ids.length - 1) / decode) * 1000,
				ids: result.ids
			});
		}
		return { adapter: backend.description, software: backend.software, load_ms, answers };
	} finally {
		client.dispose();
	}
}

/** The same language model in transformers.js on WebGPU. */
async function transformers({ prompts, new_tokens, vocab_size, shards }: PeerTask): Promise<PeerTimes> {
	const library = await import('@huggingface/transformers');
	const { AutoModelForCausalLM, env } = library;
	fromThisServer(env);
	const begin = performance.now();
	const model = await AutoModelForCausalLM.from_pretrained('peer', {
		device: 'webgpu',
		dtype: 'fp32',
		session_options: { externalData: shards.map((path) => ({ path, data: `onnx/${path}` })) }
	});
	const load_ms = performance.now() - begin;
	const runs: PeerTimes['runs'][number][] = [];
	for (const prompt_positions of prompts) {
		const ids = BigInt64Array.from({ length: prompt_positions }, (_, i) =>
			BigInt(3 + ((i * 7919) % (vocab_size - 3)))
		);
		const generate = () => timedGeneration(library, model, ids, new_tokens);
		await generate();
		const { at_ms: at } = await generate();
		runs.push({
			prompt_positions,
			first_token_ms: at[0]!,
			decode_tokens_per_second: ((at.length - 1) / (at.at(-1)! - at[0]!)) * 1000
		});
	}
	return { load_ms, runs };
}

const gpuReport = { honeybee, transformers, readBandwidth };
window.gpuReport = gpuReport;
