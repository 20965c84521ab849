import type { Page } from 'playwright/test';
import { answerOf, ask, expect, test } from './workbench.ts';

const checkpoint = 'tests/fixtures/golden/c-abs';
const stored = (page: Page) => page.getByRole('region', { name: 'Models in this browser' });

test('a checkpoint folder is converted in the page while it is used, reloaded from storage, verified and deleted', async ({
	page
}) => {
	test.setTimeout(600_000);
	await page.goto('/models?backend=wasm');
	await page.locator('input[type=file][webkitdirectory]').setInputFiles(checkpoint);
	await expect(page.getByText('C-Abstractor, M = 16')).toBeVisible();
	await page.getByRole('radio', { name: /^fp32, / }).check({ force: true });
	await page.getByLabel('Name', { exact: true }).fill('golden');
	await page.getByRole('button', { name: 'Convert', exact: true }).click();
	// The work goes on while another page is looked at.
	await page
		.getByRole('navigation', { name: 'Pages' })
		.getByRole('link', { name: 'Start', exact: true })
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
		.getByRole('link', { name: 'Start', exact: true })
		.click();
	await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
	expect(await answerOf(await ask(page, 'What is this?'))).not.toBe('');

	await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Models' }).click();
	await row.getByRole('button', { name: 'Verify' }).click();
	await expect(page.getByText('Every file is as its manifest says.')).toBeVisible();
	await row.getByRole('button', { name: 'Delete' }).click();
	await row.getByRole('button', { name: 'Really delete' }).click();
	await expect(stored(page).getByRole('alert')).toContainText('in use');
	// Another tab, which has another model loaded, does not delete it either.
	const other = await page.context().newPage();
	await other.goto('/models?backend=wasm&model=honeybee-mini');
	const otherRow = other.getByRole('row', { name: /golden/ });
	await otherRow.getByRole('button', { name: 'Delete' }).click();
	await otherRow.getByRole('button', { name: 'Really delete' }).click();
	await expect(stored(other).getByRole('alert')).toContainText('in use, here or in another tab');
	await other.close();

	await page.getByLabel('Model', { exact: true }).selectOption({ index: 0 });
	await row.getByRole('button', { name: 'Delete' }).click();
	await row.getByRole('button', { name: 'Really delete' }).click();
	await expect(row).toHaveCount(0);
});

test('a damaged file is named and made again from the checkpoint; a model is downloaded from a static host', async ({
	page
}) => {
	await page.goto('/models?backend=wasm');
	await page.locator('input[type=file][webkitdirectory]').first().setInputFiles(checkpoint);
	await page.getByLabel('Name', { exact: true }).fill('golden');
	await page.getByRole('button', { name: 'Convert', exact: true }).click();
	await expect(page.getByText(/^Converted: /)).toBeVisible();
	await expect(page.getByText(/could not be drawn/)).toHaveCount(0);
	await page.evaluate(async () => {
		const root = await navigator.storage.getDirectory();
		const folder = await (await root.getDirectoryHandle('models')).getDirectoryHandle('golden');
		const handle = await folder.getFileHandle('language.safetensors');
		const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
		bytes[bytes.length >> 1]! ^= 1;
		const writable = await handle.createWritable();
		await writable.write(bytes);
		await writable.close();
	});
	// After a reload the page does not have the checkpoint any more.
	await page.reload();
	const row = page.getByRole('row', { name: /golden/ });
	await row.getByRole('button', { name: 'Verify' }).click();
	await expect(page.getByText(/1.file damaged: language\.safetensors/)).toBeVisible();
	await row.locator('input[type=file]').setInputFiles(checkpoint);
	await expect(page.getByText('Made again: language.safetensors.')).toBeVisible();
	await row.getByRole('button', { name: 'Verify' }).click();
	await expect(page.getByText('Every file is as its manifest says.')).toBeVisible();

	await page.getByLabel('Address of a model folder on a static host').fill('/models/honeybee-mini/');
	await page.getByRole('button', { name: 'Download', exact: true }).click();
	await expect(page.getByText(/^Downloaded and checked: /)).toBeVisible({ timeout: 120_000 });
	await expect(page.getByRole('row', { name: /honeybee-mini/ })).toContainText(
		'D-Abstractor, M = 16, 36, 64, 144'
	);
});

test('where the browser gives the page no storage, a model is kept in memory and answers', async ({
	page
}) => {
	await page.addInitScript(() => {
		StorageManager.prototype.getDirectory = () =>
			Promise.reject(new DOMException('no storage', 'SecurityError'));
	});
	await page.goto('/models?backend=wasm');
	await page.locator('input[type=file][webkitdirectory]').first().setInputFiles(checkpoint);
	await expect(page.getByText(/is kept in memory/)).toBeVisible();
	await page.getByLabel('Name', { exact: true }).fill('fleeting');
	await page.getByRole('button', { name: 'Convert', exact: true }).click();
	await expect(page.getByText(/^Converted: /)).toBeVisible({ timeout: 120_000 });
	await page.getByLabel('Model', { exact: true }).selectOption({ label: 'fleeting (in memory)' });
	await page
		.getByRole('navigation', { name: 'Pages' })
		.getByRole('link', { name: 'Start', exact: true })
		.click();
	await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
	expect(await answerOf(await ask(page, 'What is this?'))).not.toBe('');
});

test('the self-test shows in the page that an adapter computes something else', async ({ page }) => {
	test.setTimeout(600_000);
	// In every worker (the model's runs on WASM): each reciprocal square root of a normalisation is wrong, and no error tells.
	await page.route(/entry\.worker/, async (route) => {
		const response = await route.fetch();
		const fault = `const make = GPUDevice.prototype.createShaderModule;
GPUDevice.prototype.createShaderModule = function (d) {
	return make.call(this, { ...d, code: d.code.replace(/\\binverseSqrt\\(/g, 'sqrt(') });
};`;
		await route.fulfill({ response, body: `${fault}\n${await response.text()}` });
	});
	await page.goto('/models?backend=wasm');
	await page.locator('input[type=file][webkitdirectory]').first().setInputFiles(checkpoint);
	await page.getByLabel('Name', { exact: true }).fill('golden');
	await page.getByRole('radio', { name: /^fp32, / }).check({ force: true });
	await page.getByRole('button', { name: 'Convert', exact: true }).click();
	await expect(page.getByText(/^Converted: /)).toBeVisible({ timeout: 120_000 });
	await page
		.getByRole('row', { name: /golden/ })
		.getByRole('button', { name: 'Use' })
		.click();
	await page.getByRole('button', { name: 'Run the self-test' }).click();
	const vision = page.getByRole('row', { name: /Vision tower/ });
	await expect(vision).toContainText('✗ different', { timeout: 400_000 });
	await expect(page.getByRole('row', { name: /Language model/ })).toContainText('✗ different');
});
