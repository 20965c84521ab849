import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright/test';
import { studies, studyOf } from '../../src/lib/study/registry.ts';
import { readCapsule } from '../../src/lib/viz/export/embed.ts';
import { figures } from '../../src/lib/viz/registry.ts';
import { expect, model, sceneFile, test } from './workbench.ts';

const titleOf = (id: string) => figures.find((one) => one.id === id)!.title;

/** Figures that one image, a projector that samples it and a question make without being asked for. */
const live = Object.keys(studies).filter((id) => {
	const { needs, slow } = studyOf(id)!;
	return !slow && !needs.some((need) => ['scene', 'run', 'runs', 'series', 'comparison'].includes(need));
});

async function drop(page: Page, path: string): Promise<void> {
	const base64 = readFileSync(path).toString('base64');
	await page.evaluate((data) => {
		const transfer = new DataTransfer();
		const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
		transfer.items.add(new File([bytes], 'figure.svg'));
		window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
	}, base64);
}

test('the gallery makes every figure of an image as it is scrolled to, as the command line does', async ({
	page
}, info) => {
	test.setTimeout(900_000);
	const scene = info.outputPath('scene.png');
	sceneFile(scene, 12);
	await page.goto('/gallery?backend=wasm&projector=d-abs');
	await expect(page.getByRole('radio', { name: 'D-Abstractor' })).toBeChecked({ timeout: 120_000 });
	await page.getByLabel('Image file').setInputFiles(scene);

	await expect(page.getByRole('heading', { level: 1, name: 'Gallery' })).toBeVisible();
	for (const id of Object.keys(studies))
		await expect(page.getByRole('heading', { level: 2, name: titleOf(id), exact: true })).toBeAttached();
	// Nothing is made that nobody looks at.
	const unseen = page.locator('#figure-logit-lens').getByRole('button', { name: 'Export', exact: true });
	await expect(unseen).toBeDisabled();
	const drawn: string[] = [];
	for (const id of live) {
		const entry = page.getByRole('heading', { level: 2, name: titleOf(id), exact: true });
		await entry.scrollIntoViewIfNeeded();
		const figure = page.locator(`#figure-${id}`);
		if ((await figure.count()) === 0) continue;
		await expect(figure.getByRole('button', { name: 'Export', exact: true }), id).toBeEnabled({
			timeout: 180_000
		});
		await expect(figure.locator('.foot'), id).toContainText('honeybee-mini');
		await expect(figure.getByRole('alert'), id).toHaveCount(0);
		drawn.push(id);
	}
	// The D-Abstractor has no gates, and the model cuts no picture into tiles; it has all the rest.
	expect(live.filter((id) => !drawn.includes(id))).toEqual(['channel-gates', 'influence-together']);
	await expect(page.getByText('has no squeeze-and-excite gates')).toBeAttached();
	await expect(page.getByText('Needs a run of honeybee eval; the page Benchmarks makes it.')).toHaveCount(
		Object.keys(studies).filter((id) => studyOf(id)!.needs.includes('run')).length
	);

	// Its numbers come out of the graph as they are. Maps of small steps divide rounding by the step, so that Node's and WASM's differ.
	const id = 'sampling-offsets';
	const figure = page.locator(`#figure-${id}`);
	await figure.scrollIntoViewIfNeeded();
	await figure.getByRole('button', { name: 'Export', exact: true }).click();
	const [download] = await Promise.all([
		page.waitForEvent('download'),
		figure.getByRole('button', { name: 'SVG', exact: true }).click()
	]);
	const [here, there] = [info.outputPath('here.svg'), info.outputPath('there.svg')];
	await download.saveAs(here);
	execFileSync(
		process.execPath,
		[
			...['bin/honeybee.js', 'figure', id, '--model', model, '--image', scene],
			...['--projector', 'd-abs', '--out', there]
		],
		{ stdio: ['ignore', 'pipe', 'inherit'] }
	);
	const [ours, theirs] = [here, there].map((path) => readCapsule(new Uint8Array(readFileSync(path)))!);
	expect(ours!.method).toBe(theirs!.method);
	expect(ours!.provenance.replace(/ on wasm$/, '')).toBe(theirs!.provenance.replace(/ on node$/, ''));
	expect(ours!.origin.address).toBe(theirs!.origin.address);
	expect(ours!.table.columns).toEqual(theirs!.table.columns);
	expect(ours!.table.rows).toBe(theirs!.table.rows);

	for (const path of [here, there]) {
		await drop(page, path);
		await expect(page).toHaveURL(/offsets\?.*projector=d-abs/);
		await expect(
			figure.getByText(/^Identical to the file( but for the rounding of wasm and node)?.*: all \d+ rows/),
			path
		).toBeVisible();
		await page.getByRole('link', { name: 'Gallery', exact: true }).click();
	}
});
