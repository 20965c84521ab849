import { readFileSync } from 'node:fs';
import {
	answerOf,
	ask,
	askCli,
	expect,
	modelWorker,
	open,
	pressOnceSaid,
	sceneFile,
	test
} from './workbench.ts';

for (const backend of ['wasm', 'webgpu'] as const) {
	test(`${backend}: three questions about a scene, as the command line answers them; stop, reload, ask again`, async ({
		page
	}, info) => {
		// A software WebGPU adapter compiles and runs shaders on the CPU.
		test.setTimeout(600_000);
		const scene = info.outputPath('scene.png');
		const questions = sceneFile(scene, 14);
		const name = { wasm: 'WASM', webgpu: 'WebGPU' }[backend];
		await open(page, `/?backend=${backend}`);
		await page.getByLabel('Image file').setInputFiles(scene);
		await expect(page.getByRole('heading', { name: 'scene.png', level: 1 })).toBeVisible();
		for (const task of ['identity', 'existence', 'localisation']) {
			const question = questions.get(task)!;
			const exchange = await ask(page, question);
			expect(await answerOf(exchange), question).toBe(askCli(scene, question));
			await expect(exchange).toContainText(`${name}, `);
			await expect(exchange).toContainText('honeybee-mini, scene.png');
			await expect(exchange.getByText('Sent alone.', { exact: true })).toBeVisible();
			for (const stage of ['vision', 'projector', 'prefill', 'decode'])
				await expect(exchange.getByText(stage, { exact: true })).toBeVisible();
			await expect(exchange).toContainText(/tokens?, [\d.]+\stokens\/s/);
		}
		// The second question pays neither vision nor projector again.
		await expect(page.getByRole('article').nth(1).getByText('cached', { exact: true })).toHaveCount(2);

		// A small model answers faster than a test clicks: the page itself stops at the first word it shows.
		const stopping = pressOnceSaid(page, 'Stop', '[role=log] article:nth-of-type(4) .text', '\\S');
		const stopped = await ask(page, questions.get('caption')!);
		await stopping;
		await expect(stopped.getByText('(stopped)')).toBeVisible();
		await stopped.getByRole('button', { name: 'Retry' }).click();
		expect(await answerOf(stopped)).toBe(askCli(scene, questions.get('caption')!));

		// What a page brings back does not depend on where it computes.
		if (backend === 'webgpu') return;
		const exchanges = page.getByRole('article');
		const before = await exchanges.allInnerTexts();
		await page.reload();
		await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
		await expect(page.getByRole('heading', { name: 'scene.png', level: 1 })).toBeVisible();
		await expect.poll(() => exchanges.allInnerTexts()).toEqual(before);
		await expect(exchanges.first().getByRole('img')).toHaveCount(0);
		await expect(exchanges.first().getByTitle('Show this image')).toContainText('scene.png');
		const question = questions.get('counting')!;
		expect(await answerOf(await ask(page, question))).toBe(askCli(scene, question));

		const download = page.waitForEvent('download');
		await page.getByRole('button', { name: 'Export', exact: true }).last().click();
		const file = JSON.parse(readFileSync(await (await download).path(), 'utf8')) as {
			exchanges: { question: string; answer: string; asked: { model: string; turns: unknown[] } }[];
		};
		expect(file.exchanges).toHaveLength(before.length + 1);
		expect(file.exchanges.at(-1)).toMatchObject({
			question,
			asked: { model: 'honeybee-mini', turns: [{ question }] }
		});
		await page.getByRole('button', { name: 'Clear', exact: true }).click();
		await page.reload();
		await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
		await expect(exchanges).toHaveCount(0);
	});
}

test('earlier questions go along only when asked to, and only with the projector that answered them', async ({
	page
}) => {
	await open(page, '/?backend=wasm');
	const question = 'Describe the image.';
	const alone = await answerOf(await ask(page, question));
	await answerOf(await ask(page, 'What color is the background?'));
	expect(await answerOf(await ask(page, question))).toBe(alone);
	await page.getByLabel('Send the earlier questions along').check();
	await expect(
		page.getByText(/^3\squestions and their answers with C-Abstractor, M = \d+, about Scene/)
	).toBeVisible();
	const third = await ask(page, 'What color is the background?');
	await answerOf(third);
	await expect(third).toContainText(
		/Sent with 3\searlier questions and their answers: “Describe the image\.”, “What/
	);
	await page.getByRole('radio', { name: /^Resampler/ }).check({ force: true });
	await expect(page.getByText(/^There is none yet that was answered with Resampler, M = /)).toBeVisible();
	const other = await ask(page, 'What color is the background?');
	await answerOf(other);
	await expect(other).toContainText('Sent alone: nothing before it was answered by the same model');
	await expect(third.getByRole('button', { name: /^Retry with Resampler, M = / })).toBeVisible();
});

test('every projector answers, and a flexible one at another M', async ({ page }) => {
	await open(page, '/?backend=wasm');
	const projectors = page.getByRole('group', { name: 'Projector' }).getByRole('radio');
	expect(await projectors.count()).toBeGreaterThanOrEqual(5);
	for (let index = 0; index < (await projectors.count()); index++) {
		await projectors.nth(index).check({ force: true });
		const slider = page.getByRole('slider', { name: 'Visual tokens' });
		if (await slider.isEnabled()) {
			await slider.focus();
			await page.keyboard.press('ArrowLeft');
		}
		const exchange = await ask(page, 'What color is the background?');
		expect(await answerOf(exchange)).not.toBe('');
		await expect(exchange.getByText(/, M = \d+, WASM/)).toBeVisible();
	}
});

test('a worker that dies is one clear state; Retry brings the model back and the conversation stays', async ({
	page
}) => {
	await open(page, '/?backend=wasm');
	const before = await answerOf(await ask(page, 'What color is the background?'));
	const worker = await modelWorker(page);
	// Not awaited: a worker that closes itself does not answer.
	void worker.evaluate(() => self.close()).catch(() => undefined);
	await expect(page.getByRole('alert').getByText('The model stopped unexpectedly')).toBeVisible();
	await expect(page.getByRole('button', { name: 'Ask', exact: true })).toBeDisabled();

	await expect(page.getByText('Run it on WASM instead')).toHaveCount(0);
	// Asking again starts the model first.
	await page.getByRole('button', { name: 'Retry' }).click();
	await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
	await expect(page.getByRole('article')).toHaveCount(1);
	expect(await answerOf(page.getByRole('article').first())).toBe(before);
});

test('a worker that dies within an answer: one click, and the answer comes, the conversation before it kept', async ({
	page
}) => {
	await open(page, '/?backend=wasm');
	const first = 'What color is the background?';
	const second = 'Describe the image.';
	await answerOf(await ask(page, first));
	const whole = await answerOf(await ask(page, second));
	const worker = await modelWorker(page);
	await page.getByRole('button', { name: 'Retry' }).last().click();
	void worker.evaluate(() => self.close()).catch(() => undefined);
	await page.getByRole('button', { name: 'Start the model again' }).first().click();
	await expect(page.getByRole('article')).toHaveCount(2);
	const answer = page.getByRole('article').last().getByRole('group', { name: 'Answer' });
	await expect(answer).toHaveText(whole, { timeout: 120_000 });
	await expect(page.getByRole('article').first()).toContainText(first);
});
