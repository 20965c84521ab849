import { expect, open, test } from './workbench.ts';

test('a sprite is put in and dragged, the answer follows; a short sweep has numbers', async ({ page }) => {
	test.setTimeout(600_000);
	await open(page, '/?backend=wasm');
	await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Scenes' }).click();
	const stage = page.getByRole('group', { name: /^Scene of 96 by 96 pixels/ });
	const answer = page.getByRole('status', { name: 'Answer' });
	// What is asked first has an answer in the picture at hand.
	await expect(answer).toHaveText(/(✓ right|✗ wrong)/);
	await page.getByRole('button', { name: 'Empty' }).click();
	await page.getByRole('button', { name: 'Put in: cat' }).click();
	const cat = stage.getByRole('button', { name: /^cat, / });
	await expect(cat).toHaveAccessibleName(/Noto, 28 px, at x 34, y 34, center$/);
	await page.getByLabel('Question, with a known answer').selectOption('Is there a cat?');
	await expect(answer).toHaveText(/yes\s*✓ right/);

	// Dragged to the upper left corner, the truth and the answer move along.
	const box = (await cat.boundingBox())!;
	const scene = (await stage.boundingBox())!;
	await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
	await page.mouse.down();
	await page.mouse.move(scene.x + 60, scene.y + 60, { steps: 12 });
	await page.mouse.up();
	await expect(cat).toHaveAccessibleName(/top left$/);
	await page.getByLabel('Question, with a known answer').selectOption('Where is the cat?');
	await expect(page.getByText('True: top left')).toBeVisible();
	await expect(answer).toHaveText(/(✓ right|✗ wrong)/);
	await expect(page.getByText(/updates\/s\s+while following/)).toBeVisible();

	// By keyboard: one pixel, eight pixels, larger, undo.
	await cat.focus();
	const x = Number(/at x (\d+)/.exec((await cat.getAttribute('aria-label'))!)![1]);
	await page.keyboard.press('ArrowRight');
	await page.keyboard.press('Shift+ArrowRight');
	await expect(cat).toHaveAccessibleName(new RegExp(`at x ${x + 9}`));
	await page.keyboard.press('Control+z');
	await expect(cat).toHaveAccessibleName(new RegExp(`at x ${x},`));

	// The history holds one composed scene, however often it changed.
	await expect(page.getByRole('img', { name: 'Composed scene' })).toHaveCount(1);

	const sweep = page.getByRole('region', { name: 'Sweep' });
	await sweep.getByRole('radio', { name: '16' }).check({ force: true });
	await sweep.getByRole('button', { name: 'Run 5 steps' }).click();
	await expect(sweep.getByText(/^Sweep took/)).toBeVisible({ timeout: 180_000 });
	for (const id of ['sweep-accuracy', 'sweep-log-probability', 'sweep-equivariance']) {
		const figure = page.locator(`#figure-${id}`);
		await figure.getByRole('button', { name: 'Show as table' }).click();
		const rows = figure.getByRole('row');
		expect(await rows.count(), id).toBe(id === 'sweep-equivariance' ? 5 : 6);
		await expect(rows.nth(1).getByRole('cell').nth(2)).toHaveText(/\d/);
	}
	const answers = page.locator('#figure-sweep-answers');
	await answers.locator('svg').focus();
	await page.keyboard.press('ArrowRight');
	await expect(answers.locator('.readout')).toHaveText(/true “top left”/);
	// The chosen step is the scene now.
	await expect(cat).toHaveAccessibleName(/at x 2,/);
});
