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

test('nothing moves while the model loads', async ({ page }) => {
	const release = Promise.withResolvers<void>();
	await page.route('**/honeybee.json', async (route) => {
		await release.promise;
		await route.continue();
	});
	await page.goto('/?backend=wasm');
	await expect(page.getByRole('button', { name: 'What ', exact: false }).first()).toBeVisible();
	const places = () =>
		page.evaluate(() =>
			[...document.querySelectorAll('h1, h2, legend, label, textarea, .image')]
				.filter((element) => element.closest('fieldset ul') === null)
				.map((element) => `${element.tagName} ${Math.round(element.getBoundingClientRect().top)}`)
		);
	const before = await places();
	release.resolve();
	await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
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
