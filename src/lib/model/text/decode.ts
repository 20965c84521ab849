/** What a token id stands for when text is made of it. */
export type TokenText =
	| { readonly kind: 'text'; /** With spaces as spaces. */ readonly text: string }
	| { readonly kind: 'byte'; readonly byte: number }
	/** Bytes of UTF-8 that may begin or end within a character. */
	| { readonly kind: 'bytes'; readonly bytes: readonly number[] }
	| { readonly kind: 'special'; readonly text: string };

export interface DecodeOptions {
	/** Leave out `<s>`, `</s>`, `<unk>` and other special tokens; true unless given. */
	readonly skipSpecial?: boolean;
}

/**
 * Makes text of token ids one by one. SentencePiece's are read as upstream's slow tokenizer reads a whole list: the space that begins the
 * first token is dropped, runs of single bytes are UTF-8 with U+FFFD for every byte that is not part of a character. Tokens of several bytes
 * (byte-level BPE) are UTF-8 with U+FFFD for every beginning of a character that is not one, as everywhere else. The text never shrinks or
 * changes: bytes of a character that is not complete yet are held back.
 */
export class IncrementalDecoder {
	readonly #texts: readonly (TokenText | undefined)[];
	readonly #skipSpecial: boolean;
	#text = '';
	#bytes: number[] = [];
	#utf8 = utf8Stream();
	#first = true;

	/** @param texts by id; ids beyond them have no text */
	constructor(texts: readonly (TokenText | undefined)[], { skipSpecial = true }: DecodeOptions = {}) {
		this.#texts = texts;
		this.#skipSpecial = skipSpecial;
	}

	/** Text so far, whole, without bytes of an unfinished character. */
	get text(): string {
		return this.#text;
	}

	/** Takes the next id and returns the whole text so far. */
	push(id: number): string {
		const token = this.#texts[id] ?? { kind: 'special', text: '' };
		if (token.kind === 'special' && this.#skipSpecial) return this.#text;
		if (token.kind === 'bytes')
			this.#text += this.#utf8.decode(Uint8Array.from(token.bytes), { stream: true });
		else if (token.kind === 'byte') {
			this.#bytes.push(token.byte);
			this.#readBytes(false);
		} else {
			this.#readBytes(true);
			this.#endUtf8();
			const dropSpace = this.#first && token.kind === 'text' && token.text.startsWith(' ');
			this.#text += dropSpace ? token.text.slice(1) : token.text;
		}
		this.#first = false;
		return this.#text;
	}

	/** Takes all ids and ends the text. */
	whole(ids: readonly number[]): string {
		for (const id of ids) this.push(id);
		return this.end();
	}

	/** Ends the text: bytes still held back are no characters. Returns the whole text. */
	end(): string {
		this.#readBytes(true);
		this.#endUtf8();
		return this.#text;
	}

	#endUtf8(): void {
		this.#text += this.#utf8.decode();
	}

	#readBytes(final: boolean): void {
		let at = 0;
		while (at < this.#bytes.length) {
			const length = characterLength(this.#bytes, at);
			if (length === 'incomplete' && !final) break;
			const used = typeof length === 'number' ? length : 1;
			this.#text += typeof length === 'number' ? readCharacter(this.#bytes, at, length) : '\uFFFD';
			at += used;
		}
		this.#bytes = this.#bytes.slice(at);
	}
}

const utf8Stream = () => new TextDecoder('utf-8', { ignoreBOM: true });

/** Bytes of the UTF-8 character at `at`; `incomplete` when more bytes may make it one, `invalid` when none can. */
function characterLength(bytes: readonly number[], at: number): number | 'incomplete' | 'invalid' {
	const lead = bytes[at]!;
	if (lead < 0x80) return 1;
	const length =
		lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xc2 && lead < 0xe0 ? 2 : 0;
	if (length === 0) return 'invalid';
	for (let i = 1; i < length; i++) {
		const byte = bytes[at + i];
		if (byte === undefined) return 'incomplete';
		if (byte < 0x80 || byte > 0xbf) return 'invalid';
		// Overlong forms, surrogates and values above U+10FFFF show in the second byte.
		if (i === 1 && lead === 0xe0 && byte < 0xa0) return 'invalid';
		if (i === 1 && lead === 0xed && byte > 0x9f) return 'invalid';
		if (i === 1 && lead === 0xf0 && byte < 0x90) return 'invalid';
		if (i === 1 && lead === 0xf4 && byte > 0x8f) return 'invalid';
	}
	return length;
}

function readCharacter(bytes: readonly number[], at: number, length: number): string {
	const lead = bytes[at]!;
	if (length === 1) return String.fromCharCode(lead);
	let codePoint = lead & (0x7f >> length);
	for (let i = 1; i < length; i++) codePoint = (codePoint << 6) | (bytes[at + i]! & 0x3f);
	return String.fromCodePoint(codePoint);
}
