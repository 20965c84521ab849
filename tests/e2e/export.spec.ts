import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { unzipSync } from 'fflate';
import type { Browser, Locator, Page } from 'playwright/test';
import { makeCapsule, unpack } from '../../src/lib/viz/export/capsule.ts';
import { readCapsule } from '../../src/lib/viz/export/embed.ts';
import { pages } from '../../src/lib/workbench/frame/pages.ts';
import { distance, drawnByLibrsvg, readByPoppler } from '../support/outside.ts';
import { answerOf, ask, expect, sceneFile, test } from './workbench.ts';

const folder = 'test-results/export-files';

/** Opens a page and waits for its model. */
async function open(page: Page, address: string): Promise<void> {
	await page.goto(address);
	await expect(page.getByRole('radio', { name: 'C-Abstractor' }).first()).toBeAttached({ timeout: 120_000 });
}

/** The first figure of a page that has something to show, its export menu open. */
async function firstFigure(page: Page): Promise<Locator> {
	const figure = page
		.locator('figure[id^=figure-]')
		.filter({ has: page.locator('svg') })
		.first();
	const button = figure.getByRole('button', { name: 'Export', exact: true });
	await expect(button).toBeEnabled({ timeout: 180_000 });
	await button.click();
	return figure;
}

async function save(page: Page, figure: Locator, button: string): Promise<string> {
	const [download] = await Promise.all([
		page.waitForEvent('download', { timeout: 120_000 }),
		figure.getByRole('button', { name: button, exact: true }).click()
	]);
	mkdirSync(folder, { recursive: true });
	const path = join(folder, download.suggestedFilename());
	await download.saveAs(path);
	return path;
}

async function saveAsOnePage(page: Page, name: string): Promise<string> {
	mkdirSync(folder, { recursive: true });
	const path = join(folder, name);
	const [download] = await Promise.all([
		page.waitForEvent('download'),
		page.getByRole('button', { name: 'Save as one page' }).click()
	]);
	await download.saveAs(path);
	return path;
}

async function drop(page: Page, path: string): Promise<void> {
	const base64 = readFileSync(path).toString('base64');
	await page.evaluate(
		([name, data]) => {
			const transfer = new DataTransfer();
			const bytes = Uint8Array.from(atob(data!), (letter) => letter.charCodeAt(0));
			transfer.items.add(new File([bytes], name!));
			window.dispatchEvent(
				new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true })
			);
		},
		[path.split('/').at(-1)!, base64]
	);
}

/** The file in a browser without a network. */
async function openOffline(browser: Browser, path: string): Promise<Page> {
	const context = await browser.newContext({ offline: true, viewport: { width: 1200, height: 900 } });
	const page = await context.newPage();
	page.on('pageerror', (error) => expect(error.message, 'error in the saved file').toBe(''));
	page.on('console', (message) => expect([message.type(), message.text()]).not.toContain('error'));
	page.on('request', (request) =>
		expect(request.url(), 'a saved file asks for nothing').toMatch(/^(file|data):/)
	);
	await page.goto(`file://${resolve(path)}`);
	return page;
}

