import { InputError } from '../tensor/errors.ts';
import { toFloat32 } from '../tensor/half.ts';
import type { Checkpoint, TensorEntry } from './checkpoint.ts';
import { nameSome } from './folder.ts';

/** Buffers that old checkpoints hold and new ones do not; computed from the config, so a sum of them means nothing. */
const computed = /\.rotary_emb\.inv_freq$/;

/**
 * A base and a delta (Vicuna v0 style) added tensor by tensor. Sums are float32, whatever the stored dtypes. Both must
 * have the same tensors of the same shapes.
 */
export function addDelta(base: Checkpoint, delta: Checkpoint): Checkpoint {
	const names = (checkpoint: Checkpoint) =>
		[...checkpoint.entries.keys()].filter((name) => !computed.test(name));
	const refuse = (what: string) => new InputError(`The delta does not belong to its base: ${what}.`);
	const missing = names(base).filter((name) => !delta.entries.has(name));
	if (missing.length > 0) throw refuse(`it lacks ${nameSome(missing)}`);
	const added = names(delta).filter((name) => !base.entries.has(name));
	if (added.length > 0) throw refuse(`the base lacks ${nameSome(added)}`);

	const entries = new Map<string, TensorEntry>();
	for (const name of names(base)) {
		const { dims } = base.entries.get(name)!;
		const other = delta.entries.get(name)!.dims;
		if (dims.join() !== other.join())
			throw refuse(`${name} is [${dims.join(', ')}] in the base and [${other.join(', ')}] in the delta`);
		entries.set(name, { name, dims, dtype: 'float32' });
	}
	return {
		entries,
		async read(name) {
			if (!entries.has(name)) throw new InputError(`Base and delta have no tensor ${name}.`);
			const sum = toFloat32(await base.read(name));
			const data = sum.data.slice();
			const change = toFloat32(await delta.read(name)).data;
			for (let i = 0; i < data.length; i++) data[i]! += change[i]!;
			return { ...sum, data };
		}
	};
}
