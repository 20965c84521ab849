import { families } from '../../src/lib/model/families/registry.ts';
import { pages } from '../../src/lib/workbench/frame/pages.ts';
import { answerOf, ask, expect, test } from './workbench.ts';

/** One published folder of each family, its tower's and tokenizer's folders beside it. */
const goldens = families.flatMap(({ title, goldens: [golden] }) =>
	golden === undefined ? [] : [{ title, golden }]
);

for (const { title, golden } of goldens)
	test(`${golden} is converted in the page, answers, and every page opens with it`, async ({ page }) => {
		test.setTimeout(600_000);
		await page.goto('/models?backend=wasm');
		await page
			.locator('input[type=file][webkitdirectory]')
			.first()
			.setInputFiles(`tests/fixtures/families/${golden}`);
		await expect(page.getByText(new RegExp(`: ${title.replace(/[()]/g, '\\$&')}`))).toBeVisible();
		await page.getByRole('radio', { name: /^fp32, / }).check({ force: true });
		await page.getByLabel('Name', { exact: true }).fill('published');
		await page.getByRole('button', { name: 'Convert', exact: true }).click();
		await expect(page.getByText(/^Converted: /)).toBeVisible({ timeout: 120_000 });
		await page
			.getByRole('row', { name: /published/ })
			.getByRole('button', { name: 'Use' })
			.click();

		const links = page.getByRole('navigation', { name: 'Pages' });
		await links.getByRole('link', { name: 'Start', exact: true }).click();
		await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
		await expect(page.getByText(title).filter({ visible: true }).first()).toBeVisible();
		await answerOf(await ask(page, 'What is this?'));
		for (const { title: name } of pages)
			await test.step(name, async () => {
				const link = links.getByRole('link', { name, exact: true });
				await link.click();
				await expect(link).toHaveAttribute('aria-current', 'page');
				await expect(page.getByRole('main')).not.toContainText('undefined');
				// What a page measures by itself is done, or says why not.
				await expect(page.getByRole('main').getByRole('progressbar')).toHaveCount(0, { timeout: 120_000 });
			});
	});
