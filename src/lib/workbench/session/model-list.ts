import type { ModelLocation } from '../../browser/model-source.ts';
import { storedModels } from '../../browser/stored-models.ts';

/** A line of `static/models/index.json`. */
export interface ModelListing {
	readonly name: string;
	readonly title: string;
	readonly location: ModelLocation;
	/** What the model knows, in a sentence, where the list says so. */
	readonly knows?: string;
	/** Questions of each kind it was trained on, where the list says so. */
	readonly asks?: readonly string[];
}

/** What is said of the embedded model where a list only names it. */
const embedded: Readonly<Record<string, Pick<ModelListing, 'title' | 'knows'>>> = {
	'honeybee-mini': {
		title: 'Honeybee mini (embedded)',
		knows: 'Knows only its scenes; photographs need an official checkpoint.'
	}
};

/** Models made on this page that the browser has no storage for; they go with the page. */
const inMemory = new Map<string, ModelListing>();

/** Lists a model whose files are held in memory from now on. */
export function listInMemory(name: string, files: Readonly<Record<string, Blob>>): ModelListing {
	const listing: ModelListing = {
		name: `memory:${name}`,
		title: `${name} (in memory)`,
		knows: 'Kept until this page is closed or reloaded.',
		location: { kind: 'memory', name, files }
	};
	inMemory.set(name, listing);
	return listing;
}

/** How a model in the browser's storage is listed. */
export function storedListing(name: string): ModelListing {
	return {
		name: `stored:${name}`,
		title: `${name} (in this browser)`,
		location: { kind: 'opfs', name }
	};
}

/** What the model calls itself: lists name those of this browser with the place where they are. */
export const ownName = ({ name, location }: Pick<ModelListing, 'name' | 'location'>): string =>
	location.kind === 'url' ? name : location.name;

/** A model's name as a reader knows it, whether it is here or not. */
export function titleOf(name: string): string {
	const [, place, own] = /^(stored|memory):(.*)$/.exec(name) ?? [];
	if (own === undefined) return embedded[name]?.title ?? name;
	return place === 'stored' ? `${own} (in the browser it was made in)` : `${own} (in memory)`;
}

/** All models: the site's, then those in this browser. @throws as `listSiteModels` */
export async function listModels(base: string, fetcher: typeof fetch = fetch): Promise<ModelListing[]> {
	const stored = (await storedModels()).filter(({ manifest }) => manifest !== undefined);
	const own = [...stored.map(({ name }) => storedListing(name)), ...inMemory.values()];
	try {
		return [...(await listSiteModels(base, fetcher)), ...own];
	} catch (error) {
		if (own.length === 0) throw error;
		// What is here works without the site's list.
		return own;
	}
}

/**
 * The models this site offers, from `models/index.json` under `base` (an absolute URL with a trailing slash).
 * No list, an empty one, and a server that answers with its start page are the same to a reader: no models.
 * @throws Error with a sentence when there is a list that cannot be read.
 */
export async function listSiteModels(base: string, fetcher: typeof fetch = fetch): Promise<ModelListing[]> {
	const address = new URL('models/index.json', base);
	let response: Response;
	try {
		response = await fetcher(address, { cache: 'no-cache' });
	} catch {
		throw new Error('The list of models could not be fetched; check the connection and reload the page.');
	}
	if (response.status === 404) return [];
	if (!response.ok)
		throw new Error(`The list of models could not be fetched (HTTP ${response.status}); reload the page.`);
	const text = await response.text();
	if (text.trimStart().startsWith('<')) return [];
	let list: unknown;
	try {
		list = JSON.parse(text);
	} catch {
		throw new Error('models/index.json is not valid JSON; convert a model again or correct the file.');
	}
	return entriesOf(list).map((entry) => toListing(entry, address));
}

function entriesOf(list: unknown): unknown[] {
	if (list !== null && typeof list === 'object' && 'models' in list && Array.isArray(list.models))
		return list.models;
	throw new Error('models/index.json has no "models" list; convert a model again or correct the file.');
}

function toListing(entry: unknown, address: URL): ModelListing {
	if (entry === null || typeof entry !== 'object' || !('name' in entry) || typeof entry.name !== 'string')
		throw new Error('models/index.json has an entry without a name; convert that model again.');
	const { name } = entry;
	const url = 'url' in entry && typeof entry.url === 'string' ? entry.url : `${name}/`;
	const folder = new URL(url.endsWith('/') ? url : `${url}/`, address).href;
	return {
		name,
		title: name,
		...embedded[name],
		...('title' in entry && typeof entry.title === 'string' ? { title: entry.title } : {}),
		...('knows' in entry && typeof entry.knows === 'string' ? { knows: entry.knows } : {}),
		...('asks' in entry && Array.isArray(entry.asks)
			? { asks: entry.asks.filter((question) => typeof question === 'string') }
			: {}),
		location: { kind: 'url', url: folder }
	};
}
