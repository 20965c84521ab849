import type { Locator, Page } from 'playwright/test';
import { answerOf, ask, expect, test } from './workbench.ts';

/** Opens a page of the workbench and waits for its first computation. @param settings of the address, where it would take long without */
async function openPage(page: Page, path: string, settings = ''): Promise<void> {
	await page.goto(`/${path}?backend=wasm&${settings}`);
	await measured(page);
}

async function measured(page: Page): Promise<void> {
	// Other lines of the page tell of other things.
	const took = page.getByRole('status').filter({ hasText: / took [\d.]+ s\./ });
	await expect(took.first()).toBeVisible({ timeout: 240_000 });
}

async function chooseProjector(page: Page, title: string): Promise<void> {
	await page
		.getByRole('group', { name: 'Projector' })
		.getByRole('radio', { name: title })
		.check({ force: true });
}

/** Points into a figure at fractions of its drawing; what its line of numbers then says. */
async function pointAt(figure: Locator, x: number, y: number): Promise<string> {
	const svg = figure.locator('svg').first();
	const box = (await svg.boundingBox())!;
	await svg.hover({ position: { x: box.width * x, y: box.width * y }, force: true });
	const readout = figure.locator('.readout');
	await expect(readout).not.toBeEmpty();
	return readout.innerHTML();
}

test('locality: maps follow method, projector and M; figures point at the same token', async ({ page }) => {
	test.setTimeout(480_000);
	await openPage(page, 'locality', 'directions=1');
	const grid = page.locator('#figure-locality-grid');
	const one = page.locator('#figure-token-map');

	// One pointing shows in all figures.
	const said = await pointAt(grid, 0.09, 0.09);
	expect(said).toMatch(/^Token 0, patch \d+: [\d.]+/);
	await expect(page.locator('#figure-token-patch-matrix .readout')).toHaveText(
		said.replace('&nbsp;', '\u00a0')
	);
	await expect(one.getByText(/^Token 0: spread/)).toBeVisible();
	await expect(page.locator('tr.now td').first()).toHaveText('0');

	// Keys go from token to token, Escape clears.
	await grid.locator('svg').first().focus();
	await page.mouse.move(2, 2);
	await page.keyboard.press('ArrowRight');
	const before = await one.getByText(/^Token \d+: spread/).textContent();
	await page.keyboard.press('ArrowRight');
	await expect(one.getByText(/^Token \d+: spread/)).not.toHaveText(before!);
	await page.keyboard.press('Escape');
	await expect(grid.locator('.readout')).toHaveText('');

	// The method changes the numbers, and only methods that the projector has can be chosen.
	const numbers = page.getByRole('region', { name: 'The numbers of every token' }).getByRole('row').nth(2);
	const perturbed = await numbers.innerText();
	await page.getByRole('radio', { name: 'Occlusion' }).check({ force: true });
	await expect(grid).toContainText('Method: occlusion');
	await measured(page);
	await expect.poll(() => numbers.innerText()).not.toBe(perturbed);
	await expect(page.getByRole('radio', { name: 'Attention' })).toBeDisabled();
	await page.getByRole('radio', { name: 'Structure' }).check({ force: true });
	// Pooling bins of 4 patches each, all inside the home cell.
	await expect(numbers).toContainText('100');

	// M changes the maps; untrained ones say so.
	await page.getByRole('spinbutton', { name: 'Number of visual tokens' }).fill('10');
	await page.keyboard.press('Enter');
	await expect(page.getByText(/The map of 9\svisual tokens took/)).toBeVisible();
	await expect(grid).toContainText('M = 9');

	// Attention by layer and head, where there is one.
	await chooseProjector(page, 'Resampler');
	await page.getByRole('radio', { name: 'Attention' }).check({ force: true });
	await expect(grid).toContainText('all layers rolled out');
	await measured(page);
	const rolled = await numbers.innerText();
	await page.getByLabel('Layer', { exact: true }).selectOption('0');
	await page.getByLabel('Head').selectOption('1');
	await expect(grid).toContainText('layer 0, head 1');
	await expect.poll(() => numbers.innerText()).not.toBe(rolled);
});

test('locality: a first look is there before the map, and is not exported', async ({ page }) => {
	await page.goto('/locality?backend=wasm&directions=32');
	const grid = page.locator('#figure-locality-grid');
	await expect(grid).toContainText('K = 1 ');
	await expect(grid.locator('svg').first()).toBeVisible();
	await expect(grid.getByRole('button', { name: 'Export' })).toBeDisabled();
	await page.getByRole('button', { name: 'Stop' }).click();
	await expect(page.getByText('was stopped after a first look.')).toBeVisible();
	await expect(grid.getByRole('button', { name: 'Export' })).toBeDisabled();
	// Few directions are measured at once.
	await page.getByRole('combobox', { name: /^Directions/ }).selectOption('1');
	await expect(page.getByText(/The map of 36\svisual tokens took/)).toBeVisible();
	await expect(grid.getByRole('button', { name: 'Export' })).toBeEnabled();
});

