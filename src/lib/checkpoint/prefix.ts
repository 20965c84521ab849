import { InputError } from '../tensor/errors.ts';
import type { Checkpoint } from './checkpoint.ts';

/** What wrappers put in front of every key: DataParallel and DeepSpeed, torch.compile, Lightning and the like. */
const wrappers = ['module.', '_orig_mod.', 'model.', 'base_model.', 'state_dict.', 'ema.'] as const;

/**
 * The checkpoint with a prefix taken off that all its keys have and that the model does not know. Without such a prefix it stays as it is.
 * @param known whether a key begins as the model's own do
 * @throws InputError when only some of the model's keys have the prefix: then two models, or half of one, lie in the file
 */
export function withoutPrefix(checkpoint: Checkpoint, known: (key: string) => boolean): Checkpoint {
	const keys = [...checkpoint.entries.keys()];
	if (keys.length === 0) return checkpoint;
	let prefix = '';
	const bare = (key: string) => key.slice(prefix.length);
	while (!keys.some((key) => key.startsWith(prefix) && known(bare(key)))) {
		const next = wrappers.find((wrapper) => keys.some((key) => key.startsWith(prefix + wrapper)));
		if (next === undefined) return checkpoint;
		prefix += next;
	}
	if (prefix === '') return checkpoint;
	const others = keys.filter((key) => !key.startsWith(prefix));
	if (others.length > 0)
		throw new InputError(
			`${keys.length - others.length} of the checkpoint's ${keys.length} tensors begin with "${prefix}", but ${others[0]} and ${others.length - 1} more do not; save one state dict with one kind of keys.`
		);
	const whole = (name: string) => prefix + name;
	const unreadable = [...(checkpoint.unreadable ?? [])];
	return {
		entries: new Map(
			[...checkpoint.entries].map(([key, entry]) => [bare(key), { ...entry, name: bare(key) }])
		),
		unreadable: new Map(unreadable.map(([key, why]) => [key.startsWith(prefix) ? bare(key) : key, why])),
		notes: [...(checkpoint.notes ?? []), `All keys begin with "${prefix}", which is taken off.`],
		read: (name) => checkpoint.read(whole(name)),
		...(checkpoint.parts && { parts: (name: string) => checkpoint.parts?.(whole(name)) })
	};
}
