import { InputError } from '../../tensor/errors.ts';

/** Tensors of the checkpoint that no graph asked for, together by the module they belong to. */
export interface UnusedTensors {
	/** Path of the module, e.g. `vision_model.vision_model.post_layernorm`. */
	readonly module: string;
	readonly count: number;
	/** Models of this kind have them and do without: nothing to tell a user who did not ask. */
	readonly expected: boolean;
}

/** Buffers that older versions of transformers saved: computed anew from the config. */
const buffers = /\.(rotary_emb\.(inv_freq|cos_cached|sin_cached)|position_ids|masked_bias)$/;

/**
 * What was left over after every graph was built.
 * @param expected keys that models of this kind have and do not use
 * @throws InputError when one of them changes what the model computes: another layer of a list whose layers are used, a bias of a layer
 *   whose weight is used, a norm within a used layer, anything of the projector
 */
export function unusedTensors(
	{ used, unused }: { readonly used: ReadonlySet<string>; readonly unused: readonly string[] },
	{
		expected,
		projector
	}: {
		readonly expected: (key: string) => boolean;
		/** What the projector's keys begin with, with a dot at the end. */
		readonly projector: string;
	}
): readonly UnusedTensors[] {
	const lists = new Set([...used].flatMap((key) => listsOf(key)));
	const parents = new Set([...used].map(moduleOf));
	const harmless = (key: string) => buffers.test(key) || expected(key);
	const lost = unused.filter(
		(key) =>
			!harmless(key) &&
			(key.startsWith(projector) ||
				parents.has(moduleOf(key)) ||
				listsOf(key).some((list) => lists.has(list)))
	);
	if (lost.length > 0) throw new InputError(refusal(lost));
	return [...Map.groupBy(unused, moduleOf)].map(([module, keys]) => ({
		module,
		count: keys.length,
		expected: keys.every(harmless)
	}));
}

/** Tells of what is left over and not expected, in a sentence; undefined when there is nothing to tell. */
export function tellUnused(groups: readonly UnusedTensors[]): string | undefined {
	const told = groups.filter(({ expected }) => !expected);
	if (told.length === 0) return undefined;
	const count = told.reduce((sum, group) => sum + group.count, 0);
	const shown = told.slice(0, 5).map((group) => `${group.module} (${group.count})`);
	const rest = told.length > 5 ? ` and ${told.length - 5} more modules` : '';
	return `${count} ${count === 1 ? 'tensor is' : 'tensors are'} in the checkpoint and not in the model, since nothing asks for ${count === 1 ? 'it' : 'them'}: ${shown.join(', ')}${rest}.`;
}

function refusal(lost: readonly string[]): string {
	const [first] = lost;
	const more = lost.length > 1 ? ` and ${lost.length - 1} more` : '';
	const bias = first!.endsWith('.bias') && lost.every((key) => key.endsWith('.bias'));
	return bias
		? `The checkpoint has biases that config.json does not speak of (${first}${more}), so that the model would compute something else; set attention_bias or mlp_bias in text_config if the model was trained with them.`
		: `The checkpoint has tensors that config.json does not speak of (${first}${more}), so that the model would compute something else; give the config.json that was saved with these weights.`;
}

/** Path of a tensor's module: `a.b.weight` → `a.b`; a name without a path stands for itself. */
function moduleOf(key: string): string {
	const end = key.lastIndexOf('.');
	return end > 0 ? key.slice(0, end) : key;
}

/** Paths of the numbered lists that a tensor lies in: `a.layers.3.mlp.0.weight` → `a.layers`, `a.layers.3.mlp`. */
function listsOf(key: string): string[] {
	return [...key.matchAll(/\.\d+(?=\.)/g)].map(({ index }) => key.slice(0, index));
}
