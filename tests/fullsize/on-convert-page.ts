import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright';
import { chromiumArgs, ensureChromium } from '../../scripts/chromium.mjs';
import { buildPage, served } from '../support/measured-page.ts';
import type {} from './convert-page/main.ts';

/** Builds the page that converts. */
export const buildConvertPage = (site: string) => buildPage(join(import.meta.dirname, 'convert-page'), site);

/**
 * Opens the page that converts in a browser of its own, with the checkpoint's files given to it.
 * @param profile a folder that is not there yet: without one a browser keeps its storage in memory
 */
export async function onConvertPage<T>(
	{
		site,
		profile,
		checkpoint
	}: { readonly site: string; readonly profile: string; readonly checkpoint: string },
	measure: (page: Page, browser: Browser) => Promise<T>
): Promise<T> {
	return served(site, async (address) => {
		const context = await chromium.launchPersistentContext(profile, {
			executablePath: await ensureChromium(),
			args: chromiumArgs
		});
		try {
			const page = await context.newPage();
			await page.goto(address);
			await page.waitForFunction(() => 'measures' in window);
			await page.locator('input').setInputFiles(checkpoint);
			return await measure(page, context.browser()!);
		} finally {
			await context.close();
		}
	});
}
