import { describe, expect, it } from 'vitest';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import { convertSentencePiece } from '../../../../src/lib/model/text/sentencepiece.ts';
import { encodePrompt } from '../../../../src/lib/model/families/honeybee/encode.ts';
import { Tokenizer } from '../../../../src/lib/model/text/tokenizer.ts';
import { goldenCheckpoints } from '../../../support/golden.ts';
import { goldenBytes, goldenJson } from '../image/golden.ts';
import sentencePieceIds from './sentencepiece_ids.json' with { type: 'json' };

interface Encoding {
	readonly input_ids: readonly number[];
	readonly labels: readonly number[];
}
interface TextGolden {
	readonly encode_prompt: readonly {
		readonly prompt: string;
		readonly no_eos: Encoding;
		readonly with_eos: Encoding;
		readonly max_length_24: Encoding;
		readonly legacy_true_no_eos_input_ids: readonly number[];
	}[];
	readonly batch_left: Batch;
	readonly batch_right_max150: Batch;
	readonly plain_tokenize: readonly {
		readonly text: string;
		readonly ids: readonly number[];
		readonly tokens: readonly string[];
	}[];
	readonly decode: readonly {
		readonly ids: readonly number[];
		readonly skip_special: string;
		readonly keep_special: string;
	}[];
}
interface Batch {
	readonly prompts: readonly string[];
	readonly input_ids: readonly (readonly number[])[];
	readonly labels: readonly (readonly number[])[];
	readonly attention_mask: readonly (readonly number[])[];
}
interface CheckpointCase {
	readonly prompt?: string;
	readonly prompts?: readonly string[];
	readonly images: readonly string[];
	readonly input_ids: readonly number[] | readonly (readonly number[])[];
	readonly attention_mask?: readonly (readonly number[])[];
	readonly generated_ids: readonly number[] | readonly (readonly number[])[];
	readonly generated_text?: string;
	readonly generated_texts?: readonly string[];
	readonly generated_tokens?: readonly string[];
}
interface CheckpointGolden {
	readonly cases: Readonly<Record<string, CheckpointCase>>;
	readonly num_visual_tokens: number;
}

const text = goldenJson<TextGolden>('text/text_golden.json');
const tokenizer_json = goldenJson<unknown>('c-abs/last/tokenizer.json');
const tokenizer_config = goldenJson<Record<string, unknown>>('c-abs/last/tokenizer_config.json');
const tokenizer = new Tokenizer({ tokenizer_json, tokenizer_config });
const legacy = new Tokenizer({ tokenizer_json, tokenizer_config: { ...tokenizer_config, legacy: true } });
const fromModel = new Tokenizer({
	tokenizer_json: convertSentencePiece(goldenBytes('c-abs/last/tokenizer.model')),
	tokenizer_config
});
const tokensPerImage = 16;

describe.each([
	['tokenizer.json', tokenizer],
	['tokenizer.model', fromModel]
])('from %s', (_, tokenizer) => {
	it.each(text.encode_prompt)('encodes $prompt', ({ prompt, no_eos, with_eos, max_length_24 }) => {
		expect(encodePrompt(tokenizer, prompt, { tokensPerImage })).toMatchObject(pick(no_eos));
		expect(encodePrompt(tokenizer, prompt, { tokensPerImage, noEos: false })).toMatchObject(pick(with_eos));
		expect(encodePrompt(tokenizer, prompt, { tokensPerImage, noEos: false, maxLength: 24 })).toMatchObject(
			pick(max_length_24)
		);
	});

	it.each(text.plain_tokenize)('tokenizes $text', ({ text, ids, tokens }) => {
		expect(tokenizer.tokenize(text)).toEqual(ids);
		expect(ids.map((id) => tokenizer.piece(id))).toEqual(tokens);
	});

	it.each(text.decode)('decodes $ids', ({ ids, skip_special, keep_special }) => {
		expect(tokenizer.decode(ids)).toBe(skip_special);
		expect(tokenizer.decode(ids, { skipSpecial: false })).toBe(keep_special);
	});
});

it.each(text.encode_prompt)(
	'encodes $prompt with the legacy flag',
	({ prompt, legacy_true_no_eos_input_ids }) => {
		expect(encodePrompt(legacy, prompt, { tokensPerImage }).input_ids).toEqual(legacy_true_no_eos_input_ids);
	}
);

it('gives the ids of SentencePiece itself for random text (made with sentencepiece 0.1.99)', () => {
	// SentencePiece alone knows no special tokens in text and always prefixes a space: the legacy path.
	const wrong = (sentencePieceIds as [string, number[]][]).filter(
		([text, ids]) => legacy.tokenize(text).join() !== ids.join()
	);
	expect(wrong).toEqual([]);
});

