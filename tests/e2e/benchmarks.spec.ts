import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright/test';
import { answerOf, ask, expect, model, pressOnceSaid, test } from './workbench.ts';

interface Answer {
	readonly id: number;
	readonly pred: string;
}

const choice = (page: Page) => page.getByRole('group', { name: 'Projectors at M visual tokens' });
const runButton = (page: Page) => page.getByRole('button', { name: /^(Run|Go on)$/ });

async function openBench(page: Page): Promise<void> {
	await page.goto('/benchmarks?backend=wasm');
	await expect(runButton(page)).toBeEnabled({ timeout: 180_000 });
	await page.getByRole('combobox', { name: 'Examples' }).selectOption('50');
}

/** Only the C-Abstractor at its own M. */
async function chooseOne(page: Page): Promise<void> {
	await choice(page).getByRole('button', { name: 'None' }).click();
	await choice(page)
		.getByRole('checkbox', { name: 'C-Abstractor, M = 36', exact: true })
		.check({ force: true });
}

const answered = async (page: Page) =>
	Number(
		/([\d\u202f]+) of/
			.exec((await page.getByText(/ of [\d\u202f]+\sanswers/).textContent()) ?? '')?.[1]
			?.replaceAll('\u202f', '')
	);

const read = (text: string): Answer[] =>
	text
		.trimEnd()
		.split('\n')
		.map((line) => JSON.parse(line) as Answer)
		.map(({ id, pred }) => ({ id, pred }))
		.sort((a, b) => a.id - b.id);

/** Answers that this browser keeps, by projector and M. */
async function kept(page: Page): Promise<Map<string, Answer[]>> {
	const files = await page.evaluate(async () => {
		const found: [string, string][] = [];
		const walk = async (folder: FileSystemDirectoryHandle, path: string): Promise<void> => {
			for await (const handle of folder.values()) {
				if (handle.kind === 'directory') await walk(handle, handle.name);
				else if (handle.name === 'results.jsonl') found.push([path, await (await handle.getFile()).text()]);
			}
		};
		await walk(await navigator.storage.getDirectory(), '');
		return found;
	});
	return new Map(files.map(([folder, text]) => [folder.replace(/-wasm$/, ''), read(text)]));
}

/** Answers of the command line to the first examples, by projector and M. */
function fromCommandLine(
	out: string,
	projector: string,
	tokens: string,
	examples: number
): Map<string, Answer[]> {
	execFileSync(
		process.execPath,
		[
			...['bin/honeybee.js', 'eval', '--model', model, '--benchmark', 'scenes', '--limit', `${examples}`],
			...['--projector', projector, '--tokens', tokens, '--out', out]
		],
		{ stdio: ['ignore', 'ignore', 'inherit'] }
	);
	return new Map(
		readdirSync(join(out, 'scenes')).map((folder) => [
			folder,
			read(readFileSync(join(out, 'scenes', folder, 'results.jsonl'), 'utf8'))
		])
	);
}

test('a few scenes: stop, reload, go on, the same answers as on the command line, the examples behind a row', async ({
	page
}, info) => {
	test.setTimeout(600_000);
	await openBench(page);
	await chooseOne(page);
	const stopping = pressOnceSaid(page, 'Stop the run', '[role=status]', '^\\s*Running\\s[^]*per second');
	await runButton(page).click();
	await stopping;
	await expect(page.getByText(/^Stopped; everything answered is kept\./)).toBeVisible();
	const before = await answered(page);
	expect(before).toBeGreaterThan(0);
	expect(before).toBeLessThan(50);

	await openBench(page);
	await chooseOne(page);
	const found = page.getByRole('listitem').getByRole('checkbox', { name: /C-Abstractor, M = 36/ });
	await expect(found).toBeVisible();
	await runButton(page).click();
	await expect(page.getByText(/^Done\. 50 of 50/)).toBeVisible({ timeout: 300_000 });

	// What the page keeps is what the command line writes.
	const mine = await kept(page);
	expect(mine.get('c-abs-m36')!.map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, id) => id));
	expect(mine).toEqual(fromCommandLine(info.outputPath('runs'), 'c-abs', 'own', 50));

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

test('every projector at every M with one button, as on the command line; a question in the chat and a stop of the run leave each other alone', async ({
	page
}, info) => {
	test.setTimeout(600_000);
	await openBench(page);
	await choice(page).getByRole('button', { name: 'All that were trained' }).click();
	await runButton(page).click();
	await expect(page.getByText(/ of 900\sanswers/)).toBeVisible({ timeout: 120_000 });
	await expect.poll(() => answered(page), { timeout: 300_000, intervals: [1000] }).toBeGreaterThan(170);

	// The answer is whole within a tenth of a second.
	const stopping = pressOnceSaid(page, 'Stop', 'button', '^\\s*Stop\\s*$');
	const stopped = await ask(page, 'Describe the image in detail.');
	await stopping;
	await expect(stopped.getByText('(stopped)')).toBeVisible();
	const then = await answered(page);
	await expect.poll(() => answered(page), { timeout: 120_000 }).toBeGreaterThan(then);
	const whole = await ask(page, 'What color is the background?');
	await page.getByRole('button', { name: 'Stop the run' }).click();
	await expect(page.getByText(/^Stopped; everything answered is kept\./)).toBeVisible();
	expect((await answerOf(whole)).trim()).toMatch(/^\w+$/);

	const mine = await kept(page);
	const last = Math.max(...[...mine.values()].flat().map(({ id }) => id));
	const theirs = fromCommandLine(info.outputPath('grid'), 'all', 'trained', last + 1);
	expect(theirs.size).toBe(18);
	expect([...mine.keys()].sort()).toEqual([...theirs.keys()].sort());
	let compared = 0;
	for (const [target, answers] of mine) {
		expect(answers.length, target).toBeGreaterThan(0);
		const ids = new Set(answers.map(({ id }) => id));
		expect(answers, target).toEqual(theirs.get(target)!.filter(({ id }) => ids.has(id)));
		compared += answers.length;
	}
	expect(compared).toBe(await answered(page));
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
