import { InputError } from '../../tensor/errors.ts';
import type { AddedToken } from './tokenizer-files.ts';

/** Piece types of SentencePiece's `ModelProto.SentencePiece.Type`. */
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;
const BYTE = 6;
/** `TrainerSpec.ModelType` of byte-pair encoding. */
const BPE = 2;

interface Piece {
	readonly text: string;
	readonly score: number;
	readonly type: number;
}

interface SentencePieceModel {
	readonly pieces: readonly Piece[];
	readonly modelType: number;
	readonly normalizer: string;
	readonly addDummyPrefix: boolean;
	readonly removeExtraWhitespaces: boolean;
}

/**
 * Makes of a SentencePiece `tokenizer.model` (BPE, as Llama-2 releases have it) what its `tokenizer.json` holds: every
 * way of splitting a piece into two pieces is a merge, by falling score, as transformers converts it.
 *
 * @param name file name for messages
 * @throws InputError when the file is no SentencePiece model or one of another kind
 */
export function convertSentencePiece(bytes: Uint8Array, name = 'tokenizer.model'): Record<string, unknown> {
	const { pieces, ...model } = parseModel(bytes, name);
	if (
		model.modelType !== BPE ||
		model.normalizer !== 'identity' ||
		model.removeExtraWhitespaces ||
		!model.addDummyPrefix
	)
		throw new InputError(
			`${name} is not a byte-pair SentencePiece model with identity normalisation as LLaMA uses: give the tokenizer of the checkpoint's language model.`
		);
	const added: AddedToken[] = pieces.flatMap(({ text, type }, id) =>
		type === UNKNOWN || type === CONTROL || type === USER_DEFINED
			? [{ id, content: text, special: type !== USER_DEFINED }]
			: []
	);
	return {
		version: '1.0',
		truncation: null,
		padding: null,
		added_tokens: added.map(({ id, content, special }) => ({
			id,
			content,
			single_word: false,
			lstrip: false,
			rstrip: false,
			normalized: false,
			special
		})),
		normalizer: {
			type: 'Sequence',
			normalizers: [
				{ type: 'Prepend', prepend: '▁' },
				{ type: 'Replace', pattern: { String: ' ' }, content: '▁' }
			]
		},
		pre_tokenizer: null,
		post_processor: bosTemplate(pieces),
		decoder: {
			type: 'Sequence',
			decoders: [
				{ type: 'Replace', pattern: { String: '▁' }, content: ' ' },
				{ type: 'ByteFallback' },
				{ type: 'Fuse' },
				{ type: 'Strip', content: ' ', start: 1, stop: 0 }
			]
		},
		model: {
			type: 'BPE',
			dropout: null,
			unk_token: pieces.find(({ type }) => type === UNKNOWN)?.text ?? '<unk>',
			continuing_subword_prefix: null,
			end_of_word_suffix: null,
			fuse_unk: true,
			byte_fallback: pieces.some(({ type }) => type === BYTE),
			vocab: Object.fromEntries(pieces.map(({ text }, id) => [text, id])),
			merges: mergesFromScores(pieces)
		}
	};
}

/** Puts `<s>` in front of a text, for other readers of the file. */
function bosTemplate(pieces: readonly Piece[]): Record<string, unknown> {
	const id = pieces.findIndex(({ text }) => text === '<s>');
	const sequence = (name: string, type_id: number): Record<string, unknown>[] => [
		{ SpecialToken: { id: '<s>', type_id } },
		{ Sequence: { id: name, type_id } }
	];
	return {
		type: 'TemplateProcessing',
		single: sequence('A', 0),
		pair: [...sequence('A', 0), ...sequence('B', 1)],
		special_tokens: { '<s>': { id: '<s>', ids: [id], tokens: ['<s>'] } }
	};
}

