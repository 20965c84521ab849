import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { findStock, stockBrowsers } from '../../scripts/stock-browsers.mjs';
import { scenesOf } from '../../src/lib/scenes/rule.ts';
import { readCapsule } from '../../src/lib/viz/export/embed.ts';
import { pages } from '../../src/lib/workbench/frame/pages.ts';
import { shipped } from '../../src/routes/notebook/library.ts';
import { answer, embeddedModel, openNodeModel, scene } from '../support/embedded.ts';
import { startFirefox } from './firefox.ts';
import { Tab, type Place } from './tab.ts';
import { startWebKit } from './webkit.ts';

/** Seconds that what the model computes may take on a busy machine. */
const SLOW = 240;

const start = { firefox: startFirefox, webkit: startWebKit };

const figures: Place = { css: '.middle figure[id^=figure-] .sheet svg' };

/** What must be seen on a page before it counts as there, where that is no figure. */
const shown: Readonly<Record<string, Place>> = {
	'': { css: '[aria-label^="Image with its grid"]' },
	scenes: { css: '[aria-label^="Scene of "] canvas' },
	recipe: { css: '.middle table' },
	models: { css: 'h2', words: /^Convert a checkpoint$/ },
	gallery: { css: '.middle h2' },
	notebook: { css: 'iframe[title^=Notebook]' }
};

const link = (title: string): Place => ({ css: 'nav[aria-label=Pages] a', words: new RegExp(`^${title}$`) });
const button = (words: RegExp): Place => ({ css: 'button', words });
const loaded: Place = { css: 'p, span', words: /^Loaded in / };

/** The first of the workbench's sample scenes. */
const [sample] = scenesOf({ from: 0, count: 1, objects: 4 });
const question = 'What color is the background?';
const checkpoint = 'tests/fixtures/golden/c-abs/last';

