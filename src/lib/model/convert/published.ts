import { readJsonObject } from '../../checkpoint/bytes.ts';
import { hubFolder, isHubName, neededFiles, type HubFile, type HubModel } from '../../checkpoint/hub.ts';
import { peftBasePath, readPeftConfig } from '../../checkpoint/peft.ts';
import { InputError } from '../../tensor/errors.ts';
import { recogniseFamily } from '../families/recognise.ts';
import type { OpenCheckpoint } from './pick.ts';

/** Looks a model up by its name on the Hub. @throws InputError */
export type HubOpener = (name: string) => Promise<HubModel>;

/** A model of the Hub that a conversion reads, and which of its files. */
export interface PublishedPart {
	readonly role: 'checkpoint' | 'base' | 'vision' | 'tokenizer';
	readonly model: HubModel;
	readonly files: readonly HubFile[];
}

/** Every file of a tokenizer. */
export const isTokenizerFile = (path: string): boolean =>
	/^(tokenizer|special_tokens|added_tokens)/.test(path);

/**
 * A published checkpoint and what it names where it has none of its own: the base of an adapter, the vision tower, the tokenizer.
 * Reads its settings alone.
 *
 * @param base of an adapter: another one than its config names, or null for one that is at hand
 * @throws InputError when it is no checkpoint, or of no family that is served
 */
export async function publishedParts(
	name: string,
	open: HubOpener,
	base?: string | null
): Promise<readonly PublishedPart[]> {
	const whole = (role: PublishedPart['role'], model: HubModel): PublishedPart => ({
		role,
		model,
		files: neededFiles(model.files)
	});
	const parts = [whole('checkpoint', await open(name))];
	const adapter = await readPeftConfig(hubFolder(parts[0]!.model));
	const wanted = adapter && (base === undefined ? peftBasePath(adapter) : base);
	if (typeof wanted === 'string' && isHubName(wanted)) parts.push(whole('base', await open(wanted)));
	let source;
	for (const { model } of parts) source ??= await hubFolder(model).open('config.json');
	if (!source)
		throw new InputError(`${name} has no config.json, so that it is no checkpoint; check the name.`);
	const config = await readJsonObject(source);
	const family = recogniseFamily(config, name, []);
	const tower = family.visionFolder?.(config);
	if (tower !== undefined && isHubName(tower)) parts.push(whole('vision', await open(tower)));
	const hasTokenizer = parts.some(({ files }) =>
		files.some(({ path }) => /^tokenizer\.(json|model)$/.test(path))
	);
	const tokenizer = family.tokenizerFolder?.(config);
	if (!hasTokenizer && tokenizer !== undefined && isHubName(tokenizer)) {
		const model = await open(tokenizer);
		parts.push({
			role: 'tokenizer',
			model,
			files: neededFiles(model.files).filter(({ path }) => isTokenizerFile(path))
		});
	}
	return parts;
}

/** A published checkpoint, read where it is by ranges, with the other models that it names. */
export async function openPublishedAt(name: string, open: HubOpener): Promise<OpenCheckpoint> {
	const folderOf = async (of: string) => hubFolder(await open(of));
	return {
		checkpoint: await folderOf(name),
		tokenizer: undefined,
		resolve: async (other) => (isHubName(other) ? folderOf(other) : undefined)
	};
}
