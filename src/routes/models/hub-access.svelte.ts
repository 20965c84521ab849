import { HUB, type HubAccess } from '$lib/checkpoint/hub.ts';
import { pageState } from '$lib/workbench/frame/page-states.svelte.ts';
import { isString, recall, remember, type Memory } from '$lib/workbench/session/storage.ts';

const HOST = 'hub.host';
/** Tokens by host; each is sent to its own host alone. */
const token = (host: string) => `hub.token ${host}`;

/** Where published models come from, and the reader's token there. Stands in no link, file or message. */
export class HubSettings {
	#host = $state('');
	#token = $state('');
	#kept = $state(false);
	readonly #memory: Memory;
	readonly #session: Memory;

	/** @param session what is remembered until the tab is closed */
	constructor(memory: Memory, session: Memory) {
		this.#memory = memory;
		this.#session = session;
		this.#host = recall(memory, HOST, isString, HUB);
		this.#recallToken();
	}

	get host(): string {
		return this.#host;
	}

	/** An address without a slash at the end; the Hub's own when empty. @throws TypeError when it is no address */
	set host(address: string) {
		// eslint-disable-next-line svelte/prefer-svelte-reactivity -- read at once
		const url = new URL(address.trim() === '' ? HUB : address.trim());
		if (!/^https?:$/.test(url.protocol)) throw new TypeError('not http');
		this.#host = `${url.origin}${url.pathname}`.replace(/\/$/, '');
		remember(this.#memory, HOST, this.#host);
		this.#recallToken();
	}

	get token(): string {
		return this.#token;
	}

	set token(value: string) {
		this.#token = value.trim();
		this.#rememberToken();
	}

	/** Whether the token stays when the tab is closed. */
	get kept(): boolean {
		return this.#kept;
	}

	set kept(value: boolean) {
		this.#kept = value;
		this.#rememberToken();
	}

	/** What a request is sent with. */
	get access(): Required<Pick<HubAccess, 'host'>> & Pick<HubAccess, 'token'> {
		return { host: this.host, ...(this.token !== '' && { token: this.token }) };
	}

	/** The token of another host, where one is known. */
	tokenOf(host: string): string | undefined {
		return host === this.host ? this.access.token : this.#tokenIn(host) || undefined;
	}

	#tokenIn(host: string): string {
		return (
			recall(this.#memory, token(host), isString, '') || recall(this.#session, token(host), isString, '')
		);
	}

	#recallToken(): void {
		this.#token = this.#tokenIn(this.host);
		this.#kept = recall(this.#memory, token(this.host), isString, '') !== '';
	}

	#rememberToken(): void {
		remember(this.#memory, token(this.host), this.kept ? this.token : '');
		remember(this.#session, token(this.host), this.token);
	}
}

function sessionMemory(): Memory {
	try {
		sessionStorage.getItem('');
		return sessionStorage;
	} catch {
		return { getItem: () => null, setItem: () => undefined };
	}
}

export const getHubSettings = pageState(({ memory }) => new HubSettings(memory, sessionMemory()));
