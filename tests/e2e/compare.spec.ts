import type { Page } from 'playwright/test';
import { expect, open, sceneFile, test } from './workbench.ts';

/** The page with a scene of our own and its first two columns. */
async function openCompare(page: Page, scene: string): Promise<void> {
	await open(page, '/?backend=wasm');
	await page.getByLabel('Image file').setInputFiles(scene);
	await expect(page.getByRole('heading', { name: 'scene.png', level: 1 })).toBeVisible();
	await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Side by side' }).click();
	await expect(page.getByRole('region', { name: /^Column [AB]: / })).toHaveCount(2);
}

test('two projectors side by side: answers, maps under one cursor, forced decoding, times', async ({
	page
}, info) => {
	test.setTimeout(600_000);
	const scene = info.outputPath('scene.png');
	const questions = sceneFile(scene, 12);
	await openCompare(page, scene);

	// A long answer, in which projectors differ.
	await page.getByLabel('Question to all columns').fill(questions.get('caption')!);
	await page.getByRole('button', { name: 'Ask all' }).click();
	const answers = page.getByRole('group', { name: /^Answer of column / });
	await expect(page.getByText(/words? differs?/)).toHaveCount(2, { timeout: 180_000 });
	const texts = (await answers.allInnerTexts()).map((text) => text.split(/\s+/).filter(Boolean));
	expect(texts[0]!.length).toBeGreaterThan(3);
	expect(texts[0]).not.toEqual(texts[1]);
	for (const [column, other] of [
		[0, 1],
		[1, 0]
	] as const) {
		const marked = await answers.nth(column).locator('mark').allInnerTexts();
		for (const word of texts[column]!.filter((word) => !texts[other]!.includes(word)))
			expect(marked, `${word} is only in one answer`).toContain(word);
		const said = page.getByRole('region', { name: /^Column / }).nth(column);
		await expect(said).toContainText(
			marked.length === 0 ? 'no word differs' : new RegExp(`${marked.length}\\swords? differs?`)
		);
	}

	// One cursor: a token pointed at in column A is named for both columns, and so are its numbers over the image.
	const grids = page.locator('#figure-compare-grids');
	const drawn = grids.getByRole('group', { name: /side by side: A: / });
	await expect(drawn.locator('image')).toHaveCount(2, { timeout: 180_000 });
	await drawn.hover({ position: { x: 12, y: 30 } });
	await expect(grids.locator('.readout').nth(0)).toHaveText(/^A: Token 0, patch \d+: /);
	await expect(grids.locator('.readout').nth(1)).toHaveText(/^B: Token 0, patch \d+: /);
	await expect(grids.locator('.frame[visibility="visible"]')).toHaveCount(2);
	await expect(page.locator('#figure-compare-tokens').getByText(/^Token 0: /)).toHaveCount(2);
	await drawn.focus();
	// Keys go on from where the pointer is.
	await page.keyboard.press('ArrowRight');
	await expect(grids.locator('.readout').nth(1)).toHaveText(/^B: Token 1, patch \d+: /);
	await page.keyboard.press('Escape');
	await expect(grids.locator('.readout').nth(0)).toBeEmpty();

	// How local the columns are on this picture, and the other projectors when asked.
	const local = page.getByRole('region', { name: /^Locality on this picture/ });
	await expect(local.getByRole('row')).toHaveCount(3);
	await expect(local.getByRole('row').nth(1)).toContainText(/\d ± \d/);
	await expect(local.getByRole('row').nth(2)).toContainText(/, p \d/);
	await page.getByRole('button', { name: 'Every other projector on this picture' }).click();
	await expect(local.getByRole('row')).toHaveCount(7, { timeout: 240_000 });

	// Likeness of the tokens, in numbers.
	const alike = page.locator('#figure-token-similarity');
	await expect(alike.getByText(/^Linear CKA 0\.\d+$/)).toBeVisible();
	await expect(alike.getByText(/^Mean cosine of matched tokens 0\.\d+$/)).toBeVisible();

	// Each column scores both answers; the numbers of the matrix and of the words are the same.
	await page.getByRole('button', { name: 'Score the answers' }).click();
	const matrix = page.locator('#figure-score-matrix');
	await expect(matrix.locator('svg')).toBeVisible({ timeout: 180_000 });
	await expect(page.getByText(/^Scoring by/)).toHaveCount(0, { timeout: 180_000 });
	await matrix.getByRole('button', { name: 'Show as table' }).click();
	const sums = await matrix
		.getByRole('row')
		.evaluateAll((rows) =>
			rows.slice(1).map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent ?? ''))
		);
	expect(sums.map(([writer, scorer]) => `${writer?.[0]}${scorer?.[0]}`)).toEqual(['AA', 'AB', 'BA', 'BB']);
	const numbers = (cells: readonly string[]) =>
		cells.map((cell) => Number(cell.replaceAll('−', '-').replace(/\s/g, '')));
	for (const row of sums) {
		const [perplexity, total, tokens] = numbers(row.slice(2)) as [number, number, number];
		expect(total).toBeLessThan(0);
		// Shown with three digits.
		expect(Math.abs(perplexity / Math.exp(-total / tokens) - 1)).toBeLessThan(0.01);
	}
	expect(sums[0]![3], 'two columns read one answer differently').not.toBe(sums[1]![3]);
	const forced = page.locator('#figure-word-scores');
	await expect(forced.getByText(/^A: .*: perplexity [\d.]+, −?[\d.]+\snats over \d+ tokens$/)).toBeVisible();
	await forced.getByRole('button', { name: 'Show as table' }).click();
	const words = await forced
		.getByRole('row')
		.evaluateAll((rows) =>
			rows.slice(1).map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent ?? ''))
		);
	expect(words.map(([word]) => word)).toEqual(texts[0]);
	for (const scorer of [0, 1]) {
		const sum = numbers(words.map((row) => row[scorer + 1]!)).reduce((all, value) => all + value, 0);
		expect(Math.abs(sum - numbers([sums[scorer]![3]!])[0]!)).toBeLessThan(0.02);
	}

	await page.getByRole('button', { name: 'Measure' }).click();
	await expect(
		page.locator('#figure-stage-times').getByText(/^[\d.]+\sms \([\d.]+ to [\d.]+\)$/)
	).toHaveCount(8, {
		timeout: 180_000
	});
});

