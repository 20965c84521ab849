import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright/test';
import { expect, model, test } from './workbench.ts';

/** Opens the page with only the C-Abstractor at its own M chosen. */
async function openBench(page: Page, limit: string): Promise<void> {
	await page.goto('/benchmarks?backend=wasm');
	await expect(page.getByRole('button', { name: 'Run', exact: true })).toBeEnabled({ timeout: 180_000 });
	const choice = page.getByRole('group', { name: 'Projectors at M visual tokens' });
	for (const box of await choice.getByRole('checkbox', { name: /^(?!C-Abstractor)/ }).all())
		if (await box.isChecked()) await box.uncheck({ force: true });
	await page.getByRole('combobox', { name: 'Examples' }).selectOption(limit);
}

const answered = async (page: Page) =>
	Number(/([\d\u202f]+) of/.exec((await page.getByText(/ of 50\sanswers/).textContent()) ?? '')?.[1]);

test('a few scenes: stop, reload, go on, the same answers as on the command line, the examples behind a row', async ({
	page
}, info) => {
	test.setTimeout(600_000);
	await openBench(page, '50');
	await page.getByRole('button', { name: 'Run', exact: true }).click();
	await expect(page.getByText(/^Running/)).toBeVisible();
	await expect(page.getByText(/per second/)).toBeVisible({ timeout: 120_000 });
	await page.getByRole('button', { name: 'Stop the run' }).click();
	await expect(page.getByText(/^Stopped; everything answered is kept\./)).toBeVisible();
	const before = await answered(page);
	expect(before).toBeGreaterThan(0);
	expect(before).toBeLessThan(50);

	await openBench(page, '50');
	await expect(page.getByRole('checkbox', { name: /honeybee-mini, c-abs, M = / })).toBeVisible();
	await page.getByRole('button', { name: 'Run', exact: true }).click();
	await expect(page.getByText(/^Done\. 50 of 50/)).toBeVisible({ timeout: 300_000 });

	// What the page keeps is what the command line writes.
	const kept = await page.evaluate(async () => {
		const find = async (folder: FileSystemDirectoryHandle): Promise<File | undefined> => {
			for await (const handle of folder.values()) {
				if (handle.kind === 'directory') {
					const found = await find(handle as FileSystemDirectoryHandle);
					if (found) return found;
				} else if (handle.name === 'results.jsonl') return (handle as FileSystemFileHandle).getFile();
			}
			return undefined;
		};
		return (await find(await navigator.storage.getDirectory()))?.text();
	});
	const read = (text: string) =>
		text
			.trimEnd()
			.split('\n')
			.map((line) => JSON.parse(line) as { id: number; pred: string })
			.map(({ id, pred }) => ({ id, pred }));
	const mine = read(kept!);
	expect(mine.map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, id) => id));
	const out = info.outputPath('runs');
	execFileSync(
		process.execPath,
		[
			'bin/honeybee.js',
			'eval',
			'--model',
			model,
			'--benchmark',
			'scenes',
			'--projector',
			'c-abs',
			'--limit',
			'50',
			'--out',
			out
		],
		{ stdio: ['ignore', 'ignore', 'inherit'] }
	);
	const folder = execFileSync('find', [out, '-name', 'results.jsonl'], { encoding: 'utf8' }).trim();
	expect(mine).toEqual(read(readFileSync(folder, 'utf8')));

	// The row of a figure leads to its examples, an example to the chat.
	const figure = page.locator('#figure-score-breakdown svg');
	await figure.focus();
	await page.keyboard.press('ArrowDown');
	const examples = page.getByRole('region', { name: 'Examples behind the row' });
	await examples.getByRole('radio', { name: 'All' }).check({ force: true });
	await expect(examples.getByRole('heading')).not.toContainText('All categories');
	await expect(examples.getByRole('img').first()).toBeVisible();
	await examples.getByRole('button', { name: 'Open in the chat' }).first().click();
	await expect(page.getByRole('textbox', { name: 'Question' })).not.toHaveValue('');
	await page.getByRole('radio', { name: 'Published (Figure 1)' }).check({ force: true });
	await expect(page.locator('#figure-accuracy-latency')).toContainText('Honeybee 13B');
});

test('a file that cannot be used is refused in a sentence', async ({ page }) => {
	await page.goto('/benchmarks?backend=wasm');
	await page.getByRole('combobox', { name: 'Benchmark' }).selectOption('pope');
	await page.getByLabel('Choose files').setInputFiles({
		...{ name: 'coco_pope_random.json', mimeType: 'application/json' },
		buffer: Buffer.from('{"question_id": 1, "image": "a.jpg"')
	});
	await expect(page.getByRole('alert').filter({ hasText: 'coco_pope_random.json' })).toBeVisible();
	await page.getByLabel('Put in results of other tools').setInputFiles({
		...{ name: 'samples_pope.jsonl', mimeType: 'application/json' },
		buffer: Buffer.from('{"doc_id": 0}\n')
	});
	await expect(page.getByRole('alert').filter({ hasText: 'samples_pope.jsonl, line 1' })).toBeVisible();
});

test('the recipe shows a set as the model sees it', async ({ page }) => {
	await page.goto('/recipe?backend=wasm');
	await page.getByRole('button', { name: 'RefCOCOg' }).click();
	await expect(page.getByRole('heading', { name: 'RefCOCOg as the model sees it' })).toBeVisible();
	await expect(page.getByText(/positions,[\s\S]*trained on/)).toBeVisible({ timeout: 180_000 });
	await page.getByRole('spinbutton', { name: 'Weight of GQA' }).fill('0');
	await expect(page.getByRole('row', { name: /^GQA/ })).toContainText('0.0 %');
});
