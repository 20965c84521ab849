import { MANIFEST_FILE } from '../../lib/model/manifest.ts';
import { decodeImage } from '../../lib/browser/decode-image.ts';
import { openModelSource } from '../../lib/browser/model-source.ts';
import type { ModelManifest } from '../../lib/model/manifest.ts';
import { HoneybeeModel } from '../../lib/model/runtime/model.ts';
import { openModelFolder } from '../../lib/model/runtime/model-folder.ts';
import type { BackendInfo, LoadProgress } from '../../lib/model/runtime/types.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import type { LoadRequest, WorkerFailure } from './api.ts';
import { chooseBackend } from './choose-backend.ts';

export interface OpenHooks {
	readonly onProgress: (progress: LoadProgress) => void;
	/** Told of device loss and of errors of the device that nobody waits for. */
	readonly onFailure: (failure: WorkerFailure) => void;
}

export interface OpenedModel {
	readonly model: HoneybeeModel;
	/** As it lies in the folder. */
	readonly manifest: ModelManifest;
	readonly backend: BackendInfo;
}

/** Opens a model folder on the backend that suits it. @throws InputError when it cannot be used here */
export async function openModel(
	request: LoadRequest,
	{ onProgress, onFailure }: OpenHooks
): Promise<OpenedModel> {
	const { location, projector } = request;
	if (!globalThis.crypto?.subtle)
		throw new InputError(
			'The browser lets only secure pages check and run a model; open this page by https or on localhost.'
		);
	onProgress({ stage: 'manifest', what: MANIFEST_FILE, loaded: 0, total: 0 });
	const folder = await openModelFolder(await openModelSource(location));
	const backend = await chooseBackend(request, folder.manifest, {
		onFailure,
		onSelfCheck: () => onProgress({ stage: 'self-check', what: 'WebGPU', loaded: 0, total: 0 })
	});
	try {
		const model = await HoneybeeModel.load({
			backend,
			folder,
			decodeImage,
			// A link may name one that this model does not have.
			...(projector !== undefined && Object.hasOwn(folder.manifest.projectors, projector) && { projector }),
			onProgress
		});
		return { model, manifest: folder.manifest, backend: backend.info };
	} catch (error) {
		await backend.dispose();
		throw error;
	}
}
