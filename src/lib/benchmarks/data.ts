import type { Json } from '../bytes/json.ts';
import type { RgbImage } from '../model/image/rgb.ts';

/** Fields of an example that upstream writes beside its prediction, under upstream's names. */
export type Data = { readonly [field: string]: Json };

/** An image of an example, read when it is its turn. */
export interface ExampleImage {
	/** Names the image within the benchmark; examples about the same image have the same one. */
	readonly name: string;
	/** A sentence, where it is known before reading that there is none. */
	readonly missing?: string;
	/** What `read` decodes to, where that is known without a file, which then need not be packed and unpacked. */
	pixels?(): RgbImage;
	/** Encoded bytes (PNG, JPEG, …). @throws InputError when they cannot be had. */
	read(): Promise<Uint8Array>;
}

/** Kind of a field of `Data`, to check results that come from a file. */
export type FieldKind = 'string' | 'number' | 'strings' | 'options';