test('a figure leaves in every form, looks the same elsewhere, and opens again', async ({ page }) => {
	test.setTimeout(480_000);
	await open(page, '/locality?backend=wasm&projector=c-abs&tokens=9&method=occlusion');
	const figure = await firstFigure(page);
	const files: Record<string, string> = {};
	for (const button of ['SVG', 'PDF', 'PNG', 'CSV', 'JSON', 'NPY', 'table', 'figure with caption'])
		files[button] = await save(page, figure, button);
	const rows = readFileSync(files['CSV']!, 'utf8').trim().split('\n').length - 1;
	expect(rows).toBeGreaterThan(0);
	expect(readFileSync(files['table']!, 'utf8')).toContain('\\toprule');

	for (const button of ['SVG', 'PDF', 'PNG', 'JSON']) {
		const capsule = readCapsule(new Uint8Array(readFileSync(files[button]!)));
		expect(capsule?.origin).toMatchObject({
			projector: 'c-abs',
			tokens: 9,
			model: { name: 'honeybee-mini' }
		});
		expect(capsule?.table.rows, button).toBe(rows);
		expect(capsule?.origin.image?.base64?.length).toBeGreaterThan(100);
	}

	// Chromium's PNG, the SVG elsewhere, the PDF elsewhere: one picture.
	const svg = await distance(files['PNG']!, drawnByLibrsvg(files['SVG']!, 300));
	expect(svg.mean, 'SVG in librsvg').toBeLessThan(0.008);
	expect(svg.tile, 'SVG in librsvg, at one place').toBeLessThan(0.08);
	const poppler = readByPoppler(files['PDF']!, 300);
	const pdf = await distance(files['PNG']!, poppler.picture);
	expect(pdf.mean, 'PDF in poppler').toBeLessThan(0.012);
	expect(pdf.tile, 'PDF in poppler, at one place').toBeLessThan(0.12);
	expect(poppler.fonts).not.toEqual([]);
	expect(poppler.fonts.every(({ embedded }) => embedded)).toBe(true);
	expect(poppler.attachments).toContain('honeybee-figure.json');
	expect(poppler.text).toContain('Change, relative to each token’s largest');

	// Elsewhere, with another M and projector: each file brings its own, and the numbers are computed again.
	for (const button of ['PNG', 'SVG', 'PDF', 'JSON']) {
		await page.goto('/?backend=wasm&projector=resampler');
		await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
		await drop(page, files[button]!);
		await expect(page, button).toHaveURL(
			/locality\?(?=.*projector=c-abs)(?=.*tokens=9)(?=.*method=occlusion)/
		);
		await expect(page.getByText(/^Identical to the file: all \d+ rows × \d+ columns\./), button).toBeVisible({
			timeout: 180_000
		});
	}

	// A number that is not what the model gives is found where it is.
	const json = JSON.parse(readFileSync(files['JSON']!, 'utf8')) as {
		capsule: Parameters<typeof makeCapsule>[0];
	};
	const capsule = readCapsule(new Uint8Array(readFileSync(files['JSON']!)))!;
	const table = unpack(capsule.table)!;
	const forged = table.rows.map((row, i) => (i === 4 ? row.with(-1, 123) : row));
	const changed = join(folder, 'changed.json');
	writeFileSync(
		changed,
		JSON.stringify({ ...json, capsule: makeCapsule({ ...capsule, table: { ...table, rows: forged } }) })
	);
	await drop(page, changed);
	await expect(page.getByText(/^Not as in the file: row 5, .*in the file 123 \(1 of /)).toBeVisible({
		timeout: 120_000
	});
});

test('all figures of a page in one zip file', async ({ page }) => {
	await open(page, '/locality?backend=wasm&projector=c-abs&tokens=9&directions=1');
	const figure = await firstFigure(page);
	const path = await save(page, figure, 'All figures of this page (zip)');
	const names = Object.keys(unzipSync(new Uint8Array(readFileSync(path))));
	expect(names).toContain('README.txt');
	expect(names.filter((name) => name.endsWith('.pdf')).length).toBeGreaterThan(0);
});

test('the address holds the state: a link opens the same view, Back goes back', async ({ page, context }) => {
	await open(page, '/?backend=wasm&projector=d-abs');
	await expect(page).toHaveURL(/model=honeybee-mini/);
	await expect(page).toHaveURL(/projector=d-abs/);
	await page.getByRole('radio', { name: 'C-Abstractor' }).check({ force: true });
	await expect(page).toHaveURL(/projector=c-abs/);
	await page.getByRole('textbox', { name: 'Question' }).fill('What is it?');
	await expect(page).toHaveURL(/prompt=What\+is\+it/);

	const other = await context.newPage();
	await other.goto(page.url());
	await expect(other.getByRole('radio', { name: 'C-Abstractor' })).toBeChecked({ timeout: 120_000 });
	await expect(other.getByRole('textbox', { name: 'Question' })).toHaveValue('What is it?');
	await other.close();

	await page.goBack();
	await expect(page.getByRole('radio', { name: 'D-Abstractor' })).toBeChecked();
	await expect(page).toHaveURL(/projector=d-abs/);
});

test('a link holds the chosen token, the columns of a comparison and its question', async ({ page }) => {
	test.setTimeout(300_000);
	await open(page, '/locality?backend=wasm&projector=c-abs&tokens=9&directions=1&select=token.7');
	await expect(page.locator('#figure-token-map .readout, #figure-token-map text').first()).toBeAttached({
		timeout: 120_000
	});
	await expect(page.locator('#figure-token-map')).toContainText('Token 7');
	await expect(page).toHaveURL(/select=token\.7/);
	await page.keyboard.press('Escape');
	await expect(page).not.toHaveURL(/select=/);

	await open(
		page,
		'/compare?backend=wasm&columns=c-abs:9,resampler:9,d-abs&question=What+color+is+the+background%3F'
	);
	await expect(page.getByText('C: D-Abstractor, M = 36').first()).toBeAttached({ timeout: 120_000 });
	await expect(page.getByRole('textbox', { name: 'Question to all columns' })).toHaveValue(
		'What color is the background?'
	);
	await expect(page).toHaveURL(/columns=c-abs%3A9%2Cresampler%3A9%2Cd-abs/);
});

test('a link holds a transplant from another image, and a path drawn through a scene', async ({ page }) => {
	test.setTimeout(300_000);
	const question = encodeURIComponent('What color is the background?');
	const edits = 'delete.0-transplant.7.8*7.8*d-abs*36*scene.2';
	await open(page, `/answer?backend=wasm&image=scene.1&answered=${question}&edits=${edits}`);
	const surgery = page.getByRole('region', { name: 'What if the model saw other visual tokens?' });
	await expect(surgery.getByRole('listitem')).toHaveText(
		[/^Delete token 0/, /^Put 7, 8 of Scene 2 through the D-Abstractor, M = 36/],
		{ timeout: 120_000 }
	);
	await expect.poll(() => new URL(page.url()).searchParams.get('edits')).toBe(edits);

	await page.goto('/scenes?backend=wasm&path=drawn&drawn=20.20-48.48-80.30&questions=1');
	await expect(page.getByRole('radio', { name: 'Drawn' })).toBeChecked({ timeout: 120_000 });
	await expect(page.getByRole('button', { name: /^Run [1-9]\d* steps$/ })).toBeVisible();
	await expect.poll(() => new URL(page.url()).searchParams.get('drawn')).toBe('20.20-48.48-80.30');
	await expect.poll(() => new URL(page.url()).searchParams.get('questions')).toBe('1');
});

test('the first page as one file holds image, model and conversation', async ({ page, browser }) => {
	test.setTimeout(300_000);
	await open(page, '/?backend=wasm');
	const answer = await answerOf(await ask(page, 'What color is the background?'));
	const path = await saveAsOnePage(page, 'first.html');
	const saved = await openOffline(browser, path);
	await expect(saved.getByRole('heading', { level: 1 })).toHaveText(/^Scene \d+$/);
	await expect(saved.getByText('D-Abstractor', { exact: true })).toBeVisible();
	await expect(saved.getByRole('heading', { name: 'What color is the background?' })).toBeVisible();
	await expect(saved.getByText(answer, { exact: true })).toBeVisible();
	await expect(saved.getByRole('button')).toHaveCount(0);
	await expect(saved.getByRole('heading', { name: 'Two minutes to begin with' })).toHaveCount(0);
	const seen = () =>
		saved
			.locator('img')
			.evaluateAll((all) => all.every((image) => (image as HTMLImageElement).naturalWidth > 0));
	await expect.poll(seen, 'pictures are there').toBe(true);
	await saved.context().close();
});

test('the first page leads to two projectors side by side, and an answer is copied with its provenance', async ({
	page,
	context
}) => {
	test.setTimeout(300_000);
	await context.grantPermissions(['clipboard-read', 'clipboard-write']);
	await open(page, '/?backend=wasm');
	const exchange = await ask(page, 'What color is the background?');
	const answer = await answerOf(exchange);
	const copy = exchange.getByRole('button', { name: 'Copy with provenance' });
	// It is said for a moment only.
	await Promise.all([exchange.getByRole('button', { name: 'Copied' }).waitFor(), copy.click()]);
	const copied = await page.evaluate(() => navigator.clipboard.readText());
	expect(copied).toMatch(
		new RegExp(`^Q: What color is the background\\?\nA: ${answer}\n\\[honeybee-mini · `)
	);
	expect(copied).toContain('fp32 on WASM · greedy');

	await page.getByRole('link', { name: 'two projectors side by side' }).click();
	await expect(page.getByRole('heading', { level: 1, name: 'Side by side' })).toBeVisible();
	await expect(page.locator('#figure-compare-grids')).toContainText('B: Resampler, M = 36');
});

test('an image put in by hand is found again by its hash', async ({ page }) => {
	mkdirSync(folder, { recursive: true });
	const path = join(folder, 'own.png');
	sceneFile(path, 77);
	await open(page, '/?backend=wasm');
	await expect(page).toHaveURL(/image=scene/, { timeout: 120_000 });
	await drop(page, path);
	await expect(page).toHaveURL(/image=[0-9a-f]{16}/);
	const hash = new URL(page.url()).searchParams.get('image')!;
	const kept = () =>
		page.evaluate(async () => {
			const stores = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
			return (await Promise.all(stores.map((store) => store.keys()))).flat().map(({ url }) => url);
		});
	// A moment later, so that images that are only passed by are not kept.
	await expect.poll(kept).toContainEqual(expect.stringContaining(hash));
	await page.goto(page.url());
	await expect(page.getByRole('heading', { level: 1, name: 'own.png' })).toBeVisible({ timeout: 120_000 });
});

test('a page as one file: opens without a network, its figures live', async ({ page, browser }) => {
	test.setTimeout(300_000);
	await open(page, '/locality?backend=wasm&projector=c-abs&tokens=9&directions=1');
	await expect(page.locator('#figure-token-map svg')).toBeVisible({ timeout: 120_000 });
	await expect(page.locator('.stale')).toHaveCount(0);
	const path = await saveAsOnePage(page, 'locality.html');

	const saved = await openOffline(browser, path);
	await expect(saved.getByRole('heading', { level: 1, name: 'Locality' })).toBeVisible();
	const grid = saved.locator('#figure-locality-grid svg').first();
	await expect(grid).toBeVisible();
	await grid.click({ position: { x: 20, y: 20 } });
	await expect(saved.locator('#figure-locality-grid .readout')).toContainText('Token 0');
	// The other figures follow, the one that shows one token draws that one.
	await expect(saved.locator('#figure-token-patch-matrix .readout')).toContainText('Token 0');
	await expect(saved.locator('#figure-token-map')).toContainText('Token 0');
	await saved.keyboard.press('Escape');
	await expect(saved.locator('#figure-locality-grid .readout')).toHaveText('');
	const figure = saved.locator('#figure-locality-grid');
	await figure.getByRole('button', { name: 'Show as table' }).click();
	await expect(figure.locator('tbody tr').first()).toBeVisible();
	await saved.emulateMedia({ colorScheme: 'dark' });
	await expect(saved.locator('#figure-token-map svg').first()).toHaveAttribute('fill', '#e9e7e2');
	await saved.context().close();
});

test('a notebook as one file: its cells run again without model and network', async ({ page, browser }) => {
	test.setTimeout(400_000);
	await page.goto('/notebook?backend=wasm');
	const frame = page.frameLocator('iframe[title^="Notebook"]');
	await expect(frame.locator('.output svg').first()).toBeVisible({ timeout: 240_000 });
	await expect(page.getByRole('radio', { name: 'C-Abstractor' })).toBeAttached({ timeout: 120_000 });
	// Cells run anew when the model is there: what is saved is what is shown before and after it.
	let figures = 0;
	let path = '';
	await expect(async () => {
		await expect(page.locator('[data-state=idle]')).toHaveText(/^[1-9]\d* cells$/, { timeout: 240_000 });
		figures = await frame.locator('.output svg').count();
		expect(figures).toBeGreaterThan(0);
		path = await saveAsOnePage(page, 'notebook.html');
		expect(await frame.locator('.output svg').count()).toBe(figures);
	}).toPass({ timeout: 240_000 });

	const saved = await openOffline(browser, path);
	await expect(saved.locator('.output svg')).toHaveCount(figures, { timeout: 60_000 });
	await expect(saved.locator('.error')).toHaveCount(0);
	await expect(saved.getByRole('heading', { level: 1 }).first()).toBeVisible();
	await saved.context().close();
});

/** Text that ends scripts, comments and attributes, and begins scripts of its own. */
const hostile = `</script></style><script>window.broken=1</script><img src=x onerror="window.broken=1"><!-- ]]> "' \u2028\u2029 $& $' {{x}}`;

test('what is said on a saved page stays text', async ({ page, browser }) => {
	test.setTimeout(300_000);
	const parameters = new URLSearchParams({ backend: 'wasm', columns: 'c-abs:9,d-abs', question: hostile });
	await open(page, `/compare?${parameters}`);
	mkdirSync(folder, { recursive: true });
	const image = join(folder, 'hostile.png');
	sceneFile(image, 5);
	const base64 = readFileSync(image).toString('base64');
	await page.evaluate(
		([name, data]) => {
			const transfer = new DataTransfer();
			transfer.items.add(new File([Uint8Array.from(atob(data!), (letter) => letter.charCodeAt(0))], name!));
			window.dispatchEvent(
				new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true })
			);
		},
		[`${hostile}.png`, base64]
	);
	await expect(page.getByText('window.broken=1').first()).toBeAttached({ timeout: 60_000 });
	await expect(page.locator('figure[id^=figure-] svg').first()).toBeVisible({ timeout: 240_000 });
	const path = await saveAsOnePage(page, 'hostile.html');
	expect(readFileSync(path, 'utf8')).toContain('window.broken=1');
	expect(statSync(path).size).toBeLessThan(1_500_000);

	const saved = await openOffline(browser, path);
	await expect(saved.locator('figure[id^=figure-] svg').first()).toBeVisible();
	await expect(saved.getByText('window.broken=1').first()).toBeAttached();
	expect(await saved.evaluate(() => 'broken' in window)).toBe(false);
	expect(await saved.locator('script').count()).toBe(2);
	await saved.context().close();
});