test('columns are added, moved, changed and remembered; another M keeps the place', async ({
	page
}, info) => {
	test.setTimeout(600_000);
	const scene = info.outputPath('scene.png');
	sceneFile(scene, 12);
	await openCompare(page, scene);
	await page.getByRole('button', { name: 'Add a column' }).click();
	await page.getByLabel('Projector of column C').selectOption('C-Abstractor');
	await page.getByLabel('Visual tokens of column C').selectOption('M = 9');
	await expect(page.getByText('Trained at 16, 36, 64, 144, not at this M.')).toBeVisible();
	await page.getByRole('button', { name: 'Move column C to the left' }).click();
	await expect(page.getByRole('region', { name: 'Column B: C-Abstractor, M = 9' })).toBeVisible();
	await page.reload();
	await expect(page.getByRole('region', { name: 'Column B: C-Abstractor, M = 9' })).toBeVisible({
		timeout: 120_000
	});

	// The map of the structure is there at once; the resampler has none and says so without touching the others.
	await page.getByText('Structure', { exact: true }).click();
	const grids = page.locator('#figure-compare-grids');
	const drawn = grids.getByRole('group', { name: /side by side: A: / });
	await expect(drawn.locator('image')).toHaveCount(2, { timeout: 180_000 });
	await expect(grids.getByText('The Resampler has no pooling bins; choose another method.')).toBeVisible();
	await drawn.focus();
	for (const key of ['ArrowRight', 'End']) await page.keyboard.press(key);
	// The last of 36 tokens lies where the last of 9 does.
	await expect(grids.locator('.readout').nth(0)).toHaveText(/^A: Token 35: /);
	await expect(grids.locator('.readout').nth(1)).toHaveText(/^B: Token 8: /);
	await page.getByRole('button', { name: 'Remove column B' }).click();
	await expect(page.getByRole('region', { name: /^Column / })).toHaveCount(2);
});

test('a second model beside the first: a worker of its own, answers, maps and scores of both', async ({
	page
}) => {
	test.setTimeout(900_000);
	await page.goto('/models?backend=wasm');
	await page.locator('input[type=file][webkitdirectory]').setInputFiles('tests/fixtures/golden/c-abs');
	await page.getByRole('radio', { name: /^fp32, / }).check({ force: true });
	await page.getByLabel('Name', { exact: true }).fill('golden');
	await page.getByRole('button', { name: 'Convert', exact: true }).click();
	await expect(page.getByText(/^Converted: /)).toBeVisible({ timeout: 180_000 });

	await page.goto('/compare?backend=wasm&model=honeybee-mini');
	const columns = page.getByRole('region', { name: /^Column / });
	await expect(columns).toHaveCount(2, { timeout: 120_000 });
	await page.getByLabel('Model of column B').selectOption('golden (in this browser)');
	await expect(columns.nth(1)).toHaveAccessibleName(/C-Abstractor, M = 16/, { timeout: 120_000 });
	await expect(page.getByText(/ of weights in memory, 2 workers$/)).toBeVisible();

	// Both answer, each with its own model and tokenizer.
	await page.getByLabel('Question to all columns').fill('What is this?');
	await page.getByRole('button', { name: 'Ask all' }).click();
	await expect(page.getByText(/\d\stokens?, /)).toHaveCount(2, { timeout: 180_000 });
	const answers = await page.getByRole('group', { name: /^Answer of column / }).allInnerTexts();
	expect(answers[0]).not.toBe('');
	expect(answers[0]).not.toBe(answers[1]);

	// Maps of both stand under one cursor; what cannot be set against each other says why.
	const grids = page.locator('#figure-compare-grids');
	const drawn = grids.getByRole('group', { name: /side by side: A: / });
	await expect(drawn.locator('image')).toHaveCount(2, { timeout: 240_000 });
	await drawn.focus();
	for (const key of ['ArrowRight', 'End']) await page.keyboard.press(key);
	await expect(grids.locator('.readout').nth(0)).toHaveText(/^A: Token \d+: /);
	await expect(grids.locator('.readout').nth(1)).toHaveText(/^B: Token 15: /);
	await expect(grids).toContainText(/A: honeybee-mini .*; B: golden /);
	await expect(
		page.getByText(/^These columns see 144 and \d+ patches; a difference patch by patch needs the same/)
	).toBeVisible();

	await page.getByRole('button', { name: 'Score the answers' }).click();
	const matrix = page.locator('#figure-score-matrix');
	await expect(matrix.locator('svg')).toBeVisible({ timeout: 180_000 });
	await expect(page.getByText(/^Scoring by/)).toHaveCount(0, { timeout: 180_000 });
	await matrix.getByRole('button', { name: 'Show as table' }).click();
	await expect(matrix.locator('tbody tr')).toHaveCount(4);

	// The worker goes with its last column.
	await page.getByLabel('Model of column B').selectOption({ index: 0 });
	await expect(page.getByText(/2 workers$/)).toHaveCount(0);
});
