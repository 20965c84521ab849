import { measureAnswers, type AnswersResult } from '../../../src/cli/bench/answers.ts';
import type { ImageInput } from '../../../src/lib/model/runtime/types.ts';
import { greedy } from '../../../src/lib/model/runtime/sampling.ts';
import { ask } from '../../../src/lib/study/ask.ts';
import { ModelClient } from '../../../src/workers/model/client.ts';
import { readBandwidth } from '../../fullsize/gpu-page/bandwidth.ts';

declare global {
	interface Window {
		/** Called by `tests/bench/browser.ts`. */
		measure: typeof measure;
		decode: typeof decode;
		readBandwidth: typeof readBandwidth;
	}
}

const client = new ModelClient();
/** What is asked about, once the model is there. */
let subject: { readonly projector: string; readonly image: ImageInput } | undefined;

/** The whole model in the worker, by way of the client that the workbench uses. */
async function measure(backend: 'webgpu' | 'wasm'): Promise<AnswersResult> {
	const bytes = new Uint8Array(await (await fetch('/bench.png')).arrayBuffer());
	const begin = performance.now();
	const url = new URL('/model/', location.href).href;
	const { manifest, backend: info } = await client.load({ location: { kind: 'url', url }, backend });
	const load_ms = performance.now() - begin;
	const image = { id: 'bench', bytes, name: 'bench.png' };
	subject = { projector: Object.keys(manifest.projectors)[0]!, image };
	const answers = await measureAnswers(client, manifest, image);
	return { backend: info.backend, description: info.description, load_ms, answers };
}

/** Decodes up to so many tokens of a description. @returns how many there were */
async function decode(max_new_tokens: number): Promise<number> {
	if (!subject) throw new Error('measure() loads the model first.');
	const { ids } = await ask(client, {
		projector: subject.projector,
		turns: [{ question: 'Describe the image in detail.', images: [subject.image] }],
		sampling: { ...greedy, max_new_tokens }
	});
	return ids.length;
}

Object.assign(window, { measure, decode, readBandwidth });