test('what is said in a saved notebook stays text', async ({ page, browser }) => {
	test.setTimeout(300_000);
	const text = JSON.stringify(hostile).replaceAll('</script', '<\\/script');
	const notebook = `<!doctype html>\n<notebook theme="air">\n  <title>${hostile.replaceAll('<', '&lt;')}</title>\n  <script id="1" type="module">\n    const said = ${text}\n  </script>\n  <script id="2" type="module">\n    said.length\n  </script>\n  <script id="4" type="module">\n    const seed = view(Inputs.range([0, 9], {value: 3, step: 1, label: "Seed"}))\n  </script>\n  <script id="5" type="module">\n    const [scene] = await scenes(1, {from: seed}); display(scene.name)\n  </script>\n  <script id="6" type="module">\n    display(await FileAttachment("a.txt").text())\n  </script>\n  <script id="3" type="text/markdown">\n    # Head \`${hostile.replaceAll('</script', '<\\/script')}\`\n  </script>\n</notebook>\n`;
	await page.goto('/notebook?backend=wasm');
	await expect(page.locator('[data-state]')).toBeVisible();
	await page.getByLabel('Notebook file').setInputFiles([
		{ name: 'hostile.html', mimeType: 'text/html', buffer: Buffer.from(notebook) },
		{ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('beside') }
	]);
	await page.getByRole('button', { name: 'Trust and run' }).click();
	const frame = page.frameLocator('iframe[title^="Notebook"]');
	await expect(frame.locator('#cell-2 .output')).toHaveText(`${hostile.length}`, { timeout: 120_000 });
	await expect(frame.locator('#cell-5 .output')).toHaveText('"Scene 3"');
	await expect(frame.locator('#cell-6 .output')).toHaveText('"beside"');
	const path = await saveAsOnePage(page, 'hostile-notebook.html');
	expect(statSync(path).size).toBeLessThan(3_500_000);

	const saved = await openOffline(browser, path);
	await expect(saved.locator('#cell-2 .output')).toHaveText(`${hostile.length}`, { timeout: 60_000 });
	await expect(saved.getByRole('heading', { name: /^Head/ })).toBeVisible();
	await expect(saved.locator('#cell-6 .output')).toHaveText('"beside"');
	await expect(saved.getByRole('contentinfo')).toHaveText(
		/^Saved from the Honeybee workbench on \d{4}-\d\d-\d\d: model honeybee-mini, projector /
	);
	// What was never asked leaves what is there, and says so.
	await expect(saved.locator('#cell-5 .output')).toHaveText('"Scene 3"');
	await saved.getByRole('spinbutton', { name: 'Seed' }).fill('4');
	await expect(saved.locator('#cell-5 .state')).toHaveText(/stands as it was last/);
	await expect(saved.locator('#cell-5 .output')).toHaveText('"Scene 3"');
	await expect(saved.locator('.error')).toHaveCount(0);
	expect(await saved.evaluate(() => 'broken' in window || 'RTCPeerConnection' in window)).toBe(false);
	expect(await saved.title()).toContain('window.broken=1');
	await saved.context().close();
});

