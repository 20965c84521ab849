import { globSync } from 'node:fs';
import { expect, test as base, type BrowserContext } from 'playwright/test';

/** Where the built workbench has the runtimes of models. */
const BUILD = 'build';
const RUNTIMES = '_app/immutable/workers/assets/ort-*.wasm';

/** A browser context for one test after another, which is as new for each of them. */
interface Profile {
	readonly context: BrowserContext;
	readonly empty: () => Promise<void>;
}

/**
 * Like Playwright's, in one context for all tests of a process, emptied after each: the browser starts, fetches and compiles
 * once. A page of its own keeps the renderer from ending between tests, and what is compiled of the runtime: V8 gives it to every worker of the
 * process for as long as one has it. After a failed test Playwright begins anew.
 */
export const test = base.extend<object, { profile: Profile }>({
	profile: [
		async ({ browser }, use, { project }) => {
			const { baseURL = '', viewport = null, actionTimeout = 0, navigationTimeout = 0 } = project.use;
			const context = await browser.newContext({ baseURL, viewport });
			context.setDefaultTimeout(actionTimeout);
			context.setDefaultNavigationTimeout(navigationTimeout);
			const keeper = await context.newPage();
			// Of the workbench, without its scripts.
			await keeper.goto('/_app/version.json');
			// Chromium's WebAssembly can wait: it never takes the one that was rewritten for others.
			const runtimes = globSync(RUNTIMES, { cwd: BUILD }).filter((path) => !path.includes('.asyncify'));
			expect(runtimes, `runtimes in ${BUILD}/${RUNTIMES}`).not.toEqual([]);
			await keeper.evaluate(async (paths) => {
				const compiled = paths.map((path) => WebAssembly.compileStreaming(fetch(`/${path}`)));
				Object.assign(globalThis, { compiled: await Promise.all(compiled) });
			}, runtimes);
			const devtools = await context.newCDPSession(keeper);
			const empty = async () => {
				for (const page of context.pages()) if (page !== keeper) await page.close();
				await context.unrouteAll();
				await context.clearPermissions();
				// Workers take a moment to end, and let go of files only then.
				const held = () => keeper.evaluate(async () => (await navigator.locks.query()).held?.length);
				await expect.poll(held, 'locks of workers').toBe(0);
				await context.clearCookies();
				const left = () =>
					keeper.evaluate(async () => {
						const files: string[] = [];
						for await (const name of (await navigator.storage.getDirectory()).keys()) files.push(name);
						const stores = [...(await caches.keys()), ...Object.keys(localStorage)];
						return [...files, ...stores, ...(await indexedDB.databases()).map(({ name }) => name)];
					});
				// What was being written when its page was closed may come after.
				await expect(async () => {
					await devtools.send('Storage.clearDataForOrigin', { origin: baseURL, storageTypes: 'all' });
					expect(await left(), 'what is left of a test').toEqual([]);
				}).toPass({ timeout: 60_000 });
			};
			await use({ context, empty });
			await context.close();
		},
		{ scope: 'worker' }
	],
	context: async ({ profile }, use) => {
		await use(profile.context);
		await profile.empty();
	}
});
