import type { Page } from 'playwright/test';
import { pages } from '../../src/lib/workbench/frame/pages.ts';
import { answerOf, ask, expect, test } from './workbench.ts';

const pictures = 'tests/fixtures/golden/images';

/** Converts a folder of a family in the page, and loads the model. */
async function convertAndUse(page: Page, folder: string, name: string): Promise<void> {
	await page.goto('/models?backend=wasm');
	await page.locator('input[type=file][webkitdirectory]').first().setInputFiles(folder);
	await page.getByRole('radio', { name: /^fp32, / }).check({ force: true });
	await page.getByLabel('Name', { exact: true }).fill(name);
	await page.getByRole('button', { name: 'Convert', exact: true }).click();
	await expect(page.getByText(/^Converted: /)).toBeVisible({ timeout: 120_000 });
	await page.getByLabel('Model', { exact: true }).selectOption({ label: `${name} (in this browser)` });
	await openPage(page, 'Start');
	await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
}

async function openPage(page: Page, title: string): Promise<void> {
	const link = page
		.getByRole('navigation', { name: 'Pages' })
		.getByRole('link', { name: title, exact: true });
	await link.click();
	await expect(link).toHaveAttribute('aria-current', 'page');
}

/** A picture that each of them cuts into 2 × 2 tiles. */
for (const { set, question, answer } of [
	{ set: 'smolvlm-256m', question: 'What is next to the car?', answer: /^\s*and/ },
	{ set: 'nanovlm', question: 'Is there a red square?', answer: /^\s*Z/ }
])
	test(`a picture in tiles is asked about, and every page is about one of its views: ${set}`, async ({
		page
	}) => {
		test.setTimeout(900_000);
		await convertAndUse(page, `tests/fixtures/families/${set}`, set);
		await page.getByLabel('Image file').setInputFiles(`${pictures}/scene_200x150.png`);
		await expect(page.getByRole('heading', { name: 'scene_200x150.png' })).toBeVisible();
		expect(await answerOf(await ask(page, question))).toMatch(answer);
		const view = page.getByLabel('Figures show the');
		await expect(view.locator('option')).toHaveCount(5);
		await expect(page.getByText('pixels; the model sees')).toContainText('5 times: 4 tiles and the whole');

		await openPage(page, 'Locality');
		const grid = page.locator('#figure-locality-grid');
		await expect(grid).toContainText('scene_200x150.png, whole picture', { timeout: 180_000 });
		await view.selectOption({ label: 'tile in row 1, column 2' });
		await expect(grid).toContainText('scene_200x150.png, tile in row 1, column 2', { timeout: 180_000 });
		await expect(page).toHaveURL(/[?&]view=\d/);

		for (const { title } of pages) {
			await openPage(page, title);
			await expect(page.getByText(/could not be drawn/)).toHaveCount(0);
		}
	});
