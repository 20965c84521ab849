import type { ModelManifest } from '$lib/model/manifest.ts';
import { encodePrompt } from '$lib/model/families/honeybee/encode.ts';
import { IGNORE_LABEL, IMAGE_TOKEN_ID, type TextTokenizer } from '$lib/model/text/text-tokenizer.ts';
import { familyOf } from '$lib/model/families/registry.ts';

/** The loaded model's tokenizer. @param url the model folder's, with a trailing slash */
export async function loadTokenizer(url: string, manifest: ModelManifest): Promise<TextTokenizer> {
	const get = async (path: string): Promise<unknown> => {
		const response = await fetch(new URL(path, url)).catch(() => undefined);
		if (!response?.ok) throw new Error(`${path} of ${manifest.name} could not be fetched; reload the page.`);
		return response.json();
	};
	const settings = manifest.files.find(({ path }) => path === 'tokenizer_config.json');
	const files = {
		tokenizer_json: await get(manifest.tokenizer),
		...(settings && { tokenizer_config: await get(settings.path) })
	};
	return familyOf(manifest).tokenizer(files, manifest.prompt);
}

/** Neighbouring tokens of one kind. */
export interface TokenRun {
	readonly kind: 'image' | 'given' | 'trained';
	readonly pieces: readonly string[];
	readonly count: number;
}

export interface TokenizedText {
	readonly runs: readonly TokenRun[];
	readonly positions: number;
	/** Positions that the loss is over. */
	readonly trained: number;
}

/** A training text as the model's tokenizer cuts it. @param tokensPerImage M + K */
export function tokenized(tokenizer: TextTokenizer, text: string, tokensPerImage: number): TokenizedText {
	const { input_ids, labels } = encodePrompt(tokenizer, text, { tokensPerImage, noEos: false });
	const runs: { kind: TokenRun['kind']; pieces: string[]; count: number }[] = [];
	input_ids.forEach((id, i) => {
		const kind = id === IMAGE_TOKEN_ID ? 'image' : labels[i] === IGNORE_LABEL ? 'given' : 'trained';
		const last = runs.at(-1);
		const run: (typeof runs)[number] = last?.kind === kind ? last : { kind, pieces: [], count: 0 };
		if (run !== last) runs.push(run);
		run.count++;
		if (kind !== 'image') run.pieces.push(tokenizer.piece(id) ?? `<${id}>`);
	});
	return {
		runs,
		positions: input_ids.length,
		trained: labels.filter((label) => label !== IGNORE_LABEL).length
	};
}
