/** Debian's Firefox over WebDriver BiDi, the protocol that the stock browser speaks itself. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
	keepErrors,
	ownFolder,
	PageError,
	takeErrors,
	type Driver,
	type Element,
	type Source
} from './driver.ts';

/** A value of the protocol: https://w3c.github.io/webdriver-bidi/#type-script-RemoteValue */
interface Remote {
	readonly type: string;
	readonly value?: unknown;
	readonly sharedId?: string;
}

interface Evaluated {
	readonly type: 'success' | 'exception';
	readonly result: Remote;
	readonly exceptionDetails?: { readonly text: string };
}

interface Context {
	readonly context: string;
	readonly url: string;
	readonly children: readonly Context[] | null;
}

interface Message {
	readonly id?: number;
	readonly type: 'success' | 'error' | 'event';
	readonly result?: unknown;
	readonly error?: string;
	readonly message?: string;
}

/** What a first start would show or ask for, and where files go. */
const settings = (downloads: string) => ({
	'browser.aboutwelcome.enabled': false,
	'browser.download.dir': downloads,
	'browser.download.folderList': 2,
	'browser.startup.homepage_override.mstone': 'ignore',
	'datareporting.policy.dataSubmissionEnabled': false,
	'termsofuse.bypassNotification': true
});

/** Milliseconds that a browser may take to start on a busy machine. */
const STARTS = 60_000;

