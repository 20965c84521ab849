/** Published models by their names on the Hugging Face Hub, or on a server that answers as it does. */
import { downloadFile, HubApiError, listFiles } from '@huggingface/hub';
import { hex, type Hasher } from '../bytes/hash.ts';
import { join } from '../bytes/join.ts';
import { InputError } from '../tensor/errors.ts';
import type { SourceFolder } from './source.ts';

export const HUB = 'https://huggingface.co';

/** Bytes asked for at a time. */
const PIECE = 16 * 2 ** 20;
/** A request that fails for the moment is made again so often. */
const TRIES = 5;
/** Longest wait that a server may ask for between two tries, ms. */
const LONGEST_WAIT = 60_000;

export interface HubAccess {
	/** Address of the server, without a slash at the end. */
	readonly host?: string;
	/** Of an account that may read what is gated or private. */
	readonly token?: string | undefined;
	/** Branch, tag or commit; `main` when absent. */
	readonly revision?: string | undefined;
	readonly signal?: AbortSignal;
	/** Waits between two tries; for tests. */
	readonly wait?: (ms: number) => Promise<void>;
	/** Told before every wait, in ms, that the server asks for or that a broken connection is given. */
	readonly onWait?: (ms: number) => void;
	/** What errors call things here; the command line's words when absent. */
	readonly words?: HubWords;
}

export interface HubWords {
	/** Where the reader gives a token. */
	readonly token: string;
	/** How work goes on that a broken connection ended; the end of a sentence. */
	readonly again: (host: string) => string;
	/** Where another server is named. */
	readonly server: string;
}

const commandLineWords: HubWords = {
	token: 'HF_TOKEN',
	again: () => 'the same command goes on from there',
	server: '--hub'
};

/** A file of a published model. */
export interface HubFile {
	readonly path: string;
	readonly size: number;
	/** Of its bytes; of small files only Git's name is known. */
	readonly sha256?: string;
	/** Git's name of a file that is stored as it is: SHA-1 of `blob <size>\0` and its bytes. */
	readonly blob?: string;
}