describe.each([
	['left', text.batch_left, true],
	['right', text.batch_right_max150, false]
] as const)('batch padded %s', (side, batch, noEos) => {
	it.each(batch.prompts.map((prompt, row) => ({ prompt, row })))('row $row', ({ prompt, row }) => {
		const { input_ids, labels } = encodePrompt(tokenizer, prompt, { tokensPerImage, noEos });
		const padded = batch.input_ids[row]!;
		const padding = new Array<number>(padded.length - input_ids.length).fill(tokenizer.padId);
		expect(padding.length).toBe(batch.attention_mask[row]!.filter((mask) => mask === 0).length);
		expect(side === 'left' ? [...padding, ...input_ids] : [...input_ids, ...padding]).toEqual(padded);
		const ignored = padding.map(() => -100);
		expect(side === 'left' ? [...ignored, ...labels] : [...labels, ...ignored]).toEqual(batch.labels[row]);
	});
});

describe.each(goldenCheckpoints)('%s checkpoint', (name) => {
	const golden = goldenJson<CheckpointGolden>(`${name}/golden.json`);
	const tokenizer = new Tokenizer({
		tokenizer_json: goldenJson<unknown>(`${name}/last/tokenizer.json`),
		tokenizer_config: goldenJson<unknown>(`${name}/last/tokenizer_config.json`)
	});
	const rows = Object.entries(golden.cases).flatMap(([key, data]) => casesOf(key, data));

	it.each(rows)('prompt of $key', ({ prompt, ids }) => {
		const encoded = encodePrompt(tokenizer, prompt, { tokensPerImage: golden.num_visual_tokens });
		expect(encoded.input_ids).toEqual(ids);
		expect(encoded.image_starts.map((start) => encoded.input_ids[start - 1] !== -1)).not.toContain(false);
		expect(encoded.image_starts.length).toBe(prompt.split('<image>').length - 1);
	});

	it.each(rows)('answer of $key', ({ generated_ids, generated_text, generated_tokens }) => {
		expect(tokenizer.decode(generated_ids)).toBe(generated_text);
		if (generated_tokens !== undefined)
			expect(generated_ids.map((id) => tokenizer.piece(id))).toEqual(generated_tokens);
	});
});

describe('encodePrompt', () => {
	const caption = '[NO_PROMPT] <image> a small dog';

	it('leaves out an image that does not fit and all that follows', () => {
		const prompt = 'Human: <image> middle <image> end';
		const whole = encodePrompt(tokenizer, prompt, { tokensPerImage });
		const [, second] = whole.image_starts;
		const cut = encodePrompt(tokenizer, prompt, { tokensPerImage, maxLength: second! + tokensPerImage - 2 });
		expect(cut.input_ids).toEqual(whole.input_ids.slice(0, second));
		expect(cut.image_starts).toHaveLength(1);
		const fits = encodePrompt(tokenizer, prompt, { tokensPerImage, maxLength: second! + tokensPerImage - 1 });
		expect(fits.input_ids).toEqual(whole.input_ids.slice(0, second! + tokensPerImage));
	});

	it('cuts captions without regard to the image', () => {
		const { input_ids, image_starts } = encodePrompt(tokenizer, caption, { tokensPerImage, maxLength: 4 });
		expect(input_ids).toEqual([1, -1, -1, -1, -1]);
		expect(image_starts).toEqual([1]);
	});

	it('takes generated ids for an earlier answer, ended by eos once', () => {
		const prompt = 'Hi\nHuman: a\nAI: The main\nHuman: b\nAI: ';
		const answer = [272, 418, 259];
		const given = (ids: number[]): number[] =>
			encodePrompt(tokenizer, prompt, { tokensPerImage, answerIds: [ids] }).input_ids;
		const text = encodePrompt(tokenizer, prompt, { tokensPerImage }).input_ids;
		const own = tokenizer.tokenize('The main');
		const at = text.join().split(own.join())[0]!.split(',').length - 1;
		expect(given(answer)).toEqual([...text.slice(0, at), ...answer, ...text.slice(at + own.length)]);
		expect(given([...answer, 2])).toEqual(given(answer));
	});

	it('takes a role literal after an empty answer for the answer, as upstream does', () => {
		const role = tokenizer.tokenize('\nHuman: ');
		const { input_ids } = encodePrompt(tokenizer, '\nAI: \nHuman: x', { tokensPerImage, answerIds: [[5]] });
		expect(input_ids).toEqual([1, ...tokenizer.tokenize('\nAI: '), ...role, 2, ...tokenizer.tokenize('x')]);
	});
});

