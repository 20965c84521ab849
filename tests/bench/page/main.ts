import { measureAnswers, type AnswersResult } from '../../../src/cli/bench/answers.ts';
import { createHoneybeeClient } from '../../../src/workers/honeybee.client.ts';

declare global {
	interface Window {
		/** Called by `tests/bench/browser.ts`. */
		measure: typeof measure;
	}
}

/** The whole model in the worker, by way of the client that the workbench uses. */
async function measure(backend: 'webgpu' | 'wasm'): Promise<AnswersResult> {
	const bytes = new Uint8Array(await (await fetch('/bench.png')).arrayBuffer());
	const client = createHoneybeeClient();
	const begin = performance.now();
	const url = new URL('/model/', location.href).href;
	const { manifest, backend: info } = await client.load({ location: { kind: 'url', url }, backend });
	const load_ms = performance.now() - begin;
	const image = { id: 'bench', bytes, name: 'bench.png' };
	const answers = await measureAnswers((request) => client.answer(request), manifest, image);
	return { backend: info.backend, description: info.description, load_ms, answers };
}

window.measure = measure;
