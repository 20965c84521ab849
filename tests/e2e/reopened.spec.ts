import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright/test';
import { studyOf } from '../../src/lib/study/registry.ts';
import { makeCapsule } from '../../src/lib/viz/export/capsule.ts';
import { packDrawing } from '../../src/lib/viz/export/drawing.ts';
import type { Figure } from '../../src/lib/viz/figure.ts';
import { figures } from '../../src/lib/viz/registry.ts';
import { examples } from '../figures/examples.ts';
import { expect, model, open, sceneFile, test } from './workbench.ts';

async function drop(page: Page, name: string, text: string): Promise<void> {
	await page.evaluate(
		([name, text]) => {
			const transfer = new DataTransfer();
			transfer.items.add(new File([text!], name!));
			window.dispatchEvent(
				new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true })
			);
		},
		[name, text]
	);
}

test('every exported figure is drawn from its file at once, on its page, computed here or not', async ({
	page
}) => {
	test.setTimeout(600_000);
	await open(page, '/?backend=wasm');
	for (const one of figures)
		await test.step(one.title, async () => {
			const figure = one as unknown as Figure<unknown>;
			const rows = (examples as Record<string, unknown>)[one.id];
			const { page: path } = studyOf(one.id)!;
			const capsule = makeCapsule({
				application: 'test',
				figure: { id: one.id, title: one.title, ordinal: 0 },
				provenance: `Provenance of ${one.id}`,
				method: 'Method of then.',
				origin: { address: path, model: { name: 'honeybee-mini', dtype: 'fp32', files: {} } },
				table: figure.table(rows),
				drawing: packDrawing({ rows, options: {} })!
			});
			await drop(page, `${one.id}.json`, JSON.stringify({ capsule }));
			await expect(page).toHaveURL(new RegExp(`/${path}(\\?|$)`));
			const drawn = page.locator(`figure[id^="figure-${one.id}"]`).first();
			const toFile = drawn.getByRole('button', { name: 'Show the one of the file' });
			const words = drawn.getByText(/^From the file: honeybee-mini, /);
			await expect(words.or(toFile).first()).toBeVisible({ timeout: 120_000 });
			// What is computed here, at whatever moment that is done, is another picture: it stands, and the file's is one click away.
			await expect(async () => {
				if (await toFile.isVisible()) await toFile.click({ timeout: 2000 });
				for (const part of [words, drawn.getByText(`Provenance of ${one.id}`), drawn.locator('.sheet svg')])
					await expect(part.first()).toBeVisible({ timeout: 2000 });
			}).toPass();
			await page
				.getByRole('status', { name: 'Opened figure' })
				.getByRole('button', { name: 'Close' })
				.click();
			await expect(words).toHaveCount(0);
		});
});

test('a figure that was measured opens with its numbers and its set, and is measured again when asked', async ({
	page
}) => {
	test.setTimeout(600_000);
	const folder = mkdtempSync(join(tmpdir(), 'reopened-'));
	const scenes = [31, 32].map((seed) => join(folder, `${seed}.png`));
	scenes.forEach((path, at) => sceneFile(path, 31 + at));
	const out = join(folder, 'figure.json');
	const args = ['figure', 'offset-split', '--model', model, '--projector', 'd-abs'];
	const images = scenes.flatMap((path) => ['--image', path]);
	execFileSync(process.execPath, [
		'bin/honeybee.js',
		...args,
		...images,
		'--set',
		'Two scenes',
		'--out',
		out
	]);

	await open(page, '/?backend=wasm');
	await drop(page, 'figure.json', readFileSync(out, 'utf8'));
	const figure = page.locator('#figure-offset-split');
	await expect(
		figure.getByText(/^From the file: honeybee-mini, .*Not computed again here yet/)
	).toBeVisible();
	await expect(figure.locator('.sheet svg').first()).toBeVisible();
	await expect(figure.getByText(/Two scenes, 2 images/).first()).toBeVisible();
	const exporting = figure.getByRole('button', { name: 'Export', exact: true });
	await exporting.click();
	await expect(figure.getByRole('group', { name: 'Export' })).toBeVisible();
	await page.keyboard.press('Escape');
	await expect(figure.getByRole('group', { name: 'Export' })).toHaveCount(0);
	await expect(exporting).toBeFocused();
	await figure.getByRole('button', { name: 'New set …' }).click();
	await figure.locator('input[type=file]:not([webkitdirectory])').setInputFiles(scenes);
	await expect(figure.getByLabel('Images')).toContainText('31.png, 32.png (2)');
	await figure.getByRole('button', { name: 'Sample 2 images' }).click();
	await expect(figure.getByText(/^Identical to the file/)).toBeVisible({ timeout: 120_000 });
});
