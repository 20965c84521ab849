import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { decode, encode } from 'fast-png';
import { expect, type Locator, type Page, type Worker } from 'playwright/test';
import { Atlas, type AtlasIndex, generateScene, questions, renderScene } from '../../src/lib/scenes/index.ts';
import { test as plain } from './one-context.ts';

/** The embedded model, as the page and the command line name it. */
export const model = 'static/models/honeybee-mini';

/** Like Playwright's, and fails when the page logs an error or a warning of Svelte's, or throws. */
export const test = plain.extend<{ quiet: undefined }>({
	quiet: [
		async ({ page }, use) => {
			const errors: string[] = [];
			page.on('console', (message) => {
				const text = message.text();
				if (message.type() === 'error' || /svelte\.dev\/e\//.test(text)) errors.push(text);
			});
			page.on('pageerror', (error) => errors.push(error.message));
			await use(undefined);
			expect(errors, 'errors and warnings of the console').toEqual([]);
		},
		{ auto: true }
	]
});

export { expect, plain };

/** Opens the first page, with model and picture there: what is asked before is asked about nothing. */
export async function open(page: Page, address = '/'): Promise<void> {
	await page.goto(address);
	await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
	await expect(page).toHaveURL(/[?&]image=/);
}

/**
 * Lets the page itself press a button as soon as an element says something: what runs may have come to its end before a test that is waiting
 * for its turn on the processor has clicked. Begun before what runs.
 * @param selector of the elements
 * @param said source of the regular expression that the text of one of them must match
 * @returns once it is pressed
 */
export function pressOnceSaid(page: Page, button: string, selector: string, said: string): Promise<void> {
	return page.evaluate(
		([button, selector, said]) =>
			new Promise<void>((resolve) => {
				const pattern = new RegExp(said!);
				const observer = new MutationObserver(() => {
					const here = [...document.querySelectorAll(selector!)].some(({ textContent }) =>
						pattern.test(textContent)
					);
					const found = [...document.querySelectorAll('button')].find(
						({ textContent, disabled }) => !disabled && textContent.trim() === button
					);
					if (!here || !found) return;
					observer.disconnect();
					found.click();
					resolve();
				});
				observer.observe(document.body, { subtree: true, childList: true, characterData: true });
			}),
		[button, selector, said]
	);
}

/** Types a question and sends it with Enter; the exchange it begins. */
export async function ask(page: Page, question: string): Promise<Locator> {
	const exchanges = page.getByRole('article');
	const index = await exchanges.count();
	await page.getByRole('textbox', { name: 'Question', exact: true }).fill(question);
	await page.keyboard.press('Enter');
	return exchanges.nth(index);
}

/** Waits until an answer is whole and gives its text. */
export async function answerOf(exchange: Locator): Promise<string> {
	await expect(exchange.getByRole('button', { name: 'Retry' })).toBeVisible({ timeout: 180_000 });
	return exchange.getByRole('group', { name: 'Answer' }).innerText();
}

/** What the command line answers to the same image and question. */
export function askCli(image: string, question: string): string {
	const out = execFileSync(
		process.execPath,
		['bin/honeybee.js', 'ask', '--model', model, '--image', image, '--prompt', question, '--json'],
		{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }
	);
	return (JSON.parse(out) as { text: string }).text.trim();
}

/** Writes a held-out scene as a PNG file; its questions by task. */
export function sceneFile(path: string, seed: number): Map<string, string> {
	const index = JSON.parse(readFileSync('static/scenes/atlas.json', 'utf8')) as AtlasIndex;
	const sprites = decode(readFileSync('static/scenes/atlas.png'));
	const atlas = new Atlas(index, {
		width: sprites.width,
		height: sprites.height,
		data: new Uint8ClampedArray(sprites.data)
	});
	const scene = generateScene(seed, 'test');
	const { width, height, data } = renderScene(scene, atlas);
	writeFileSync(path, encode({ width, height, data, channels: 4, depth: 8 }));
	return new Map(questions(scene, index).map(({ task, question }) => [task, question]));
}

/** The worker that holds the model; workers are told by the names they are started with. */
export async function modelWorker(page: Page): Promise<Worker> {
	for (const worker of page.workers())
		if ((await worker.evaluate(() => self.name)) === 'honeybee') return worker;
	throw new Error('No worker holds a model.');
}
