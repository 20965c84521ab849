import { openModelSource } from '../../../../src/lib/browser/model-source.ts';
import { LanguageModel } from '../../../../src/lib/model/runtime/language.ts';
import { openModelFolder } from '../../../../src/lib/model/runtime/model-folder.ts';
import {
	attentionOf,
	createWasmBackend,
	createWebGpuBackend
} from '../../../../src/workers/model/web-backend.ts';
import { measureOurs } from '../ours.ts';
import type { LmTask } from '../results.ts';

export interface OursRequest {
	readonly backend: 'wasm' | 'wasm-int8' | 'wasm-q4' | 'webgpu';
	/** Address of the model folder. */
	readonly url: string;
	readonly task: LmTask;
}

addEventListener('message', ({ data: { backend, url, task } }: MessageEvent<OursRequest>) => {
	void (async () => {
		const begin = performance.now();
		const folder = await openModelFolder(await openModelSource({ kind: 'url', url }));
		const reason = 'Measured.';
		const onFailure = ({ message }: { readonly message: string }) => postMessage({ error: message });
		const made =
			backend === 'webgpu'
				? await createWebGpuBackend({ reason, onFailure, ...attentionOf(folder.manifest) })
				: await createWasmBackend(reason, backend);
		const model = await LanguageModel.load(made, folder);
		return measureOurs(model, task, performance.now() - begin);
	})().then(
		(run) => postMessage({ run }),
		(error: unknown) => postMessage({ error: String(error) })
	);
});
