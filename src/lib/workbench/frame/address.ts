import { toBase64, fromBase64 } from '../../bytes/base64.ts';
import type { SessionImage } from '../session/images.ts';
import type { Memory } from '../session/storage.ts';

/** What a link says of the workbench's state. Pages keep their own settings in further parameters of the same address. */
export interface View {
	readonly model?: string;
	readonly projector?: string;
	/** M */
	readonly tokens?: number;
	/** An image: `scene.<seed>`, the beginning of its sha256, or `data.<base64url>` when it is small. */
	readonly image?: string;
	readonly prompt?: string;
}

const words = ['model', 'projector', 'image', 'prompt'] as const;
/** Bytes of an image file that still travels in a link. */
const smallImage = 1500;
const hashLetters = 16;

export function readView(parameters: URLSearchParams): View {
	const tokens = Number(parameters.get('tokens') ?? NaN);
	const view: Record<string, string | number> = {};
	for (const word of words) {
		const value = parameters.get(word);
		if (value !== null && value !== '') view[word] = value;
	}
	if (Number.isSafeInteger(tokens) && tokens > 0) view['tokens'] = tokens;
	return view;
}

/** The parameters with the words in them; everything else stays. */
export function withWords(
	parameters: URLSearchParams,
	wanted: ReadonlyMap<string, string | undefined>
): URLSearchParams {
	const result = new URLSearchParams(parameters);
	for (const [name, word] of wanted) {
		if (word === undefined) result.delete(name);
		else result.set(name, word);
	}
	return result;
}

/** What a view says, by parameter. */
export function viewWords(view: View): ReadonlyMap<string, string | undefined> {
	return new Map(
		[...words, 'tokens' as const].map((word) => [
			word,
			view[word] === undefined || view[word] === '' ? undefined : `${view[word]}`
		])
	);
}

/** Parameters that do not say what they should. */
export function differing(
	parameters: URLSearchParams,
	wanted: ReadonlyMap<string, string | undefined>
): string[] {
	return [...wanted].flatMap(([name, word]) => ((parameters.get(name) ?? undefined) === word ? [] : [name]));
}

export function imageWord(
	image: Pick<SessionImage, 'id' | 'name'> & { readonly bytes: Uint8Array },
	isSample: boolean
): string {
	const seed = isSample ? /^Scene (\d+)$/.exec(image.name)?.[1] : undefined;
	if (seed !== undefined) return `scene.${seed}`;
	if (image.bytes.length <= smallImage)
		return `data.${toBase64(image.bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')}`;
	return image.id.slice(0, hashLetters);
}

/** The image among those at hand that a link means. */
export function findImage<T extends Pick<SessionImage, 'id' | 'name'>>(
	word: string,
	images: readonly T[]
): T | undefined {
	const seed = /^scene\.(\d+)$/.exec(word)?.[1];
	if (seed !== undefined) return images.find(({ name }) => name === `Scene ${seed}`);
	return /^[0-9a-f]{8,64}$/.test(word) ? images.find(({ id }) => id.startsWith(word)) : undefined;
}

/** The image file inside a link; undefined when the link has none. */
export function embeddedImage(word: string): Uint8Array<ArrayBuffer> | undefined {
	if (!word.startsWith('data.')) return undefined;
	try {
		return fromBase64(word.slice('data.'.length).replace(/-/g, '+').replace(/_/g, '/'));
	} catch {
		return undefined;
	}
}

/** What a link says goes before what is remembered, until something is chosen. */
export function linkedMemory(memory: Memory, { model, projector, tokens }: View): Memory {
	const linked = new Map<string, unknown>();
	if (model !== undefined) linked.set('honeybee.model', model);
	const answer = (key: string) => {
		if (linked.has(key)) return linked.get(key);
		if (projector !== undefined && /^honeybee\.projector\./.test(key)) return projector;
		if (
			projector !== undefined &&
			tokens !== undefined &&
			key.endsWith(`.${projector}`) &&
			/^honeybee\.tokens\./.test(key)
		)
			return tokens;
		return undefined;
	};
	const chosen = new Set<string>();
	return {
		getItem(key) {
			const value = chosen.has(key) ? undefined : answer(key);
			return value === undefined ? memory.getItem(key) : JSON.stringify(value);
		},
		setItem(key, value) {
			chosen.add(key);
			memory.setItem(key, value);
		}
	};
}
