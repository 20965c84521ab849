import type { Checkpoint, TensorEntry, TensorReader } from '../../checkpoint/checkpoint.ts';
import { openSafetensors } from '../../checkpoint/safetensors.ts';
import type { SourceFolder } from '../../checkpoint/source.ts';
import { InputError } from '../../tensor/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { toFloat32 } from '../../tensor/half.ts';
import { transpose } from '../layers.ts';
import { MANIFEST_FILE, networksOf, type ModelManifest } from '../manifest.ts';

/**
 * A converted fp32 model folder read back under the checkpoint's keys, so that it can be converted to another dtype without
 * the original checkpoint. `projector` chooses whose tensors are the `abstractor.` ones. Shapes may differ from the
 * checkpoint's by axes of size 1; element counts and order are the same.
 */
export async function openModelFolderCheckpoint(
	folder: SourceFolder,
	manifest: ModelManifest,
	projector: string
): Promise<Checkpoint> {
	if (manifest.dtype !== 'fp32')
		throw new InputError(
			`${folder.name} holds a ${manifest.dtype} model, which cannot be converted again without loss; convert the original checkpoint, or an fp32 model folder.`
		);
	const entry = manifest.projectors[projector];
	if (!entry) throw new InputError(`${folder.name} has no projector ${projector}.`);
	const { vision, embedding, language } = manifest.graphs;
	const paths = [
		...vision.weights,
		...embedding.weights,
		...language.flatMap((g) => g.weights),
		...networksOf(entry).flatMap((g) => g.weights)
	];
	const entries = new Map<string, TensorEntry>();
	const readers = new Map<string, () => Promise<Tensor>>();
	const parts = new Map<string, () => TensorReader | undefined>();
	for (const path of new Set(paths)) {
		const source = await folder.open(path);
		if (!source)
			throw new InputError(`${folder.name} has no file ${path}, which its ${MANIFEST_FILE} lists.`);
		const shard = await openSafetensors(source);
		for (const stored of shard.entries.values()) {
			const key = stored.name.replace(/\.(T|without_cls)$/, '');
			if (!stored.name.endsWith('.T')) {
				entries.set(key, { ...stored, name: key });
				readers.set(key, () => shard.read(stored.name));
				parts.set(key, () => shard.parts?.(stored.name));
				continue;
			}
			const [columns = 0, rows = 0] = stored.dims;
			entries.set(key, { name: key, dtype: stored.dtype, dims: [rows, columns] });
			readers.set(key, async () => {
				const { data } = toFloat32(await shard.read(stored.name));
				return { dtype: 'float32', dims: [rows, columns], data: transpose(data, columns, rows) };
			});
		}
	}
	return {
		entries,
		async read(name) {
			const reader = readers.get(name);
			if (!reader) throw new InputError(`${folder.name} has no tensor ${name}.`);
			return reader();
		},
		parts: (name) => parts.get(name)?.()
	};
}