describe('decoder', () => {
	const samples = [
		...text.decode.map(({ ids }) => ids),
		...text.encode_prompt.map(({ with_eos }) => with_eos.input_ids),
		...sentencePieceIds.slice(0, 100).map(([, ids]) => ids as number[]),
		// Bytes that begin, break and end characters: C3, A9, E2 82, F0 9F 98 80, ED A0 80, C0 80, F5, 41.
		[0xc3, 0xa9, 0xe2, 0x82, 0xf0, 0x9f, 0x98, 0x80, 0xed, 0xa0, 0x80, 0xc0, 0x80, 0xf5, 0x41].map(
			(byte) => byte + 3
		)
	];

	it('only ever adds to its text, and ends with what decode gives', () => {
		for (const ids of samples)
			for (const skipSpecial of [true, false]) {
				const decoder = tokenizer.decoder({ skipSpecial });
				let before = '';
				for (const id of ids) {
					const text = decoder.push(id);
					expect(text.startsWith(before)).toBe(true);
					before = text;
				}
				expect(decoder.end().startsWith(before)).toBe(true);
				expect(decoder.text).toBe(tokenizer.decode(ids, { skipSpecial }));
			}
	});

	it('holds back the bytes of a character until it is whole', () => {
		const decoder = tokenizer.decoder();
		const texts = [0xf0, 0x9f, 0x90, 0x9d].map((byte) => decoder.push(byte + 3));
		expect(texts).toEqual(['', '', '', '🐝']);
	});

	it('gives U+FFFD for each byte that is no character', () => {
		const bytes = [0xe2, 0x82, 0x41, 0xed, 0xa0, 0x80, 0xc0, 0x80, 0xf5, 0xf0, 0x9f];
		expect(tokenizer.decode(bytes.map((byte) => byte + 3))).toBe('\ufffd\ufffdA' + '\ufffd'.repeat(8));
	});

	it('leaves out visual tokens and ids outside the vocabulary', () => {
		expect(tokenizer.decode([-1, -1, 272, 99_999])).toBe(tokenizer.decode([0, 272]));
	});
});

describe('files', () => {
	it('converts tokenizer.model to the vocabulary and merges of tokenizer.json', () => {
		expect(convertSentencePiece(goldenBytes('c-abs/last/tokenizer.model'))).toEqual(tokenizer_json);
	});

	it('takes Llama-2’s settings without a tokenizer_config.json', () => {
		const plain = new Tokenizer({ tokenizer_json });
		expect([plain.bosId, plain.eosId, plain.padId, plain.vocabSize]).toEqual([1, 2, 0, 512]);
		const silent = new Tokenizer({ tokenizer_json, tokenizer_config: {} });
		expect([plain, silent].map((one) => one.tokenize('a</s>b').at(-1))).toEqual([450, 285]);
	});

	const broken: readonly [what: string, make: () => unknown][] = [
		['no object', () => new Tokenizer({ tokenizer_json: [] })],
		['no model', () => new Tokenizer({ tokenizer_json: {} })],
		['a byte-level tokenizer', () => new Tokenizer({ tokenizer_json: changed({ normalizer: null }) })],
		[
			'a missing special token',
			() => new Tokenizer({ tokenizer_json, tokenizer_config: { bos_token: '<bos>' } })
		],
		[
			'a cut-off model',
			() => convertSentencePiece(goldenBytes('c-abs/last/tokenizer.model').subarray(0, 3000))
		],
		['a file that is no model', () => convertSentencePiece(new TextEncoder().encode('{"a": 1}'))],
		['an empty file', () => convertSentencePiece(new Uint8Array(0))]
	];
	it.each(broken)('refuses %s in one sentence', (_, make) => {
		expect(make).toThrow(InputError);
		expect(make).toThrow(/^[^.]+(\.(json|model)[^.]*)*\.$/);
	});
});

function changed(change: Record<string, unknown>): unknown {
	return { ...(tokenizer_json as Record<string, unknown>), ...change };
}

function pick({ input_ids, labels }: Encoding): Encoding {
	return { input_ids, labels };
}

/** The rows of a case; padding is taken off. */
function casesOf(
	key: string,
	data: CheckpointCase
): {
	key: string;
	prompt: string;
	ids: readonly number[];
	generated_ids: readonly number[];
	generated_text: string;
	generated_tokens?: readonly string[];
}[] {
	if (data.prompt !== undefined)
		return [
			{
				key,
				prompt: data.prompt,
				ids: data.input_ids as readonly number[],
				generated_ids: data.generated_ids as readonly number[],
				generated_text: data.generated_text!,
				generated_tokens: data.generated_tokens!
			}
		];
	return data.prompts!.map((prompt, row) => ({
		key: `${key}, row ${row}`,
		prompt,
		ids: (data.input_ids[row] as readonly number[]).filter((_, i) => data.attention_mask![row]![i] === 1),
		generated_ids: data.generated_ids[row] as readonly number[],
		generated_text: data.generated_texts![row]!
	}));
}
