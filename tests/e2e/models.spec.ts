import { answerOf, ask, expect, test } from './workbench.ts';

const checkpoint = 'tests/fixtures/golden/c-abs';

test('a checkpoint folder is converted in the page while it is used, reloaded from storage, verified and deleted', async ({
	page
}) => {
	test.setTimeout(600_000);
	await page.goto('/models?backend=wasm');
	await page.locator('input[type=file][webkitdirectory]').setInputFiles(checkpoint);
	await expect(page.getByText('C-Abstractor, M = 16')).toBeVisible();
	await page.getByRole('radio', { name: /^fp32, / }).check({ force: true });
	await page.getByLabel('Name').fill('golden');
	await page.getByRole('button', { name: 'Convert', exact: true }).click();
	// The work goes on while another page is looked at.
	await page
		.getByRole('navigation', { name: 'Pages' })
		.getByRole('link', { name: 'Model', exact: true })
		.click();
	await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Models' }).click();
	await expect(page.getByText(/^Converted: /)).toBeVisible({ timeout: 120_000 });
	const row = page.getByRole('row', { name: /golden/ });
	await expect(row).toContainText('fp32');

	await page.reload();
	await row.getByRole('button', { name: 'Use' }).click();
	await expect(row).toContainText('In use');
	await page
		.getByRole('navigation', { name: 'Pages' })
		.getByRole('link', { name: 'Model', exact: true })
		.click();
	await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
	expect(await answerOf(await ask(page, 'What is this?'))).not.toBe('');

	await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Models' }).click();
	await row.getByRole('button', { name: 'Verify' }).click();
	await expect(page.getByText('Every file is as its manifest says.')).toBeVisible();
	await row.getByRole('button', { name: 'Delete' }).click();
	await row.getByRole('button', { name: 'Really delete' }).click();
	await expect(page.getByRole('alert')).toContainText('in use');
	// Another tab, which has another model loaded, does not delete it either.
	const other = await page.context().newPage();
	await other.goto('/models?backend=wasm&model=honeybee-mini');
	const otherRow = other.getByRole('row', { name: /golden/ });
	await otherRow.getByRole('button', { name: 'Delete' }).click();
	await otherRow.getByRole('button', { name: 'Really delete' }).click();
	await expect(other.getByRole('alert')).toContainText('in use, here or in another tab');
	await other.close();

	await page.getByLabel('Model', { exact: true }).selectOption({ index: 0 });
	await row.getByRole('button', { name: 'Delete' }).click();
	await row.getByRole('button', { name: 'Really delete' }).click();
	await expect(row).toHaveCount(0);
});