/**
 * The rules for what a page of one colour scheme may get wrong: all of them in light; in dark, where the same elements stand, those that ask for
 * colours. What passes is not listed, and frames, which are left out, need no page beside this one (`setLegacyMode`).
 */
function axe(page: Page, scheme: 'light' | 'dark'): AxeBuilder {
	const builder = new AxeBuilder({ page })
		.setLegacyMode()
		.options({ resultTypes: ['violations'] })
		.exclude('iframe');
	return scheme === 'light' ? builder : builder.withRules(['color-contrast', 'link-in-text-block']);
}

test('no serious barriers on any page, light and dark', async ({ page }) => {
	test.setTimeout(600_000);
	await open(page, '/?backend=wasm');
	await expect(page).toHaveURL(/model=honeybee-mini/, { timeout: 120_000 });
	const links = page.getByRole('navigation', { name: 'Pages' });
	for (const { title } of pages)
		await test.step(title, async () => {
			const link = links.getByRole('link', { name: title, exact: true });
			await link.click();
			await expect(link).toHaveAttribute('aria-current', 'page');
			await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
			for (const colorScheme of ['light', 'dark'] as const) {
				await page.emulateMedia({ colorScheme });
				// Colours that still change are not those of the page.
				await page.waitForFunction(() =>
					document.getAnimations().every(({ effect }) => effect?.getTiming().iterations === Infinity)
				);
				const { violations } = await axe(page, colorScheme).analyze();
				const serious = violations
					.filter(({ impact }) => impact === 'serious' || impact === 'critical')
					.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
				expect.soft(serious, `${title}, ${colorScheme}`).toEqual([]);
			}
		});
});