export interface HubModel {
	readonly name: string;
	readonly host: string;
	readonly files: readonly HubFile[];
	/** What its model card says. */
	readonly licence?: string;
	/** Its bytes from `start` to before `end`. @throws InputError */
	read(file: HubFile, start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Whether a text can be a model's name there: `owner/name`. */
export const isHubName = (text: string): boolean => /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(text);

/** A model and a branch, tag or commit of it: `owner/name`, `owner/name@revision`, or the address of its page. Undefined for other text. */
export function parseHubName(
	text: string
): { readonly name: string; readonly revision?: string | undefined } | undefined {
	const [, path = ''] = /^(?:https?:\/\/[^/]+\/)?(.*?)\/?$/.exec(text.trim()) ?? [];
	const [, name = '', at, tree] = /^([^/@]+\/[^/@]+)(?:@([\w./-]+)|\/tree\/([\w./-]+))?$/.exec(path) ?? [];
	const revision = at ?? tree;
	return isHubName(name) ? { name, ...(revision !== undefined && { revision }) } : undefined;
}

/** Pieces of a file from `start` on. @throws InputError */
export async function* hubPieces(
	model: HubModel,
	file: HubFile,
	start = 0
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
	for (let at = start; at < file.size; at += PIECE)
		yield await model.read(file, at, Math.min(at + PIECE, file.size));
}

/** Compares a file's bytes, given in order, with the hash that the server names for it. */
export function hubCheck({ size, sha256, blob }: HubFile, createHash: () => Hasher) {
	const hash = sha256 === undefined ? undefined : createHash();
	// Git's hash is known of small files alone, which are hashed whole.
	const kept: Uint8Array[] = [];
	return {
		update: (bytes: Uint8Array): void => (hash ? hash.update(bytes) : void kept.push(bytes.slice())),
		async matches(): Promise<boolean> {
			if (hash) return hash.digest() === sha256;
			if (blob === undefined) return true;
			const head = new TextEncoder().encode(`blob ${size}\0`);
			const digest = await crypto.subtle.digest('SHA-1', join([head, ...kept]));
			return hex(new Uint8Array(digest)) === blob;
		}
	};
}

/** The files of a model that a conversion can need as a folder, read over the network range by range. */
export function hubFolder(model: HubModel): SourceFolder {
	const files = new Map(neededFiles(model.files).map((file) => [file.path, file]));
	return {
		name: model.name,
		list: async () => [...files.keys()],
		open: async (path) => {
			const file = files.get(path);
			return file && { name: path, size: file.size, read: (start, end) => model.read(file, start, end) };
		}
	};
}

/** Files that a conversion can need: settings, tokenizer and weights at the top of the model, weights in one format. */
export function neededFiles(files: readonly HubFile[]): readonly HubFile[] {
	const top = files.filter(({ path }) => !path.includes('/'));
	const weights = /^(model|pytorch_model|adapter_model)[^/]*\.(safetensors|bin)(\.index\.json)?$/;
	const safe = top.some(({ path }) => /^(model|adapter_model)[^/]*\.safetensors$/.test(path));
	return top.filter(({ path }) => {
		if (/\.(safetensors|bin)(\.index\.json)?$/.test(path))
			return (weights.test(path) && !(safe && path.includes('.bin'))) || path === 'non_lora_trainables.bin';
		return /\.(json|jinja)$/.test(path) || path === 'tokenizer.model' || path === 'README.md';
	});
}

/** Looks a model up. @throws InputError when it is not there, or not for this reader */
export async function openHub(name: string, access: HubAccess = {}): Promise<HubModel> {
	const { host = HUB, token, revision, words = commandLineWords } = access;
	const common = {
		repo: name,
		hubUrl: host,
		...(revision !== undefined && { revision }),
		...(token !== undefined && { accessToken: token }),
		fetch: patientFetch(access, host)
	};
	const files: HubFile[] = [];
	/** Says of a failure what it means for this model. */
	const explained = async <T>(work: Promise<T>, what: string): Promise<T> => {
		try {
			return await work;
		} catch (error) {
			access.signal?.throwIfAborted();
			throw explain(error, {
				...{ name, host, what, hasToken: token !== undefined, words },
				begun: files.length > 0
			});
		}
	};
	await explained(
		(async () => {
			for await (const { type, path, size, oid, lfs } of listFiles({ ...common, recursive: true }))
				if (type === 'file')
					files.push({
						path,
						size: lfs?.size ?? size,
						...(lfs ? { sha256: lfs.oid } : oid !== undefined && { blob: oid })
					});
		})(),
		'its list of files'
	);
	const blobs = new Map<string, Promise<Blob | null>>();
	const model: HubModel = {
		name,
		host,
		files,
		async read(file, start, end) {
			for (let attempt = 1; ; attempt++) {
				try {
					const opening = blobs.get(file.path) ?? downloadFile({ ...common, path: file.path, xet: false });
					blobs.set(file.path, opening);
					const blob = await explained(opening, file.path);
					if (!blob) throw new InputError(`${name} on ${host} has no file ${file.path} any more.`);
					const bytes = new Uint8Array(await explained(blob.slice(start, end).arrayBuffer(), file.path));
					if (bytes.length === end - start) return bytes;
					// A server that does not know ranges sends all of it.
					if (bytes.length === file.size) return bytes.slice(start, end);
					throw new InputError(
						`${host} gave ${bytes.length} bytes of ${file.path} where ${end - start} were asked for; try again later.`
					);
				} catch (error) {
					blobs.delete(file.path);
					if (!(error instanceof BrokenConnection) || attempt >= TRIES) throw error;
					await pauseFor(1000 * 2 ** attempt, access);
				}
			}
		}
	};
	const card = files.find(({ path }) => path === 'README.md');
	const text = card && new TextDecoder().decode(await model.read(card, 0, Math.min(card.size, 2 ** 16)));
	const licence = text === undefined ? undefined : licenceIn(text);
	return { ...model, ...(licence !== undefined && { licence }) };
}

/** The licence that a model card names in its first lines. */
export function licenceIn(card: string): string | undefined {
	const [, head = ''] = /^---\r?\n(.*?)\r?\n---/s.exec(card) ?? [];
	const named = (field: string) =>
		new RegExp(`^${field}:\\s*["']?([^"'\\r\\n]+?)["']?\\s*$`, 'm').exec(head)?.[1];
	const licence = named('licen[cs]e');
	return licence === 'other' ? (named('license_name') ?? licence) : licence;
}

/** The connection ended before the file did. */
class BrokenConnection extends InputError {}

interface Failed {
	readonly name: string;
	readonly host: string;
	/** What was asked for. */
	readonly what: string;
	readonly hasToken: boolean;
	/** Something of the model has come already. */
	readonly begun: boolean;
	readonly words: HubWords;
}

function explain(error: unknown, { name, host, what, hasToken, begun, words }: Failed): InputError {
	if (error instanceof InputError) return error;
	const place = words.token;
	if (error instanceof HubApiError) {
		const { statusCode } = error;
		// Without the address, in which any word may stand.
		const [message = ''] = error.message.split(/\.? URL: /);
		const gated = /gated|restricted|awaiting|agree/i.test(message);
		if ((statusCode === 401 || statusCode === 403) && gated)
			return new InputError(
				`${name} is gated: accept its terms at ${host}/${name} and give a token of that account (${place}).`
			);
		if (statusCode === 403)
			return new InputError(
				`${host} does not let this token read ${name}; ask its owner, or give another token (${place}).`
			);
		if (statusCode === 401 && hasToken)
			return new InputError(
				`${host} refuses the token, which is wrong or has expired; correct it, or leave it out (${place}).`
			);
		if (statusCode === 404 && /revision/i.test(message))
			return new InputError(`${name} on ${host} has no such revision; check what stands behind the name.`);
		if (statusCode === 401 || statusCode === 404)
			return new InputError(
				`${host} has no model ${name}${hasToken ? ' that this token may read' : ', or it is private'}; check the name${hasToken ? '' : `, or give a token (${place})`}.`
			);
		return new InputError(`${host} answers ${statusCode} for ${what} of ${name}; try again later.`);
	}
	if (error instanceof TypeError && /access token/i.test(error.message))
		return new InputError(`The token in ${place} is none of the Hub (they begin with hf_); correct it.`);
	// Nothing came yet: there is nothing to go on with.
	if (!begun)
		return new BrokenConnection(
			`${host} cannot be reached, so that ${name} cannot be looked up; check the network, or name another server (${words.server}).`
		);
	return new BrokenConnection(`The connection to ${host} broke at ${what} of ${name}; ${words.again(host)}.`);
}

/** `fetch` that waits where the server asks for it. */
function patientFetch(access: HubAccess, host: string): typeof fetch {
	return async (input, init) => {
		for (let attempt = 1; ; attempt++) {
			const response = await fetch(input, { ...init, ...(access.signal && { signal: access.signal }) });
			if (response.status !== 429 && response.status !== 503) return response;
			const asked = secondsAsked(response.headers);
			const tooLong = asked !== undefined && asked * 1000 > LONGEST_WAIT;
			if (response.status === 429 && (attempt >= TRIES || tooLong))
				throw new InputError(
					`${host} asks for fewer requests (429); try again in ${asked === undefined ? 'some minutes' : asked > 90 ? `${Math.ceil(asked / 60)} minutes` : `${asked} s`}.`
				);
			if (attempt >= TRIES) return response;
			await response.body?.cancel();
			await pauseFor(asked ? asked * 1000 : 1000 * 2 ** attempt, access);
		}
	};
}

/** Seconds that a server asks to wait, by `Retry-After` or the Hub's own `RateLimit`. */
function secondsAsked(headers: Headers): number | undefined {
	const [, reset] = /\bt=(\d+)/.exec(headers.get('RateLimit') ?? '') ?? [];
	const told = headers.get('Retry-After') ?? reset;
	const date = told !== undefined && !/^\d+$/.test(told) ? (Date.parse(told) - Date.now()) / 1000 : undefined;
	const seconds = Math.ceil(date ?? Number(told));
	return seconds > 0 ? seconds : undefined;
}

async function pauseFor(ms: number, { signal, wait, onWait }: HubAccess): Promise<void> {
	const pause = wait ?? ((time: number) => sleep(time, signal));
	const time = Math.min(ms, LONGEST_WAIT);
	signal?.throwIfAborted();
	onWait?.(time);
	await pause(time);
	signal?.throwIfAborted();
}

/** Rests, unless the signal ends it. */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
	return new Promise((resolve) => {
		const timer = setTimeout(resolve, ms);
		signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
	});
}
