import { readFileSync } from 'node:fs';
import type { Page } from 'playwright/test';
import sharp from 'sharp';
import { answerOf, ask, expect, open, test } from './workbench.ts';

const image = 'tests/fixtures/golden/images/scene_160x240.png';
const put = (page: Page, name: string, buffer: Buffer, mimeType = 'image/png') =>
	page.getByLabel('Image file').setInputFiles({ name, mimeType, buffer });
const heading = (page: Page, name: string) => page.getByRole('heading', { name, level: 1, exact: true });
const go = (page: Page, title: string) =>
	page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: title, exact: true }).click();

test('a photograph stays the picture on every page; it is turned, cropped and masked into new ones that are asked about', async ({
	page
}) => {
	test.setTimeout(300_000);
	await open(page, '/?backend=wasm');
	const jpeg = await sharp(image).withMetadata({ orientation: 6 }).jpeg().toBuffer();
	await put(page, 'street.jpg', jpeg, 'image/jpeg');
	await expect(
		page.getByText('This file asks to be turned by a quarter to the right.').first()
	).toBeVisible();
	await expect(page.getByText('160 × 240 pixels')).toBeVisible();
	await go(page, 'Scenes');
	await expect(
		page.getByText('The picture at hand is street.jpg, which this page leaves as it is.')
	).toBeVisible();
	await go(page, 'Start');
	await expect(heading(page, 'street.jpg')).toBeVisible();
	await page.getByRole('button', { name: 'Turn it' }).click();
	await expect(heading(page, 'street, turned')).toBeVisible();
	await expect(page.getByText('240 × 160 pixels')).toBeVisible();

	await page.getByRole('button', { name: 'Edit the picture' }).click();
	const region = page.getByRole('group', { name: /^Region: 120 by 80 pixels at x 60, y 40;/ });
	await region.focus();
	await page.keyboard.press('ArrowLeft');
	await page.keyboard.press('Shift+ArrowDown');
	await expect(page.getByRole('group', { name: /^Region: 120 by 83 pixels at x 57, y 40;/ })).toBeFocused();
	await page.getByRole('button', { name: 'Crop to the region' }).click();
	await page.getByText('Mask', { exact: true }).click();
	await expect(page.getByRole('radio', { name: 'Mask' })).toBeChecked();
	await page.getByRole('button', { name: 'Mask the region' }).click();
	await expect(page.getByRole('list', { name: 'Edits' }).getByRole('listitem')).toHaveText([
		'cropped to 120 × 83 px at x 57, y 40',
		/^60 × 42 px at x 30, y 2[01] masked$/
	]);
	await page.getByRole('button', { name: 'Make it the picture' }).click();
	await expect(heading(page, 'street, turned, cropped and masked')).toBeVisible();
	await expect(
		page.getByText(/^Made of street\.jpg: turned by a quarter to the right, cropped to .*masked\./).first()
	).toBeVisible();
	expect(await answerOf(await ask(page, 'What is in the image?'))).not.toBe('');
	await page.getByRole('button', { name: 'Back to it' }).click();
	await expect(heading(page, 'street.jpg')).toBeVisible();
});

test('an error of the picker goes with the next action; a checkpoint is taken wherever it is dropped on Models', async ({
	page
}) => {
	await open(page, '/?backend=wasm');
	const error = page.getByRole('region', { name: 'Image', exact: true }).getByRole('alert');
	await put(page, 'notes.txt', Buffer.from('no picture'));
	await expect(error).toContainText('notes.txt is not an image');
	await page.getByRole('radio', { name: 'Resampler' }).check({ force: true });
	await expect(error).toBeEmpty();

	const drop = (name: string, bytes: Buffer) =>
		page.evaluate(
			([name, data]) => {
				const transfer = new DataTransfer();
				transfer.items.add(new File([new Uint8Array(data)], name));
				document.body.dispatchEvent(
					new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true })
				);
			},
			[name, [...bytes]] as const
		);
	await drop('own.csv', Buffer.from('a,b\n1,2\n'));
	await expect(page.getByText(/own\.csv holds numbers/)).toBeVisible();
	await drop('model.safetensors', Buffer.from('x'));
	await expect(
		page.getByText(/belongs to a checkpoint: drop the checkpoint’s folder on the page Models/)
	).toBeVisible();
	await go(page, 'Models');
	await expect(page.getByRole('heading', { name: 'Convert a checkpoint' })).toBeVisible();
	await drop('model.safetensors', Buffer.from('x'));
	await expect(page.getByRole('region', { name: 'Convert a checkpoint' }).locator('.found')).not.toBeEmpty();
	await expect(error).toBeEmpty();
	await drop('photo.png', readFileSync(image));
	await expect(page.getByRole('button', { name: 'photo.png', exact: true })).toBeVisible();
});

test('a set of pictures is made by a rule, named in the figure and found again by its link', async ({
	page
}) => {
	test.setTimeout(300_000);
	await page.goto('/locality?backend=wasm&projector=c-abs&tokens=9&method=structural');
	const figure = page.locator('#figure-locality-distribution');
	await figure.getByRole('button', { name: 'New set …' }).click();
	await figure.getByLabel('first').fill('3');
	await figure.getByLabel('from number').fill('50');
	await figure.getByRole('button', { name: 'Make the set' }).click();
	await expect(figure.getByLabel('Images')).toContainText('Held-out scenes from 50 (3)');
	await expect(page).toHaveURL(/set=scenes\.50\.3\.1/);
	await figure.getByRole('button', { name: 'Measure every projector on 3 images' }).click();
	await expect(figure.getByText(/Held-out scenes from 50, 3 images/).first()).toBeVisible({
		timeout: 120_000
	});

	await page.reload();
	await expect(figure.getByLabel('Images')).toHaveValue('scenes.50.3.1');
	await expect(figure.getByText(/Held-out scenes from 50, 3 images/).first()).toBeVisible({
		timeout: 120_000
	});
	await page.goto('/locality?backend=wasm&set=set.0123456789abcdef');
	await expect(figure.getByText(/asks for a set of pictures that is not in this browser/)).toBeVisible();
	await expect(figure.getByRole('button', { name: /^Measure every projector/ })).toBeDisabled();
});

test('a transparent picture is seen by the colours under its alpha, or laid on white', async ({ page }) => {
	await open(page, '/?backend=wasm');
	await put(page, 'sign.png', readFileSync('tests/fixtures/golden/images/rgba_90x70.png'));
	const told = page.getByText('This picture is transparent. The model sees the colours under its alpha.');
	await expect(told.first()).toBeVisible();
	await page.getByRole('button', { name: 'Lay it on white' }).click();
	await expect(heading(page, 'sign, on white')).toBeVisible();
	await expect(page.getByText('Made of sign.png: laid on white.').first()).toBeVisible();
	await expect(told).toHaveCount(0);
	await page.getByRole('button', { name: 'Back to it' }).click();
	await expect(heading(page, 'sign.png')).toBeVisible();
	await put(page, 'scene.png', readFileSync(image));
	await expect(heading(page, 'scene.png')).toBeVisible();
	await expect(told).toHaveCount(0);
});
