/**
 * `npm test`: installs what is missing and runs every check, whatever the earlier ones said.
 * `npm test -- unit e2e` runs only the named ones.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ensureChromium } from './chromium.mjs';
import { SetupError, build, install, root, runTool } from './setup.mjs';

/**
 * @typedef {{ passed: number, failed: number, skipped: number, note?: string }} Outcome
 * @typedef {{ name: string, browser?: boolean, run: () => Promise<Outcome> }} Step
 */

const results = join(root, 'test-results');

/**
 * A tool whose exit code says it all: one check.
 * @param {readonly (readonly [script: string, ...args: string[]])[]} commands
 * @returns {() => Promise<Outcome>}
 */
function check(...commands) {
	return async () => {
		for (const [script, ...args] of commands) {
			const code = await runTool(script, args);
			if (code !== 0)
				return { passed: 0, failed: 1, skipped: 0, note: `${script.split('/')[0]}: exit code ${code}` };
		}
		return { passed: 1, failed: 0, skipped: 0 };
	};
}

/**
 * A runner that failed although no test did (a file that does not load, a crash) counts as one failure.
 * @param {Outcome} counts
 * @param {number} code exit code of the runner
 * @returns {Outcome}
 */
function settle(counts, code) {
	if (code !== 0 && counts.failed === 0) return { ...counts, failed: 1, note: `exit code ${code}` };
	if (counts.passed + counts.failed === 0) return { ...counts, failed: 1, note: 'no test ran' };
	return counts;
}

/** @param {string} file */
function readReport(file) {
	try {
		return JSON.parse(readFileSync(file, 'utf8'));
	} catch {
		return undefined;
	}
}

/**
 * @param {string} project
 * @returns {() => Promise<Outcome>}
 */
function vitest(project) {
	return async () => {
		const file = join(results, `${project}.json`);
		const code = await runTool('vitest/vitest.mjs', [
			'run',
			'--project',
			project,
			'--reporter=default',
			'--reporter=json',
			`--outputFile.json=${file}`
		]);
		const report = readReport(file);
		if (!report) return { passed: 0, failed: 1, skipped: 0, note: `no report, exit code ${code}` };
		/** @type {{ status: string, assertionResults: unknown[] }[]} */
		const files = report.testResults;
		const unloaded = files.filter(
			(entry) => entry.status === 'failed' && entry.assertionResults.length === 0
		).length;
		return settle(
			{
				passed: report.numPassedTests,
				failed: report.numFailedTests + unloaded,
				skipped: report.numPendingTests + report.numTodoTests
			},
			code
		);
	};
}

/**
 * A port that nothing listens on, so that two checkouts can be tested at a time.
 * @returns {Promise<number>}
 */
function freePort() {
	return new Promise((resolve, reject) => {
		const server = createServer().once('error', reject);
		server.listen(0, 'localhost', () => {
			const address = server.address();
			server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
		});
	});
}

/** @returns {Promise<Outcome>} */
async function playwright() {
	const file = join(results, 'e2e.json');
	const code = await runTool('playwright/cli.js', ['test', '--reporter=list,json'], {
		env: { PLAYWRIGHT_JSON_OUTPUT_NAME: file, HONEYBEE_TEST_PORT: String(await freePort()) }
	});
	const stats = readReport(file)?.stats;
	if (!stats) return { passed: 0, failed: 1, skipped: 0, note: `no report, exit code ${code}` };
	return settle(
		{ passed: stats.expected, failed: stats.unexpected + stats.flaky, skipped: stats.skipped },
		code
	);
}

/** @returns {Promise<Outcome>} */
async function buildAll() {
	await build();
	return { passed: 1, failed: 0, skipped: 0 };
}

/** @type {readonly Step[]} */
const steps = [
	{ name: 'format', run: check(['prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.']) },
	{ name: 'lint', run: check(['eslint/bin/eslint.js', '.', '--max-warnings', '0']) },
	{
		name: 'types',
		run: check(
			['@sveltejs/kit/svelte-kit.js', 'sync'],
			['svelte-check/bin/svelte-check', '--tsconfig', './tsconfig.json', '--fail-on-warnings'],
			['typescript/bin/tsc', '--noEmit', '--project', '.']
		)
	},
	{ name: 'build', run: buildAll },
	{ name: 'unit', run: vitest('unit') },
	{ name: 'browser', browser: true, run: vitest('browser') },
	{ name: 'e2e', browser: true, run: playwright }
];

/**
 * @param {Step} step
 * @returns {Promise<Outcome>}
 */
async function attempt(step) {
	try {
		if (step.browser) process.env.CHROMIUM_PATH = await ensureChromium();
		return await step.run();
	} catch (error) {
		console.error(error instanceof SetupError ? error.message : error);
		return { passed: 0, failed: 1, skipped: 0, note: error instanceof Error ? error.message : String(error) };
	}
}

async function main() {
	const wanted = process.argv.slice(2);
	const unknown = wanted.find((name) => !steps.some((step) => step.name === name));
	if (unknown)
		throw new SetupError(
			`There is no check named "${unknown}". There are: ${steps.map((s) => s.name).join(', ')}.`
		);
	await install();
	rmSync(results, { recursive: true, force: true });
	mkdirSync(results, { recursive: true });

	/** @type {(Outcome & { name: string, seconds: number })[]} */
	const rows = [];
	for (const step of steps.filter(({ name }) => !wanted.length || wanted.includes(name))) {
		console.log(`\n── ${step.name} ──`);
		const begin = Date.now();
		const outcome = await attempt(step);
		rows.push({ name: step.name, ...outcome, seconds: (Date.now() - begin) / 1000 });
	}

	const line = (/** @type {(string | number)[]} */ [name = '', ...cells]) =>
		console.log(String(name).padEnd(8) + cells.map((cell) => String(cell).padStart(9)).join(''));
	console.log();
	line(['check', 'passed', 'failed', 'skipped', 'seconds']);
	for (const { name, passed, failed, skipped, seconds } of rows)
		line([name, passed, failed, skipped, seconds.toFixed(0)]);
	for (const { name, note } of rows) if (note) console.log(`${name}: ${note}`);
	const sum = (/** @type {'passed' | 'failed'} */ key) => rows.reduce((total, row) => total + row[key], 0);
	process.exitCode = sum('failed') ? 1 : 0;
	console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
}

main().catch((error) => {
	console.error(error instanceof SetupError ? error.message : error);
	console.log('\n0 passed, 1 failed');
	process.exitCode = 1;
});
