import type { Page } from 'playwright/test';
import { pages } from '../../src/lib/workbench/frame/pages.ts';
import { expect, open, test } from './workbench.ts';

/** Something that is changed on a page, and what comes of it; by the page's title. */
const changes: Readonly<Record<string, (page: Page) => Promise<void>>> = {
	Locality: async (page) => {
		const resampler = page.getByRole('radio', { name: /^Resampler/ });
		const other = (await resampler.isChecked()) ? 'C-Abstractor' : 'Resampler';
		await page.getByRole('radio', { name: new RegExp(`^${other}`) }).check({ force: true });
		await expect(page.locator('#figure-locality-grid')).toContainText(`${other}, M = `, { timeout: 180_000 });
	},
	Scenes: async (page) => {
		await page.getByRole('button', { name: 'Duplicate' }).click();
		await expect(page.getByRole('button', { name: 'Undo' })).toBeEnabled();
		await page.getByRole('button', { name: 'Undo' }).click();
	},
	'Side by side': async (page) => {
		const columns = page.getByRole('region', { name: /^Column [A-D]: / });
		await expect(columns.nth(1)).toBeVisible();
		const before = await columns.count();
		await page.getByRole('button', { name: 'Add a column' }).click();
		await expect(columns).toHaveCount(before + 1);
		const projector = page.getByLabel('Projector of column A');
		const names = await projector
			.locator('option')
			.evaluateAll((options) =>
				options.map((option) => [(option as HTMLOptionElement).value, option.textContent.trim()] as const)
			);
		const now = await projector.inputValue();
		const [value, title] = names.find(([name]) => name !== now)!;
		await projector.selectOption(value);
		await expect(columns.first()).toHaveAttribute('aria-label', new RegExp(`^Column A: ${title}`));
	}
};

test('every page works when it is visited again as it does at first', async ({ page }) => {
	test.setTimeout(900_000);
	await open(page, '/?backend=wasm');
	const links = page.getByRole('navigation', { name: 'Pages' });
	for (let visit = 1; visit <= 2; visit++)
		for (const { title } of pages) {
			const link = links.getByRole('link', { name: title, exact: true });
			await link.click();
			await expect(link).toHaveAttribute('aria-current', 'page');
			await test.step(`${title}, visit ${visit}`, async () => changes[title]?.(page));
		}
});
