import type { Locator, Page } from 'playwright/test';
import { pages } from '../../src/lib/workbench/frame/pages.ts';
import { answerOf, ask, expect, open, test } from './workbench.ts';

/** On every page: a choice made by hand, how it shows in the address, and what must be as chosen when the link is opened. */
const choices: Readonly<Record<string, readonly [string, (page: Page) => Locator]>> = {
	'': ['grid=patches', (page) => page.getByRole('radio', { name: /^Patches/ })],
	locality: ['method=occlusion', (page) => page.getByRole('radio', { name: 'Occlusion' }).first()],
	offsets: ['only=all', (page) => page.getByRole('radio', { name: 'All tokens' })],
	anatomy: ['stages=steps', (page) => page.getByRole('radio', { name: 'Every step' })],
	answer: [
		'influence=ablation',
		(page) => page.getByRole('group', { name: 'Influence by' }).getByRole('radio', { name: 'Ablation' })
	],
	scenes: ['path=size', (page) => page.getByRole('radio', { name: 'Size', exact: true })],
	compare: ['method=occlusion', (page) => page.getByRole('radio', { name: 'Occlusion' }).first()],
	benchmarks: ['points=published', (page) => page.getByRole('radio', { name: /^Published/ })],
	gallery: ['show=here', (page) => page.getByRole('radio', { name: 'Those made here' })],
	recipe: ['template=task', (page) => page.getByRole('radio', { name: 'One for each task' })]
};
/** Pages that choose nothing about what they show, or are tested by themselves. */
const without = ['models', 'notebook'];

test('the address holds the settings of every page, reached by the navigation, by Back and by a link', async ({
	page
}) => {
	test.setTimeout(900_000);
	await open(page, '/?backend=wasm&projector=d-abs');
	await answerOf(await ask(page, 'What color is the background?'));
	for (const { path, title } of pages.filter(({ path }) => !without.includes(path)))
		await test.step(title, async () => {
			const [word, find] = choices[path]!;
			const control = find(page);
			if (path !== '') {
				const link = page
					.getByRole('navigation', { name: 'Pages' })
					.getByRole('link', { name: title, exact: true });
				await link.click();
				await expect(link).toHaveAttribute('aria-current', 'page');
			}
			await expect(control).toBeEnabled({ timeout: 120_000 });
			await expect(page).toHaveURL(/model=honeybee-mini/);
			await expect(control).not.toBeChecked();
			await control.check({ force: true });
			await expect(page).toHaveURL(new RegExp(word));
			await page.goBack();
			await expect(page).not.toHaveURL(new RegExp(word));
			await expect(control).not.toBeChecked();
			await page.goForward();
			await expect(control).toBeChecked();
			await page.reload();
			await expect(control).toBeChecked({ timeout: 120_000 });
			await expect(page).toHaveURL(new RegExp(word));
		});
});

test('a link to what is not here says so on every page, and opens nothing in its place', async ({ page }) => {
	test.setTimeout(600_000);
	const said = page.getByRole('status', { name: 'The link' });
	for (const { path, title } of pages)
		await test.step(title, async () => {
			await page.goto(`/${path}?backend=wasm&model=stored:gone&projector=d-abs&tokens=16`);
			await expect(said).toContainText('The link asks for the model gone');
			await expect(said.getByRole('link', { name: 'Convert or fetch it' })).toBeVisible();
			await expect(page.getByLabel('Model', { exact: true })).toHaveValue('');
			expect(new URL(page.url()).searchParams.get('model')).toBe('stored:gone');
		});
	await page.goto('/?backend=wasm&model=stored:gone');
	await said.getByRole('button', { name: /^Use Honeybee mini/ }).click();
	await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
	await expect(said).toBeEmpty();

	for (const [link, words] of [
		['projector=zzz', /asks for the projector “zzz”.*is shown/],
		['projector=d-abs&tokens=17', /asks for 17 visual tokens/]
	] as const) {
		await open(page, `/?backend=wasm&${link}`);
		await expect(said).toContainText(words);
		expect(await answerOf(await ask(page, 'What color is the background?'))).not.toBe('');
	}

	await open(page, '/?backend=wasm&image=0123456789abcdef');
	await expect(said).toContainText('The picture of this link is not here');
	await expect(page.getByRole('heading', { name: 'Put in an image' })).toBeVisible();
	await said.getByRole('button', { name: 'Look at Scene 1 instead' }).click();
	await expect(page.getByRole('heading', { name: 'Scene 1' })).toBeVisible();
	await expect(said).toBeEmpty();
});
