import type { JsonObject } from '../../bytes/json.ts';
import { parseJsonObject, readText } from '../../checkpoint/bytes.ts';
import type { SourceFolder } from '../../checkpoint/source.ts';
import type { FamilyFolder } from './definition.ts';

/** Files of a checkpoint folder that say something of the model, beside its weights and its tokenizer. */
const jsonFiles = [
	'config.json',
	'generation_config.json',
	'preprocessor_config.json',
	'processor_config.json',
	'chat_template.json',
	'tokenizer_config.json'
] as const;
const textFiles = ['chat_template.jinja'] as const;

/** Reads the small files of a checkpoint folder. @throws InputError when one that should be JSON is none */
export async function folderFiles(
	folder: SourceFolder
): Promise<Pick<FamilyFolder, 'name' | 'json' | 'text'>> {
	const json: Record<string, JsonObject> = {};
	const text: Record<string, string> = {};
	for (const name of [...jsonFiles, ...textFiles]) {
		const source = await folder.open(name);
		if (!source) continue;
		text[name] = await readText(source);
		if (name.endsWith('.json')) json[name] = parseJsonObject(text[name], `${name} in ${folder.name}`);
	}
	return { name: folder.name, json, text };
}
