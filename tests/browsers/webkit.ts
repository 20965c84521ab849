/** WebKitGTK's MiniBrowser over plain WebDriver, on a display of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ownFolder, PageError, takeErrors, type Driver, type Element, type Source } from './driver.ts';

/** The name under which WebDriver tells elements: https://www.w3.org/TR/webdriver2/#elements */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

/** Milliseconds that a program may take to start on a busy machine. */
const STARTS = 60_000;

export async function startWebKit(path: string): Promise<Driver> {
	const folder = ownFolder('webkit');
	const downloads = join(folder.path, 'downloads');
	mkdirSync(downloads);
	mkdirSync(join(folder.path, '.config'));
	writeFileSync(join(folder.path, '.config', 'user-dirs.dirs'), `XDG_DOWNLOAD_DIR="${downloads}"\n`);
	const running: ChildProcess[] = [];
	const end = async () => {
		for (const program of running.reverse()) await stop(program);
		folder.remove();
	};
	try {
		const screen = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1440x900x24', '-nolisten', 'tcp'], {
			stdio: ['ignore', 'ignore', 'ignore', 'pipe']
		});
		running.push(screen);
		const display = await firstLine(screen, screen.stdio[3] as Readable);
		const port = await freePort();
		running.push(
			spawn(path, [`--port=${port}`], {
				stdio: 'ignore',
				env: {
					...process.env,
					...{ HOME: folder.path, XDG_CONFIG_HOME: '', XDG_DATA_HOME: '', XDG_CACHE_HOME: '' },
					...{ XDG_RUNTIME_DIR: folder.path, DISPLAY: `:${display}`, WAYLAND_DISPLAY: '', GDK_BACKEND: 'x11' }
				}
			})
		);
		return await WebKit.begin(`http://127.0.0.1:${port}`, downloads, end);
	} catch (error) {
		await end();
		throw error;
	}
}

async function stop(program: ChildProcess): Promise<void> {
	if (program.exitCode !== null || program.signalCode !== null || program.pid === undefined) return;
	const ended = once(program, 'exit');
	const timer = setTimeout(() => program.kill('SIGKILL'), 10_000);
	program.kill();
	await ended;
	clearTimeout(timer);
}

function firstLine(program: ChildProcess, stream: Readable): Promise<string> {
	return new Promise((resolve, reject) => {
		const fail = (why: string) => reject(new Error(`${program.spawnfile} ${why}.`));
		const timer = setTimeout(() => fail('did not start within a minute'), STARTS);
		program.once('error', ({ message }) => fail(message));
		program.once('exit', (code) => fail(`ended with exit code ${code}`));
		let said = '';
		stream.setEncoding('utf8').on('data', (text: string) => {
			said += text;
			if (!said.includes('\n')) return;
			clearTimeout(timer);
			resolve(said.trim());
		});
	});
}

function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer().once('error', reject);
		server.listen(0, '127.0.0.1', () => {
			const { port } = server.address() as AddressInfo;
			server.close(() => resolve(port));
		});
	});
}

/** An answer of WebDriver: what was asked for, or an error. */
interface Answer {
	readonly value: unknown;
}

interface Failure {
	readonly error: string;
	readonly message: string;
}

type Outcome = { readonly value?: string | Element } | { readonly error: string };

class WebKit implements Driver {
	readonly name: string;
	readonly downloads: string;
	readonly #session: string;
	readonly #end: () => Promise<void>;

	private constructor(name: string, session: string, downloads: string, end: () => Promise<void>) {
		this.name = name;
		this.#session = session;
		this.downloads = downloads;
		this.#end = end;
	}

	static async begin(server: string, downloads: string, end: () => Promise<void>): Promise<WebKit> {
		const until = Date.now() + STARTS;
		while (!(await fetch(`${server}/status`).catch(() => undefined))) {
			if (Date.now() > until) throw new Error('WebKitWebDriver did not start within a minute.');
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
		const { sessionId, capabilities } = (await request('POST', `${server}/session`, {
			capabilities: { alwaysMatch: {} }
		})) as { readonly sessionId: string; readonly capabilities: { readonly browserVersion: string } };
		const webkit = new WebKit(
			`WebKitGTK ${capabilities.browserVersion}`,
			`${server}/session/${sessionId}`,
			downloads,
			end
		);
		await webkit.#ask('window/rect', { x: 0, y: 0, width: 1440, height: 900 });
		return webkit;
	}

	async open(address: string): Promise<void> {
		await this.#ask('url', { url: address });
		await this.errors();
	}

	async call(declaration: string, args: string, frame?: string): Promise<string | undefined> {
		if (frame === undefined) return (await this.#run(declaration, args)) as string | undefined;
		const element = await this.find('async (css) => document.querySelector(css)', frame);
		if (!element) throw new PageError(`There is no frame ${frame}.`);
		await this.#ask('frame', { id: element });
		try {
			return (await this.#run(declaration, args)) as string | undefined;
		} finally {
			await this.#ask('frame', { id: null });
		}
	}

	async find(declaration: string, args: string): Promise<Element | undefined> {
		return ((await this.#run(declaration, args)) ?? undefined) as Element | undefined;
	}

	async perform(sources: readonly Source[]): Promise<void> {
		await this.#ask('actions', { actions: sources });
	}

	async choose(input: Element, paths: readonly string[]): Promise<void> {
		await this.#ask(`element/${String(input[ELEMENT])}/value`, { text: paths.join('\n') });
	}

	async errors(): Promise<readonly string[]> {
		const json = await this.call(takeErrors, '');
		return JSON.parse(json!) as string[];
	}

	async close(): Promise<void> {
		await request('DELETE', this.#session).catch(() => undefined);
		await this.#end();
	}

	#ask(path: string, body: object): Promise<unknown> {
		return request('POST', `${this.#session}/${path}`, body);
	}

	async #run(declaration: string, args: string): Promise<string | Element | undefined> {
		const script = `const [args, done] = arguments;
(${declaration})(args).then((value) => done({ value }), (error) => done({ error: String(error) }));`;
		const outcome = (await this.#ask('execute/async', { script, args: [args] })) as Outcome;
		if ('error' in outcome) throw new PageError(outcome.error);
		return outcome.value ?? undefined;
	}
}

/** @throws Error with what WebDriver says is wrong */
async function request(method: string, url: string, body?: object): Promise<unknown> {
	const answer = await fetch(url, { method, ...(body && { body: JSON.stringify(body) }) });
	const { value } = (await answer.json()) as Answer;
	if (answer.ok) return value;
	const { error, message } = value as Failure;
	const words = `WebKitWebDriver: ${error}${message && `: ${message}`}`;
	// The page has changed under what was asked of it; of a frame that is gone in between it says that there is no such window.
	if (/^(no such frame|no such window|no such element|stale element reference)$/.test(error))
		throw new PageError(words);
	throw new Error(words);
}
