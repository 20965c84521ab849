import { expect, open, test } from './workbench.ts';

test('an answer is looked into: words, influence, edited tokens, logit lens', async ({ page }) => {
	await open(page, '/?backend=wasm');
	await page.getByRole('link', { name: 'Answer', exact: true }).click();
	await expect(page.getByRole('heading', { name: 'Answer', exact: true })).toBeVisible();

	// Nothing to look into yet: a suggested question makes the first answer.
	await expect(page.getByText('There is no answer about an image yet')).toBeVisible();
	await page
		.locator('.first')
		.getByRole('button', { name: /^Where is/ })
		.click();
	const asked = page.getByRole('region', { name: 'The answer looked into' });
	const words = asked.getByRole('button');
	await expect(words.first()).toBeVisible();
	const influence = page.locator('#figure-answer-influence');
	await expect(influence.getByText(/^Attention and locality took/)).toBeVisible();
	await expect(influence.locator('svg [data-word]')).toHaveCount(await words.count());

	// A word chosen in the chat lights up here, and the other way round.
	const said = page.getByRole('group', { name: 'Answer', exact: true }).getByRole('button');
	await said.last().click();
	await expect(words.last()).toHaveAttribute('aria-pressed', 'true');
	await words.first().click();
	await expect(said.first()).toHaveAttribute('aria-pressed', 'true');

	// Attention is a share of one; ablation is in nats and has a sign.
	await influence.getByRole('button', { name: 'Show as table' }).click();
	const cells = influence.locator('tbody tr').first().locator('td');
	const numbers = async () =>
		(await cells.allInnerTexts())
			.map((text) => Number(text.replace('−', '-').replace(/\s*[×·]\s*10\^?/, 'e')))
			.filter((value) => !Number.isNaN(value));
	const shares = await numbers();
	expect(shares.length).toBeGreaterThanOrEqual(36);
	expect(Math.min(...shares)).toBeGreaterThanOrEqual(0);
	expect(shares.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(1);
	await influence.getByText('Ablation', { exact: true }).click();
	await expect(influence.getByText(/^Ablation of 36\svisual tokens took/)).toBeVisible();
	await expect.poll(numbers).not.toEqual(shares);
	const gains = await numbers();
	expect(Math.min(...gains)).toBeLessThan(0);

	// Every word at once, beside its attention; every head of it.
	const relevance = page.locator('#figure-word-relevance');
	await relevance.getByRole('button', { name: /^Measure \d+\swords? over 36\svisual tokens$/ }).click();
	await expect(relevance.getByText(/^The relevance of visual tokens took/)).toBeVisible();
	await expect(relevance.locator('svg [data-word]')).toHaveCount(await words.count());
	await influence.getByText('Attention', { exact: true }).click();
	const heads = page.locator('#figure-attention-heads');
	await expect(heads.getByText(/^mean over layers, mean over heads: [\d.]+\s% on the image/)).toBeVisible();

	// All tokens deleted: the answer goes on without an image, and its old words become less likely.
	const tokens = page.getByRole('group', { name: 'Visual tokens of the image' }).getByRole('button');
	await expect(tokens).toHaveCount(36);
	await tokens.first().click();
	await tokens.last().click({ modifiers: ['Shift'] });
	await page.getByText('Delete', { exact: true }).click();
	await page.getByRole('button', { name: /^Add the edit of 36\stokens$/ }).click();
	await expect(page.getByText('Delete tokens 0–35', { exact: true })).toBeVisible();
	await page.getByRole('button', { name: 'Answer again' }).click();
	const outcome = page.getByRole('group', { name: 'The answer with changed visual tokens' });
	await expect(outcome).toBeVisible();
	const moved = outcome.locator('#figure-surgery-change');
	await moved.locator('svg').first().focus();
	await page.keyboard.press('ArrowDown');
	await expect(moved.locator('.readout')).toHaveText(/ before: −?[\d.]+ → −?[\d.]+\snats/);
	// From the word chosen before to the next one, which then is the word of the whole page.
	await expect(words.nth(1)).toHaveAttribute('aria-pressed', 'true');
	await moved.getByRole('button', { name: 'Show as table' }).click();
	const table = await moved
		.locator('tbody tr')
		.evaluateAll((rows) =>
			rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent ?? ''))
		);
	const old = table.filter(([word]) => word !== '');
	expect(old.map(([word]) => word)).toEqual(await words.allInnerTexts());
	const value = (text: string) => Number(text.replace('−', '-').replace(/e−/, 'e-'));
	for (const [, before, after, change] of old)
		expect(Math.abs(value(after!) - value(before!) - value(change!))).toBeLessThan(0.02);
	expect(old.reduce((sum, row) => sum + value(row[3]!), 0)).toBeLessThan(-0.1);
	// The new answer’s words stand beside the old ones.
	const fresh = table.filter((row) => row[4] !== '');
	const after = await outcome.locator('dd').last().innerText();
	expect(fresh.map((row) => row[4]).join(' ')).toBe(after.split(/\s+/).filter(Boolean).join(' '));

	await page.getByRole('button', { name: /^Read 36\svisual tokens at every layer$/ }).click();
	const lens = page.locator('#figure-logit-lens');
	await expect(lens.locator('svg [data-token]')).toHaveCount(36);
	await lens.getByRole('slider', { name: /Layer/ }).fill('0');
	await expect(lens.getByText('Before the first layer')).toBeVisible();
});
