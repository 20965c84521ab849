import { isObject, type JsonObject } from '../../bytes/json.ts';
import type { FamilyModel } from '../families/definition.ts';

/** RoPE base of transformers 4 where a config does not say one under its old name. */
const USUAL_BASE = 10000;

/**
 * What of a checkpoint the releases of transformers read differently, and which reading is followed, in whole sentences. All are followed as
 * transformers 5 does, silently or with a warning, which writes such files itself.
 *
 * @param config config.json
 * @param tied what the family says of the head
 * @param keys canonical names of the checkpoint's tensors
 * @param stored their names in the files, those of the vision tower's own folder among them
 */
export function followedReadings(
	config: JsonObject,
	tied: FamilyModel['tied'],
	keys: Iterable<string>,
	stored: Iterable<string>
): string[] {
	const text = isObject(config['text_config']) ? (config['text_config'] as JsonObject) : config;
	return [...ropeReading(text), ...(tied ? headReading(tied, keys) : []), ...towerReading(stored)];
}

function ropeReading(text: JsonObject): string[] {
	const rope = text['rope_parameters'];
	if (!isObject(rope) || text['rope_theta'] !== undefined || text['rope_scaling']) return [];
	const base = Number(rope['rope_theta'] ?? USUAL_BASE);
	const kind = rope['rope_type'] ?? 'default';
	if (base === USUAL_BASE && kind === 'default') return [];
	const scaled = kind === 'default' ? '' : ` with scaling of the kind ${JSON.stringify(kind)}`;
	return [
		`RoPE is read from rope_parameters, as transformers 5 does: base ${base}${scaled}. transformers 4 does not know them and takes base ${USUAL_BASE} without scaling.`
	];
}

function headReading({ by4, by5 }: NonNullable<FamilyModel['tied']>, keys: Iterable<string>): string[] {
	const names = [...keys];
	const has = (end: string) => names.some((name) => name.endsWith(end));
	if (!has('embed_tokens.weight')) return [];
	if (has('lm_head.weight'))
		return by4
			? [
					'config.json ties the head to the embeddings and the file has both: the head of the file is used, as transformers 5 does. transformers 4 takes the embeddings, which is the same only where the two are equal.'
				]
			: [];
	if (by4 && by5) return [];
	const used = 'The file has no head, so the embeddings are used as the head';
	if (!by4 && !by5)
		return [
			`${used}, though config.json does not tie them (tie_word_embeddings): transformers takes a head of random numbers, with a warning. See whether the file is whole.`
		];
	const [follows, other] = by5 ? [5, 4] : [4, 5];
	const place = (release: number) => (release === 4 ? 'in text_config' : 'at the top of config.json');
	return [
		`${used}, as transformers ${follows} does, which goes by tie_word_embeddings ${place(follows)}. transformers ${other} goes by the one ${place(other)} and takes a head of random numbers, with a warning.`
	];
}

/** The first of a CLIP or SigLIP tower's names, where they lack the level `vision_model`. */
const BARE_TOWER = /^(?:(.*\bvision_tower\.))?embeddings\.patch_embedding\.weight$/;

function towerReading(stored: Iterable<string>): string[] {
	for (const name of stored) {
		const found = BARE_TOWER.exec(name);
		if (found)
			return [
				`The vision tower's tensors lie under ${found[1] ?? ''}embeddings… without the level vision_model, as transformers 5 saves them: they are read. transformers 4 finds none of them there and takes a tower of random numbers, with a warning.`
			];
	}
	return [];
}
