import { readFileSync, writeFileSync } from 'node:fs';
import { encode } from 'fast-png';
import { answerOf, ask, expect, open, test } from './workbench.ts';

const whole = 'tests/fixtures/golden/images/big_640x427.png';

test('what is no usable image is refused in a sentence beside the picker, and the next one works', async ({
	page
}, info) => {
	await open(page, '/?backend=wasm');
	const put = async (name: string, content: string | Uint8Array) => {
		const path = info.outputPath(name);
		writeFileSync(path, content);
		await page.getByLabel('Image file').setInputFiles(path);
	};
	const told = page.getByRole('region', { name: 'Image' }).getByRole('alert');
	const scene = await page.getByRole('heading', { level: 1 }).innerText();

	await put('notes.png', 'These are notes.');
	await expect(told).toContainText('notes.png is not an image');
	await put('empty.png', '');
	await expect(told).toContainText('empty.png is empty');
	await put('cut.png', readFileSync(whole).subarray(0, 20_000));
	await expect(told).toContainText('cut.png');
	await put('drawing.svg', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>');
	await expect(page.getByText(/^drawing\.svg is not a figure exported here/)).toBeVisible();
	await expect(page.getByRole('heading', { level: 1 })).toHaveText(scene);

	await put(
		'thin.png',
		encode({ width: 1, height: 5000, channels: 3, depth: 8, data: new Uint8Array(15_000) })
	);
	await expect(page.getByRole('heading', { name: 'thin.png', level: 1 })).toBeVisible();
	await expect(told).toBeEmpty();
	expect(await answerOf(await ask(page, 'What color is the background?'))).not.toBe('');
});

test('an empty question and one beyond the context are told where they stand', async ({ page }) => {
	await open(page, '/?backend=wasm');
	await page.getByRole('button', { name: 'Ask', exact: true }).click();
	await expect(page.getByText('Type a question first.')).toBeVisible();
	const long = await ask(page, 'Where is the cat and what is it? '.repeat(2000));
	await expect(long.getByRole('group', { name: 'Answer' })).toContainText(/context|positions/, {
		timeout: 120_000
	});
	expect(await answerOf(await ask(page, 'What color is the background?'))).not.toBe('');
});

test('a dropped image and a pasted one are put in', async ({ page }) => {
	await open(page, '/?backend=wasm');
	const other = 'tests/fixtures/golden/images/scene_160x240.png';
	for (const [kind, path] of [
		['drop', whole],
		['paste', other]
	] as const) {
		await page.evaluate(
			([how, data]) => {
				const transfer = new DataTransfer();
				transfer.items.add(new File([new Uint8Array(data)], `${how}.png`, { type: 'image/png' }));
				const event =
					how === 'drop'
						? new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true })
						: new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true });
				document.body.dispatchEvent(event);
			},
			[kind, [...readFileSync(path)]] as const
		);
		await expect(page.getByRole('heading', { name: `${kind}.png`, level: 1 })).toBeVisible();
	}
	await expect(page.getByRole('button', { name: 'paste.png', exact: true })).toHaveAttribute(
		'aria-pressed',
		'true'
	);
	await expect(page.getByRole('button', { name: 'drop.png', exact: true })).toBeVisible();
});

test('without a model the page says how to make one', async ({ page }) => {
	await page.route('**/models/index.json', (route) => route.fulfill({ json: { models: [] } }));
	await page.goto('/');
	await expect(page.getByRole('heading', { name: 'No model yet' })).toBeVisible();
	await expect(page.getByText('npx honeybee convert')).toBeVisible();
	await expect(page.getByRole('button', { name: 'Ask', exact: true })).toBeDisabled();
});
