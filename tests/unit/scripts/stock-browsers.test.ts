import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findStock, missingStock, stockBrowsers } from '../../../scripts/stock-browsers.mjs';

const { firefox, webkit } = stockBrowsers;

describe('stock browsers', () => {
	let folder: string;
	const put = (name: string) => writeFileSync(join(folder, name), '');

	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), 'stock-'));
		vi.stubEnv('PATH', [join(folder, 'none'), folder].join(delimiter));
	});
	afterEach(() => {
		vi.unstubAllEnvs();
		rmSync(folder, { recursive: true });
	});

	it('are found on the path under any of their names', () => {
		expect(findStock(firefox)).toBeUndefined();
		put('firefox');
		expect(findStock(firefox)).toBe(join(folder, 'firefox'));
		put('firefox-esr');
		expect(findStock(firefox)).toBe(join(folder, 'firefox-esr'));
	});

	it('count only with all that they need', () => {
		put('WebKitWebDriver');
		expect(findStock(webkit)).toBeUndefined();
		put('Xvfb');
		expect(findStock(webkit)).toBe(join(folder, 'WebKitWebDriver'));
	});

	it('that are missing are named, with what installs them', () => {
		put('firefox');
		expect(missingStock()).toEqual([
			expect.stringMatching(/^WebKitGTK was not tried: .*\(apt-get install webkit2gtk-driver xvfb\)\.$/)
		]);
		put('WebKitWebDriver');
		put('Xvfb');
		expect(missingStock()).toEqual([]);
	});
});