describe.each(Object.entries(stockBrowsers))('%s', (id, browser) => {
	let tab: Tab;

	const open = (address: string) => tab.driver.open(inject('site') + address);

	/** No part of the page has failed, and nothing was logged as an error. */
	async function quiet(where: string): Promise<void> {
		const alerts = await tab.read({ css: '[role=alert], .alarm', words: /./ });
		expect(alerts, `${tab.driver.name}, ${where}: alerts`).toEqual([]);
		expect(await tab.driver.errors(), `${tab.driver.name}, ${where}: errors of the console`).toEqual([]);
	}

	/** Asks in the chat and waits for the whole answer. */
	async function ask(question: string): Promise<string> {
		const before = (await tab.read(button(/^Retry/))).length;
		await tab.click({ css: 'textarea[placeholder^=Ask]' });
		await tab.type(`${question}\uE007`);
		await tab.until(
			'the answer is whole',
			async () => (await tab.read(button(/^Retry/))).length > before,
			SLOW
		);
		return (await tab.read({ css: '[role=group].answer', words: /./ })).at(-1)!;
	}

	beforeAll(async () => {
		const path = findStock(browser);
		if (!path)
			throw new Error(
				`${browser.name} is not on this machine: install it (on Debian: apt-get install ${browser.packages.join(' ')}, as root).`
			);
		tab = new Tab(await start[id as keyof typeof start](path));
	});
	afterAll(() => tab?.driver.close());

	test('the chat answers as the model does in Node', async () => {
		await open(`/?backend=wasm&projector=d-abs&tokens=36&image=scene.${sample!.seed}`);
		await tab.see(loaded, { seconds: SLOW });
		expect(await tab.run(() => crossOriginIsolated, []), 'the page is isolated, for threads').toBe(true);
		const model = await openNodeModel(embeddedModel);
		const truth = await answer(model, 'd-abs', scene(sample!.seed).image, question);
		await model.dispose();
		expect(await ask(question)).toBe(truth);
		await quiet('Start');
	});

	// The first page is what is shown now; it is come back to in the end.
	test.each([...pages.slice(1), pages[0]!])(
		'the page $title opens, with what it is for',
		async ({ path, title }) => {
			const before = await tab.see({ css: 'h1' });
			await tab.click(link(title));
			await tab.until(
				`${title} takes the place of ${before}`,
				async () => (await tab.read({ css: 'h1' }))[0] !== before
			);
			await tab.see(shown[path] ?? figures, { seconds: SLOW });
			const [line] = await tab.run(
				(css) => [...document.querySelectorAll(css)].map((one) => getComputedStyle(one).textDecorationLine),
				['nav[aria-label=Pages] a[aria-current]']
			);
			expect(line, 'the line under the page that is shown').toBe('underline');
			await quiet(title);
		}
	);

	test('what the browser cannot do is said where it matters', async () => {
		const able = await tab.run(
			async () => ({
				adapter: Boolean(await navigator.gpu?.requestAdapter()),
				storage:
					(await navigator.storage?.getDirectory().then(
						() => true,
						() => false
					)) ?? false
			}),
			[]
		);
		await tab.click(link('Models'));
		if (!able.adapter) await tab.see({ css: 'dd', words: /this browser offers no WebGPU adapter/ });
		await tab.see({
			css: 'section',
			words: able.storage
				? /^Models in this browser\s[^]*that this browser allows the page/
				: /^Models in this browser\s[^]*This browser gives the page no storage/
		});
		await tab.click(link('Benchmarks'));
		await tab.see({
			css: 'p[role=status]',
			words: able.storage ? /kept in this browser/ : /kept in memory until the page is closed/
		});
		await quiet('Models and Benchmarks');
	});

	test('a notebook runs its cells in their frame', async () => {
		await open(`/notebook?backend=wasm&notebook=${shipped[0]!.name}`);
		const frame = 'iframe[title^=Notebook]';
		await tab.see({ css: 'h1', words: new RegExp(`^${shipped[0]!.title.replace('?', '\\?')}$`) }, { frame });
		// Cells run again when the model comes: all of this holds at once only when nothing runs any more.
		await tab.until(
			'every cell has run, with figures and tables in the frame, and none has failed',
			async () =>
				(await tab.read({ css: '[data-state]', words: /^\d+ cells$/ })).length === 1 &&
				(await tab.read({ css: '.output svg, .output table' }, frame)).length >= 2 &&
				(await tab.read({ css: '.running, .error' }, frame)).length === 0,
			SLOW
		);
		await quiet('Notebook');
	});

	test('a checkpoint is converted in the page, and answers', async () => {
		await open('/models?backend=wasm');
		await tab.see({ css: 'label', words: /^Choose a folder$/ });
		const input = await tab.element({ css: 'input[type=file][webkitdirectory]' });
		await tab.driver.choose(
			input!,
			readdirSync(checkpoint).map((name) => join(process.cwd(), checkpoint, name))
		);
		await tab.see({ css: 'form p', words: /C-Abstractor, M = 16/ });
		await tab.click({ css: 'label', words: /^fp32, / });
		await tab.click(button(/^Convert$/));
		await tab.see({ css: 'p', words: /^Converted: / }, { seconds: SLOW });
		await quiet('Models');

		await tab.until('the model is in the list at the left', () =>
			tab.run(() => {
				const list = [...document.querySelectorAll('select')].find(
					({ labels }) => labels[0]?.textContent.trim() === 'Model'
				);
				const made = [...(list?.options ?? [])].find(({ text }) => text.includes('fp32'));
				if (!list || !made) return false;
				list.value = made.value;
				list.dispatchEvent(new Event('change', { bubbles: true }));
				return true;
			}, [])
		);
		await tab.click(link('Start'));
		await tab.see(loaded, { seconds: SLOW });
		expect(await ask('What is this?')).not.toBe('');
		await quiet('Start, with the converted model');
	});

	test('a figure leaves as a file, which opens again', async () => {
		await open('/locality?backend=wasm&model=honeybee-mini&projector=c-abs&tokens=9&method=occlusion');
		await tab.see(figures, { seconds: SLOW });
		await tab.click(button(/^Export$/), SLOW);
		await tab.click(button(/^SVG$/));
		const { downloads } = tab.driver;
		await tab.until('the file is on the disk', async () =>
			readdirSync(downloads).some((name) => name.endsWith('.svg') && statSync(join(downloads, name)).size > 0)
		);
		const [name] = readdirSync(downloads).filter((name) => name.endsWith('.svg'));
		const bytes = readFileSync(join(downloads, name!));
		expect(readCapsule(new Uint8Array(bytes))?.origin).toMatchObject({ projector: 'c-abs', tokens: 9 });

		await open('/?backend=wasm&model=honeybee-mini&projector=resampler');
		await tab.see(loaded, { seconds: SLOW });
		await tab.run(
			(name, base64) => {
				const transfer = new DataTransfer();
				const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
				transfer.items.add(new File([bytes], name));
				const drop = new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true });
				window.dispatchEvent(drop);
			},
			[name!, bytes.toString('base64')]
		);
		await tab.see(
			{ css: 'p', words: /^Identical to the file: all \d+ rows × \d+ columns\./ },
			{ seconds: SLOW }
		);
		await quiet('Locality');
	});
});