export async function startFirefox(path: string): Promise<Driver> {
	const folder = ownFolder('firefox');
	const [profile, downloads] = [join(folder.path, 'profile'), join(folder.path, 'downloads')];
	mkdirSync(profile);
	mkdirSync(downloads);
	const lines = Object.entries(settings(downloads)).map(
		([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`
	);
	writeFileSync(join(profile, 'user.js'), lines.join(''));
	const browser = spawn(
		path,
		['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', '--width', '1440'],
		{ stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: folder.path } }
	);
	try {
		const link = await Link.to(`${await listening(browser)}/session`);
		return await Firefox.begin(link, downloads, async () => {
			await end(browser);
			folder.remove();
		});
	} catch (error) {
		await end(browser);
		folder.remove();
		throw error;
	}
}

/** Where Firefox says that it listens. */
function listening(browser: ChildProcess): Promise<string> {
	return new Promise((resolve, reject) => {
		let said = '';
		const fail = (why: string) => reject(new Error(`Firefox ${why}. It said: ${said}`));
		const timer = setTimeout(() => fail('did not start within a minute'), STARTS);
		browser.once('error', ({ message }) => fail(message));
		browser.once('exit', (code) => fail(`ended with exit code ${code}`));
		browser.stderr!.setEncoding('utf8').on('data', (text: string) => {
			said += text;
			const found = /WebDriver BiDi listening on (\S+)/.exec(said);
			if (!found) return;
			clearTimeout(timer);
			resolve(found[1]!);
		});
	});
}

async function end(browser: ChildProcess): Promise<void> {
	if (browser.exitCode !== null || browser.signalCode !== null) return;
	const ended = once(browser, 'exit');
	const timer = setTimeout(() => browser.kill('SIGKILL'), 10_000);
	browser.kill();
	await ended;
	clearTimeout(timer);
}

/** Commands and their answers over one socket. */
class Link {
	readonly #socket: WebSocket;
	readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
	#last = 0;

	private constructor(socket: WebSocket) {
		this.#socket = socket;
		socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)) as Message);
		socket.onclose = () => {
			for (const { reject } of this.#waiting.values()) reject(new Error('Firefox has ended.'));
		};
	}

	static async to(url: string): Promise<Link> {
		const socket = new WebSocket(url);
		await new Promise((resolve, reject) => {
			socket.onopen = resolve;
			socket.onerror = () => reject(new Error(`Firefox does not answer at ${url}.`));
		});
		return new Link(socket);
	}

	send<Result>(method: string, params: object): Promise<Result> {
		const id = ++this.#last;
		const answer = Promise.withResolvers<unknown>();
		this.#waiting.set(id, answer);
		this.#socket.send(JSON.stringify({ id, method, params }));
		return answer.promise as Promise<Result>;
	}

	close(): void {
		this.#socket.close();
	}

	#take({ id, type, result, error, message }: Message): void {
		const answer = id !== undefined && this.#waiting.get(id);
		if (!answer) return;
		this.#waiting.delete(id);
		if (type === 'success') answer.resolve(result);
		else {
			// The page has changed under what was asked of it.
			const gone = error === 'no such frame' || error === 'no such node';
			answer.reject(new (gone ? PageError : Error)(`Firefox: ${error}: ${message}`));
		}
	}
}

class Firefox implements Driver {
	readonly name: string;
	readonly downloads: string;
	readonly #link: Link;
	readonly #context: string;
	readonly #end: () => Promise<void>;

	private constructor(
		link: Link,
		name: string,
		context: string,
		downloads: string,
		end: () => Promise<void>
	) {
		this.name = name;
		this.downloads = downloads;
		this.#link = link;
		this.#context = context;
		this.#end = end;
	}

	static async begin(link: Link, downloads: string, end: () => Promise<void>): Promise<Firefox> {
		const { capabilities } = await link.send<{
			readonly capabilities: { readonly browserVersion: string };
		}>('session.new', { capabilities: {} });
		const { contexts } = await link.send<{ readonly contexts: readonly Context[] }>(
			'browsingContext.getTree',
			{}
		);
		const { context } = contexts[0]!;
		const firefox = new Firefox(link, `Firefox ${capabilities.browserVersion}`, context, downloads, end);
		// No subscription to `log.entryAdded`: with it Firefox watches workers, and a worker that starts another is held up until that is known
		// to who watches. Up to 153 at least it may then wait for ever (dom/workers/WorkerPrivate.h, WaitForIsDebuggerRegistered).
		await link.send('script.addPreloadScript', { functionDeclaration: keepErrors });
		await link.send('browsingContext.setViewport', { context, viewport: { width: 1440, height: 900 } });
		return firefox;
	}

	async open(address: string): Promise<void> {
		await this.#link.send('browsingContext.navigate', {
			...{ context: this.#context, url: address, wait: 'complete' }
		});
	}

	async call(declaration: string, args: string, frame?: string): Promise<string | undefined> {
		const context = frame === undefined ? this.#context : await this.#frame(frame);
		const { value } = await this.#run(declaration, args, context);
		return value as string | undefined;
	}

	async find(declaration: string, args: string): Promise<Element | undefined> {
		const { sharedId } = await this.#run(declaration, args, this.#context);
		return sharedId === undefined ? undefined : { type: 'element', element: { sharedId } };
	}

	async perform(sources: readonly Source[]): Promise<void> {
		await this.#link.send('input.performActions', { context: this.#context, actions: sources });
	}

	async choose(input: Element, paths: readonly string[]): Promise<void> {
		await this.#link.send('input.setFiles', {
			context: this.#context,
			element: input['element'],
			files: paths
		});
	}

	async errors(): Promise<readonly string[]> {
		return JSON.parse((await this.call(takeErrors, ''))!) as string[];
	}

	async close(): Promise<void> {
		this.#link.close();
		await this.#end();
	}

	async #run(declaration: string, args: string, context: string): Promise<Remote> {
		const { type, result, exceptionDetails } = await this.#link.send<Evaluated>('script.callFunction', {
			functionDeclaration: declaration,
			arguments: [{ type: 'string', value: args }],
			...{ target: { context }, awaitPromise: true, resultOwnership: 'none' }
		});
		if (type === 'exception') throw new PageError(exceptionDetails!.text);
		return result;
	}

	/** The context of a frame, known by the address that it was given. */
	async #frame(selector: string): Promise<string> {
		const find = 'async (css) => document.querySelector(css)?.src';
		const { value } = await this.#run(find, selector, this.#context);
		const { contexts } = await this.#link.send<{ readonly contexts: readonly Context[] }>(
			'browsingContext.getTree',
			{ root: this.#context }
		);
		const found = contexts[0]!.children?.find(({ url }) => url === value);
		if (!found) throw new PageError(`There is no frame ${selector}.`);
		return found.context;
	}
}
