import { protobufFields } from '../../bytes/protobuf.ts';
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
 * @param besides tokens added beside the model; one that it has already is as it says there
 * @throws InputError when the file is no SentencePiece model or one of another kind
 */
export function convertSentencePiece(
	bytes: Uint8Array,
	name = 'tokenizer.model',
	besides: readonly AddedToken[] = []
): Record<string, unknown> {
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
	const own: AddedToken[] = pieces.flatMap(({ text, type }, id) =>
		type === UNKNOWN || type === CONTROL || type === USER_DEFINED
			? [{ id, content: text, special: type !== USER_DEFINED }]
			: []
	);
	const known = new Set(own.map(({ id }) => id));
	const added = [...own, ...besides.filter(({ id }) => !known.has(id))].sort((a, b) => a.id - b.id);
	return {
		version: '1.0',
		truncation: null,
		padding: null,
		added_tokens: added.map((token) => ({
			...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
			...token
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

/** Field numbers of sentencepiece_model.proto. */
const ModelProto = { pieces: 1, trainer_spec: 2, normalizer_spec: 3 } as const;
const SentencePiece = { piece: 1, score: 2, type: 3 } as const;
const TrainerSpec = { model_type: 3 } as const;
const NormalizerSpec = { name: 1, add_dummy_prefix: 3, remove_extra_whitespaces: 4 } as const;

/** Reads a `ModelProto`; what is not named above is skipped. */
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
			if (field === ModelProto.pieces) pieces.push(parsePiece(value));
			else if (field === ModelProto.trainer_spec) {
				for (const { field, value: number } of protobufFields(value))
					if (field === TrainerSpec.model_type && typeof number === 'number') modelType = number;
			} else if (field === ModelProto.normalizer_spec)
				for (const { field, value: setting } of protobufFields(value)) {
					if (field === NormalizerSpec.name && setting instanceof Uint8Array)
						normalizer = new TextDecoder().decode(setting);
					if (field === NormalizerSpec.add_dummy_prefix) addDummyPrefix = setting !== 0;
					if (field === NormalizerSpec.remove_extra_whitespaces) removeExtraWhitespaces = setting !== 0;
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
		if (field === SentencePiece.piece && value instanceof Uint8Array)
			text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(value);
		else if (field === SentencePiece.score && value instanceof Uint8Array)
			score = new DataView(value.buffer, value.byteOffset, 4).getFloat32(0, true);
		else if (field === SentencePiece.type && typeof value === 'number') type = value;
	}
	return { text, score, type };
}