test('locality of every projector over the sample scenes', async ({ page }) => {
	test.setTimeout(480_000);
	await openPage(page, 'locality', 'method=structural');
	await expect(page.getByRole('radio', { name: 'Structure' })).toBeChecked();
	await page.getByRole('button', { name: /every projector on/ }).click();
	const figure = page.locator('#figure-locality-distribution');
	await expect(figure).toContainText('Drift from home', { timeout: 120_000 });
	await figure.getByRole('button', { name: 'Show as table' }).click();
	await expect(figure.getByRole('row').filter({ hasText: 'c-abs' }).first()).toContainText('8');
	// A resampler has no structure of its own.
	await expect(figure.getByRole('row').filter({ hasText: 'resampler' })).toHaveCount(0);
});

test('offsets: layers, heads, habit and content; projectors without offsets offer the one that has them', async ({
	page
}) => {
	test.setTimeout(480_000);
	await page.goto('/offsets?backend=wasm');
	await page.getByRole('button', { name: 'Look at the D-Abstractor' }).click({ timeout: 120_000 });
	await measured(page);
	const figure = page.locator('#figure-sampling-offsets');
	const samples = figure.locator('.sample');
	await expect.poll(() => samples.count()).toBeGreaterThan(1);
	const perToken = await samples.count();
	await page.getByLabel('Head').selectOption('0');
	await expect.poll(() => samples.count()).toBeLessThan(perToken);
	const before = await samples.first().innerHTML();
	await page.getByRole('group', { name: 'Layer' }).getByRole('radio', { name: '1' }).check({ force: true });
	await expect(figure).toContainText('Method: layer 1, head 0');
	await expect.poll(() => samples.first().innerHTML()).not.toBe(before);
	await page.getByRole('radio', { name: 'All tokens' }).check({ force: true });
	await expect.poll(() => samples.count()).toBeGreaterThan(perToken);

	await page.getByRole('button', { name: 'Play the layers' }).click();
	await expect(figure).toContainText('Method: layer 2', { timeout: 60_000 });
	await page.getByRole('button', { name: 'Pause' }).click();

	await page.getByRole('button', { name: /^Sample \d+/ }).click();
	await expect(page.getByText(/^Driven by content: [\d.]+/)).toBeVisible({ timeout: 120_000 });
	const rows = page.getByRole('row').filter({ hasText: '%' });
	await expect(rows.first()).not.toContainText('–');
});

test('anatomy: stages of a C-Abstractor and its gates; stages of another projector', async ({ page }) => {
	test.setTimeout(480_000);
	await openPage(page, 'anatomy');
	const stages = page.locator('#figure-stage-responses');
	await expect(stages.getByText('pooling', { exact: true })).toBeVisible();
	await expect(page.locator('#figure-channel-gates .bars')).toHaveCount(4);
	const before = await stages.locator('svg').first().getAttribute('aria-label');
	await pointAt(page.locator('#figure-locality-grid'), 0.09, 0.09);
	await expect(stages.locator('svg').first()).not.toHaveAttribute('aria-label', before!);
	await chooseProjector(page, 'Resampler');
	await expect(stages.getByText('layer 0', { exact: true })).toBeVisible({ timeout: 120_000 });
	await expect(page.locator('#figure-channel-gates')).toHaveCount(0);
});

test('the last question is asked again when M changes, and its times stand at the slider', async ({
	page
}) => {
	test.setTimeout(480_000);
	await page.goto('/?backend=wasm');
	await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
	const exchange = await ask(page, 'What color is the background?');
	await answerOf(exchange);
	await expect(exchange).toContainText('M = 36');
	await page.getByRole('checkbox', { name: /^Ask again when/ }).check();
	const slider = page.getByRole('slider', { name: 'Visual tokens' });
	await slider.focus();
	await page.keyboard.press('ArrowLeft');
	await expect(page.getByText(/^Extrapolation: trained at M = /)).toBeVisible();
	await expect(exchange).toContainText('M = 25', { timeout: 120_000 });
	await answerOf(exchange);
	await page.getByText('Time of the last answers', { exact: true }).click();
	await expect(page.getByRole('img', { name: /M = 25: vision cached/ })).toBeVisible();
	await expect(page.getByRole('img', { name: /M = 36: vision/ })).toBeVisible();
});
