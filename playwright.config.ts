import { defineConfig } from 'playwright/test';
import { chromiumArgs, findChromium } from './scripts/chromium.mjs';

const port = Number(process.env.HONEYBEE_TEST_PORT ?? 4390);

/** End-to-end tests in real Chromium against the built workbench, served as `npm start` serves it. */
export default defineConfig({
	testDir: 'tests/e2e',
	outputDir: 'test-results/e2e',
	timeout: 480_000,
	globalTimeout: 45 * 60_000,
	// Of what is computed: it comes when it comes, on a machine that does much else, too.
	expect: { timeout: 180_000 },
	workers: 1,
	forbidOnly: Boolean(process.env.CI),
	reporter: 'list',
	use: {
		baseURL: `http://localhost:${port}`,
		browserName: 'chromium',
		viewport: { width: 1440, height: 900 },
		// A control that never becomes usable is named instead of eating the test's time.
		actionTimeout: 60_000,
		// All pages in one process, which keeps what it has compiled (tests/e2e/one-context.ts).
		launchOptions: { executablePath: findChromium(), args: [...chromiumArgs, '--process-per-site'] }
	},
	webServer: {
		command: `node scripts/start.mjs --port ${port}`,
		url: `http://localhost:${port}`,
		timeout: 180_000,
		gracefulShutdown: { signal: 'SIGTERM', timeout: 5_000 }
	}
});
