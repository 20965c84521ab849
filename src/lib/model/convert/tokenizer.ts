import { isObject } from '../../bytes/json.ts';
import { readJsonObject } from '../../checkpoint/bytes.ts';
import type { ByteSource, SourceFolder } from '../../checkpoint/source.ts';
import { InputError } from '../../tensor/errors.ts';
import { convertSentencePiece } from '../text/sentencepiece.ts';
import { addedToken, type AddedToken } from '../text/tokenizer-files.ts';
import type { TextTokenizer, TokenizerFiles } from '../text/text-tokenizer.ts';

/** The tokenizer's files under the names the model folder uses, and what the user should know of them, in whole sentences. */
export interface TokenizerFolder {
	readonly files: ReadonlyMap<string, Uint8Array>;
	readonly notes: readonly string[];
}

/** Whether a folder holds a tokenizer. */
export const hasTokenizer = async (folder: SourceFolder): Promise<boolean> =>
	Boolean((await folder.open('tokenizer.json')) ?? (await folder.open('tokenizer.model')));

/**
 * Reads a tokenizer and tries it against the language model, before anything is written.
 * @param rows rows of the language model's embedding
 * @throws InputError when there is none, or it cannot be the tokenizer of this language model
 */
export async function openTokenizer(
	folder: SourceFolder,
	rows: number,
	{
		chosen,
		create,
		named,
		added = []
	}: {
		/** Whether the folder was named for it. */
		readonly chosen: boolean;
		/** The family's, with what the prompt needs of it. */
		readonly create: (files: TokenizerFiles) => TextTokenizer;
		/** What the config calls the tokenizer's model, where it does. */
		readonly named?: string | undefined;
		/** Tokens that the model adds behind the tokenizer's own. */
		readonly added?: readonly string[] | undefined;
	}
): Promise<TokenizerFolder> {
	const files = new Map<string, Uint8Array>();
	const notes: string[] = [];
	const settings = await folder.open('tokenizer_config.json');
	const config = settings && (await readJsonObject(settings));
	const json = await folder.open('tokenizer.json');
	const sentencePiece = await folder.open('tokenizer.model');
	if (json) files.set('tokenizer.json', await whole(json));
	else if (sentencePiece) {
		const name = `${folder.name}/tokenizer.model`;
		const added = await addedTokens(folder, config);
		const converted = convertSentencePiece(await whole(sentencePiece), name, added);
		files.set('tokenizer.json', new TextEncoder().encode(JSON.stringify(converted)));
	} else
		throw new InputError(
			chosen
				? `${folder.name} has neither tokenizer.json nor tokenizer.model; give the folder of the tokenizer that the checkpoint's language model has.`
				: `${folder.name} holds no tokenizer (neither tokenizer.json nor tokenizer.model), as is usual where the config names it; add --tokenizer DIR with ${named === undefined || named === 'unknown' ? "the one of the checkpoint's language model (Llama-2's or Vicuna's for most)" : `that of ${named}`}.`
		);
	if (settings) files.set('tokenizer_config.json', await whole(settings));

	const parsed = withAdded(
		parse(new TextDecoder().decode(files.get('tokenizer.json')), `${folder.name}/tokenizer.json`),
		added
	);
	if (added.length > 0) files.set('tokenizer.json', new TextEncoder().encode(JSON.stringify(parsed)));
	const tokenizer = create({
		tokenizer_json: parsed,
		rows,
		...(config && { tokenizer_config: config })
	});
	if (tokenizer.vocabSize > rows)
		throw new InputError(
			`The tokenizer in ${folder.name} has ${tokenizer.vocabSize} pieces, the language model ${rows} rows: it is another model's; give the tokenizer of the checkpoint's language model.`
		);
	const behind = addedIn(parsed)
		.filter(({ id }) => id >= rows)
		.map(({ content, id }) => `${content}, id ${id}`);
	if (behind.length > 0)
		notes.push(
			`The tokenizer in ${folder.name} has ${behind.length === 1 ? 'a token' : `${behind.length} tokens`} without a row in the language model's ${rows} (${behind.slice(0, 3).join(', ')}${behind.length > 3 ? ', …' : ''}); ${behind.length === 1 ? 'it is' : 'they are'} never produced and read as plain text.`
		);
	return { files, notes };
}

/** Added tokens of a tokenizer.json that has been read as one. */
function addedIn(json: unknown): readonly AddedToken[] {
	return isObject(json) && Array.isArray(json.added_tokens) ? (json.added_tokens as AddedToken[]) : [];
}

/** The tokenizer.json with more special tokens, whose ids go on where its own end; those that it has keep theirs. */
function withAdded(json: unknown, added: readonly string[]): unknown {
	if (added.length === 0 || !isObject(json) || !isObject(json.model)) return json;
	const own = addedIn(json);
	const vocab = isObject(json.model.vocab) ? (json.model.vocab as Record<string, number>) : {};
	const ids = [...Object.values(vocab), ...own.map(({ id }) => id)];
	let next = 1 + ids.reduce((most, id) => Math.max(most, id), -1);
	const known = new Set([...Object.keys(vocab), ...own.map(({ content }) => content)]);
	const more = added
		.filter((content) => !known.has(content))
		.map((content) => ({
			id: next++,
			content,
			single_word: false,
			lstrip: false,
			rstrip: false,
			normalized: false,
			special: true
		}));
	return { ...json, added_tokens: [...own, ...more] };
}

const whole = (source: ByteSource): Promise<Uint8Array> => source.read(0, source.size);

/**
 * Tokens beside a `tokenizer.model`: transformers' slow tokenizers write them to `added_tokens.json`, and since 4.34 with what is special
 * among them to `added_tokens_decoder` of `tokenizer_config.json`.
 */
async function addedTokens(
	folder: SourceFolder,
	config: Readonly<Record<string, unknown>> | undefined
): Promise<readonly AddedToken[]> {
	const tokens = new Map<number, AddedToken>();
	const source = await folder.open('added_tokens.json');
	if (source)
		for (const [content, id] of Object.entries(await readJsonObject(source))) {
			if (!isId(id))
				throw new InputError(`${source.name} gives ${JSON.stringify(content)} no id; restore the file.`);
			tokens.set(id, { id, content, special: false });
		}
	const decoder = config?.['added_tokens_decoder'];
	for (const [id, token] of Object.entries(isObject(decoder) ? decoder : {}))
		if (isObject(token) && typeof token['content'] === 'string' && isId(Number(id)))
			tokens.set(Number(id), addedToken(Number(id), token['content'], token));
	return [...tokens.values()];
}

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function parse(text: string, name: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch {
		throw new InputError(`${name} is not JSON; copy or download it again.`);
	}
}