/** All pairs of pieces that join to a piece, as `"left right"`, best piece first and by ids within a piece. */
function mergesFromScores(pieces: readonly Piece[]): string[] {
	const ids = new Map(pieces.map(({ text }, id) => [text, id]));
	const joined = pieces.filter(({ type }) => type === NORMAL);
	return joined
		.toSorted((a, b) => b.score - a.score)
		.flatMap(({ text }) => {
			const pairs: [left: string, right: string][] = [];
			for (let at = 1; at < text.length; at++) {
				const left = text.slice(0, at);
				const right = text.slice(at);
				if (ids.has(left) && ids.has(right)) pairs.push([left, right]);
			}
			return pairs
				.sort((a, b) => ids.get(a[0])! - ids.get(b[0])! || ids.get(a[1])! - ids.get(b[1])!)
				.map(([left, right]) => `${left} ${right}`);
		});
}

/** Reads a `ModelProto`: pieces (1), trainer_spec (2) and normalizer_spec (3); everything else is skipped. */
function parseModel(bytes: Uint8Array, name: string): SentencePieceModel {
	const notAModel = new InputError(`${name} is not a SentencePiece model or is cut off: get the file again.`);
	const pieces: Piece[] = [];
	let modelType = 1;
	let normalizer = '';
	let addDummyPrefix = true;
	let removeExtraWhitespaces = true;
	try {
		for (const { field, value } of protobufFields(bytes)) {
			if (!(value instanceof Uint8Array)) continue;
			if (field === 1) pieces.push(parsePiece(value));
			else if (field === 2) {
				for (const { field, value: number } of protobufFields(value))
					if (field === 3 && typeof number === 'number') modelType = number;
			} else if (field === 3)
				for (const { field, value: setting } of protobufFields(value)) {
					if (field === 1 && setting instanceof Uint8Array) normalizer = new TextDecoder().decode(setting);
					if (field === 3) addDummyPrefix = setting !== 0;
					if (field === 4) removeExtraWhitespaces = setting !== 0;
				}
		}
	} catch (error) {
		if (error instanceof RangeError) throw notAModel;
		throw error;
	}
	if (pieces.length === 0) throw notAModel;
	return { pieces, modelType, normalizer, addDummyPrefix, removeExtraWhitespaces };
}

function parsePiece(bytes: Uint8Array): Piece {
	let text = '';
	let score = 0;
	let type = NORMAL;
	for (const { field, value } of protobufFields(bytes)) {
		if (field === 1 && value instanceof Uint8Array)
			text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(value);
		else if (field === 2 && value instanceof Uint8Array)
			score = new DataView(value.buffer, value.byteOffset, 4).getFloat32(0, true);
		else if (field === 3 && typeof value === 'number') type = value;
	}
	return { text, score, type };
}

/** Fields of a protobuf message in order; values of wire types 1, 2 and 5 are their bytes. */
function* protobufFields(bytes: Uint8Array): Generator<{ field: number; value: number | Uint8Array }> {
	let at = 0;
	const varint = (): number => {
		let value = 0;
		for (let scale = 1; ; scale *= 128) {
			const byte = bytes[at++];
			if (byte === undefined || scale > 2 ** 63) throw new RangeError('Varint runs over the end.');
			value += (byte & 0x7f) * scale;
			if (byte < 0x80) return value;
		}
	};
	const take = (length: number): Uint8Array => {
		if (at + length > bytes.length) throw new RangeError('Field runs over the end.');
		at += length;
		return bytes.subarray(at - length, at);
	};
	while (at < bytes.length) {
		const key = varint();
		const field = Math.floor(key / 8);
		switch (key % 8) {
			case 0:
				yield { field, value: varint() };
				break;
			case 1:
				yield { field, value: take(8) };
				break;
			case 2:
				yield { field, value: take(varint()) };
				break;
			case 5:
				yield { field, value: take(4) };
				break;
			default:
				throw new RangeError(`Unknown wire type ${key % 8}.`);
		}
	}
}
