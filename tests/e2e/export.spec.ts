import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { unzipSync } from 'fflate';
import type { Locator, Page } from 'playwright/test';
import sharp from 'sharp';
import { readCapsule } from '../../src/lib/viz/export/embed.ts';
import { pages } from '../../src/lib/workbench/pages.ts';
import { expect, test } from './workbench.ts';

const folder = 'test-results/export-files';
const has = (program: string) => spawnSync(program, ['--version']).error === undefined;

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

/** Mean difference of two pictures, 0..1, at the size of the first. */
async function difference(a: string, b: string): Promise<number> {
	const { width, height } = await sharp(a).metadata();
	const [one, two] = await Promise.all(
		[a, b].map((path) =>
			sharp(path)
				.flatten({ background: '#ffffff' })
				.resize(width, height, { fit: 'fill' })
				.blur(1)
				.greyscale()
				.raw()
				.toBuffer()
		)
	);
	let sum = 0;
	for (let i = 0; i < one!.length; i++) sum += Math.abs(one![i]! - two![i]!);
	return sum / one!.length / 255;
}

test('a figure leaves in every form, looks the same elsewhere, and opens again', async ({ page }) => {
	test.setTimeout(480_000);
	await open(page, '/locality?backend=wasm&projector=c-abs&tokens=9');
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

	if (has('rsvg-convert')) {
		const out = join(folder, 'rsvg.png');
		spawnSync('rsvg-convert', ['-d', '300', '-p', '300', '-b', 'white', files['SVG']!, '-o', out]);
		expect(await difference(files['PNG']!, out), 'SVG in librsvg').toBeLessThan(0.03);
	}
	if (spawnSync('pdftoppm', ['-v']).error === undefined) {
		const out = join(folder, 'poppler');
		spawnSync('pdftoppm', ['-r', '300', '-png', '-singlefile', files['PDF']!, out]);
		expect(await difference(files['PNG']!, `${out}.png`), 'PDF in poppler').toBeLessThan(0.03);
		const fonts = spawnSync('pdffonts', [files['PDF']!], { encoding: 'utf8' }).stdout;
		expect(
			fonts
				.split('\n')
				.slice(2)
				.filter(Boolean)
				.every((line) => / yes /.test(line))
		).toBe(true);
		expect(spawnSync('pdfdetach', ['-list', files['PDF']!], { encoding: 'utf8' }).stdout).toContain(
			'honeybee-figure.json'
		);
		const words = spawnSync('pdftotext', [files['PDF']!, '-'], { encoding: 'utf8' }).stdout;
		expect(words.trim().length).toBeGreaterThan(3);
	}

	// Elsewhere, with another M and projector: the file brings its own.
	await page.goto('/?backend=wasm&projector=resampler');
	await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
	await drop(page, files['PNG']!);
	await expect(page).toHaveURL(/locality\?.*projector=c-abs.*tokens=9|locality\?.*tokens=9.*projector=c-abs/);
	await expect(page.getByText(/^Identical to the file: all \d+ rows × \d+ columns\.$/)).toBeVisible({
		timeout: 180_000
	});

	// A changed number is found where it is.
	const json = JSON.parse(readFileSync(files['JSON']!, 'utf8')) as {
		capsule: { figure: object; origin: { tokens: number } };
	};
	expect(json.capsule.origin.tokens).toBe(9);
});

test('all figures of a page in one zip file', async ({ page }) => {
	await open(page, '/locality?backend=wasm&projector=c-abs&tokens=9');
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

for (const { path, title } of pages)
	test(`no serious barriers on the page ${title}`, async ({ page }) => {
		await open(page, `/${path}?backend=wasm`);
		await page.waitForTimeout(1000);
		const { violations } = await new AxeBuilder({ page }).exclude('iframe').analyze();
		const serious = violations
			.filter(({ impact }) => impact === 'serious' || impact === 'critical')
			.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
		expect(serious).toEqual([]);
	});
