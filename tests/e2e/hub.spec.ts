import { EXPIRED, filesIn, startHub } from '../support/hub-server.ts';
import { answerOf, ask, expect, plain as test } from './workbench.ts';

const NAME = 'Tiny/SmolVLM';
const TOKEN = 'hf_right';
const card = new TextEncoder().encode('---\nlicense: apache-2.0\n---\n# A model\n');
const weights = 'model.safetensors';
const files: Record<string, Uint8Array> = {
	...filesIn('tests/fixtures/families/smolvlm-256m/checkpoint'),
	'README.md': card
};
/** Asked to its end; where it begins is Chromium's to say, which keeps what was read of it before. */
const toTheEnd = (range: string | undefined) => range?.endsWith(`-${files[weights]!.length - 1}`) === true;

test('a gated model is looked up by its name, downloaded across a reload, converted and asked', async ({
	page
}) => {
	test.setTimeout(600_000);
	let stalled = true;
	// The page is reloaded while the weights come.
	const hub = await startHub({
		models: { [NAME]: files },
		gated: { [NAME]: TOKEN },
		instead: ({ url, headers: { range } }) =>
			stalled && url?.startsWith('/cdn/') && url.endsWith(weights) && toTheEnd(range) ? 'stall' : undefined
	});
	const section = page.getByRole('region', { name: 'From the Hub by name' });
	const look = () => section.getByRole('button', { name: 'Look it up' }).click();
	const token = section.getByLabel(/^Token/);
	try {
		await page.goto('/models?backend=wasm');
		await section.getByText('Server and token').click();
		await section.getByLabel('Server').fill(hub.url);
		await section.getByLabel(/^Name of a model/).fill(NAME);
		await look();
		await expect(section.getByText(/is gated: accept its terms at/)).toBeVisible();
		await expect(section.getByRole('link')).toHaveAttribute('href', `${hub.url}/${NAME}`);
		await token.fill(EXPIRED);
		await look();
		await expect(section.getByText(/refuses the token, which is wrong or has expired/)).toBeVisible();
		await section.getByLabel(/^Name of a model/).fill('Tiny/Nothing');
		await token.fill(TOKEN);
		await look();
		await expect(section.getByText(/has no model Tiny\/Nothing that this token may read/)).toBeVisible();

		await section.getByLabel(/^Name of a model/).fill(NAME);
		await look();
		await expect(section.getByText(/SmolVLM .*Pixel shuffle, M = 4/)).toBeVisible();
		await expect(section.getByRole('definition').filter({ hasText: 'apache-2.0' })).toBeVisible();
		const read = hub.requests.filter(({ path }) => path.endsWith('model.safetensors'));
		expect(read.every(({ range }) => range !== undefined)).toBe(true);
		await section.getByRole('radio', { name: /^fp32, / }).check({ force: true });
		await section.getByLabel('Name', { exact: true }).fill('from-the-hub');
		await section.getByRole('button', { name: 'Download and convert' }).click();
		await expect(page.getByText(/^Fetching: /)).toBeVisible();
		// The small files, which come first, are whole by now.
		await expect
			.poll(
				() => hub.requests.some(({ path, range }) => path === `/cdn/${NAME}/${weights}` && toTheEnd(range)),
				{
					timeout: 60_000
				}
			)
			.toBe(true);

		stalled = false;
		await page.reload();
		const row = page.getByRole('row', { name: /from-the-hub/ });
		await expect(row).toContainText(`Download of ${NAME} not at its end.`);
		const before = hub.requests.length;
		await row.getByRole('button', { name: 'Go on' }).click();
		await expect(page.getByText(/^Converted: /)).toBeVisible({ timeout: 120_000 });
		const after = hub.requests.slice(before).map(({ path }) => path);
		expect(after).toContain(`/cdn/${NAME}/model.safetensors`);
		// What was whole is not fetched again.
		expect(after).not.toContain(`/cdn/${NAME}/tokenizer.json`);
		await row.getByRole('button', { name: 'Use' }).click();
		await page
			.getByRole('navigation', { name: 'Pages' })
			.getByRole('link', { name: 'Start', exact: true })
			.click();
		await expect(page.getByText(/^Loaded in /)).toBeVisible({ timeout: 120_000 });
		await expect(page.getByText('apache-2.0').first()).toBeAttached();
		await answerOf(await ask(page, 'What is this?'));
		expect(await kept(page)).not.toContain(TOKEN);
	} finally {
		await hub.close();
	}
});

/** Everything that stays when the tab is closed, and the address. */
const kept = (page: Parameters<typeof ask>[0]) =>
	page.evaluate(async () => {
		const texts = [location.href, JSON.stringify(localStorage)];
		const read = async (folder: FileSystemDirectoryHandle): Promise<void> => {
			for await (const handle of folder.values())
				if (handle.kind === 'directory') await read(handle);
				else if (handle.name.endsWith('.json')) texts.push(await (await handle.getFile()).text());
		};
		await read(await navigator.storage.getDirectory());
		return texts.join('\n');
	});
