import { pages } from '../../src/lib/workbench/frame/pages.ts';
import { answerOf, ask, expect, open, test } from './workbench.ts';

for (const colorScheme of ['light', 'dark'] as const) {
	test(`${colorScheme}: screenshots, wide and narrow`, async ({ page }, info) => {
		await page.emulateMedia({ colorScheme });
		await open(page, '/?backend=wasm');
		await answerOf(await ask(page, 'What color is the background?'));
		await page.screenshot({ path: `test-results/look/${colorScheme}-1440.png` });
		await page.setViewportSize({ width: 800, height: 900 });
		await page.screenshot({ path: `test-results/look/${colorScheme}-800.png`, fullPage: true });
		const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
		expect(content, 'no sideways scrolling').toBeLessThanOrEqual(window);
		info.annotations.push({ type: 'screenshots', description: 'test-results/look' });
	});
}

test('theme, pane sizes and the closed chat are remembered', async ({ page }) => {
	await open(page, '/?backend=wasm');
	await page.getByRole('radio', { name: 'Dark' }).check({ force: true });
	const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	const dark = await paper();
	const edge = page.getByRole('separator', { name: 'Width of the left pane' });
	await edge.focus();
	await page.keyboard.press('ArrowRight');
	const width = await edge.getAttribute('aria-valuenow');
	expect(Number(width)).toBeGreaterThan(272);
	await page.getByRole('button', { name: 'Hide' }).click();

	await page.reload();
	await expect(page.getByRole('button', { name: 'Conversation' })).toBeVisible();
	expect(await paper()).toBe(dark);
	await expect(edge).toHaveAttribute('aria-valuenow', width!);
});

test('nothing moves while the model loads; that it takes unusually long is said', async ({ page }) => {
	const release = Promise.withResolvers<void>();
	await page.route('**/honeybee.json', async (route) => {
		await release.promise;
		await route.continue();
	});
	await page.clock.install();
	await page.goto('/?backend=wasm');
	await expect(page.getByRole('list', { name: 'Suggested questions' })).toBeVisible();
	const places = () =>
		page.evaluate(() =>
			[...document.querySelectorAll('h1, h2, legend, label, textarea, .image')]
				.filter((element) => element.closest('fieldset ul') === null)
				.map((element) => `${element.tagName} ${Math.round(element.getBoundingClientRect().top)}`)
		);
	const before = await places();
	const late = page.getByRole('status').filter({ hasText: 'This takes unusually long' });
	await expect(late).toHaveCount(0);
	await page.clock.fastForward('01:00');
	await expect(late.first()).toBeVisible();
	release.resolve();
	await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
	await expect(late).toHaveCount(0);
	expect((await places()).slice(0, before.length)).toEqual(before);
});

test('the keyboard skips to the page and to the question', async ({ page }) => {
	await open(page, '/?backend=wasm');
	await page.keyboard.press('Tab');
	const skip = page.getByRole('button', { name: 'To the page' });
	await expect(skip).toBeFocused();
	await page.keyboard.press('Enter');
	await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
	await page.keyboard.press('Tab');
	await expect(page.getByRole('group', { name: /^Image with its grid/ })).toBeFocused();
	await page.getByRole('button', { name: 'Hide' }).click();
	await page.getByRole('button', { name: 'To the question' }).focus();
	await page.keyboard.press('Enter');
	await expect(page.getByRole('textbox', { name: 'Question' })).toBeFocused();
});

test('cells of the image are reached by keyboard', async ({ page }) => {
	await open(page, '/?backend=wasm');
	const image = page.getByRole('group', { name: /^Image with its grid/ });
	await page.getByRole('radio', { name: /^Patches/ }).check({ force: true });
	await image.focus();
	await page.keyboard.press('ArrowRight');
	await expect(page.getByText(/^Patch 0: row 0, column 0/)).toBeVisible();
	await page.keyboard.press('ArrowRight');
	await expect(page.getByText(/^Patch 1: row 0, column 1/)).toBeVisible();
	await page.keyboard.press('Escape');
	await expect(page.getByText(/^Patch 1/)).toHaveCount(0);
});

test('on a small screen the first screen is the page’s own, and the choices unfold', async ({ page }) => {
	await page.setViewportSize({ width: 390, height: 844 });
	await open(page, '/?backend=wasm');
	for (const { path, title } of pages) {
		await page.getByRole('navigation').getByRole('link', { name: title, exact: true }).click();
		await page.waitForURL((url) => url.pathname === `/${path}`);
		const heading = page.getByRole('heading', { level: 1 });
		await expect(heading).toBeVisible();
		const bottom = () => heading.evaluate((element) => element.getBoundingClientRect().bottom);
		await expect.poll(bottom, title).toBeLessThan(422);
		const beyond = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
		await expect.poll(beyond, `${title}: no sideways scrolling`).toBeLessThanOrEqual(0);
	}
	const model = page.getByRole('combobox', { name: 'Model' });
	await expect(model).toBeHidden();
	await page.getByRole('button', { name: /^Honeybee mini.*Change$/ }).click();
	await expect(model).toBeVisible();
	await page.getByRole('button', { name: /Fold$/ }).click();
	await expect(model).toBeHidden();
});

test('an address that leads nowhere lists the pages', async ({ page }) => {
	await page.goto('/no-such-page?backend=wasm');
	await expect(page.getByRole('heading', { level: 1 })).toHaveText('There is no such page');
	await page.getByRole('article').getByRole('link', { name: 'Locality' }).click();
	await expect(page.getByRole('heading', { level: 1 })).toHaveText('Locality');
});

test('a word of a figure says what it means', async ({ page }) => {
	await page.goto('/locality?backend=wasm');
	const word = page.locator('figure .defined', { hasText: 'home cell' }).first();
	await word.focus();
	await expect(page.locator('.definition')).toHaveText(/one cell of the √M × √M grid/);
	await page.keyboard.press('Escape');
	await expect(page.locator('.definition')).toHaveCount(0);
});
