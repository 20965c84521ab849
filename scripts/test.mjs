/**
 * `npm test`: installs what is missing and runs every check, two at a time, whatever the others say.
 * `npm test -- unit e2e` runs only the named ones, `--slowest` names the tests that took longest in the end. With `--every-browser`, a
 * browser that is not on this machine fails the check `browsers` instead of being named as not tried.
 * What a check says stands in test-results/<check>.log, too. In the end a table names what each took, and what that was in CPU seconds.
 */
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ensureChromium } from './chromium.mjs';
import { watchCpu } from './cpu-seconds.mjs';
import { countsOf, readReport, timesOf } from './reports.mjs';
import { SetupError, build, install, root, runTool } from './setup.mjs';
import { findStock, installStock, missingStock, stockBrowsers } from './stock-browsers.mjs';

/**
 * @typedef {{ passed: number, failed: number, skipped: number, note?: string }} Outcome
 * @typedef {Outcome & { name: string, seconds: number, cpu?: number | undefined }} Row `cpu`: CPU seconds, where they are known
 * @typedef {{ onText: (text: string) => void, onStart: (pid: number) => void }} Watch
 * @typedef {{ name: string, browser?: boolean, after?: readonly string[], run: (watch: Watch) => Promise<Outcome> }} Step
 *   `after`: checks that must have ended before, when they run at all.
 */

const results = join(root, 'test-results');
/** @param {string} check */
const reportOf = (check) => join(results, `${check}.json`);

const everyBrowser = process.argv.includes('--every-browser');

/** How many tests `--slowest` names. */
const NAMED = 20;

/**
 * A tool whose exit code says it all: one check.
 * @param {string} script
 * @param {...string} args
 * @returns {Step['run']}
 */
function check(script, ...args) {
	return async (watch) => {
		const code = await runTool(script, args, watch);
		return code === 0
			? { passed: 1, failed: 0, skipped: 0 }
			: { passed: 0, failed: 1, skipped: 0, note: `${script.split('/')[0]}: exit code ${code}` };
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

/**
 * @param {string} project
 * @param {...string} args
 * @returns {Step['run']}
 */
function vitest(project, ...args) {
	return async (watch) => {
		const file = reportOf(project);
		const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
		const all = ['run', '--project', project, ...reporters, ...args];
		const code = await runTool('vitest/vitest.mjs', all, watch);
		const report = readReport(file);
		return report
			? settle(countsOf(report), code)
			: { passed: 0, failed: 1, skipped: 0, note: `no report, exit code ${code}` };
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

/** @type {Step['run']} */
async function playwright(watch) {
	const file = reportOf('e2e');
	const code = await runTool('playwright/cli.js', ['test', '--reporter=list,json'], {
		env: { PLAYWRIGHT_JSON_OUTPUT_NAME: file, HONEYBEE_TEST_PORT: String(await freePort()) },
		...watch
	});
	const report = readReport(file);
	return report
		? settle(countsOf(report), code)
		: { passed: 0, failed: 1, skipped: 0, note: `no report, exit code ${code}` };
}

/**
 * Without the browsers that are not on this machine, which are named; with `--every-browser` their tests fail.
 * @type {Step['run']}
 */
async function inStockBrowsers(watch) {
	const missing = missingStock();
	if (missing.length === 0 || everyBrowser) return vitest('browsers')(watch);
	const note = missing.join(' ');
	const here = Object.entries(stockBrowsers).flatMap(([id, browser]) => (findStock(browser) ? [id] : []));
	if (here.length === 0) return { passed: 0, failed: 0, skipped: missing.length, note };
	const outcome = await vitest('browsers', '--testNamePattern', `^(${here.join('|')}) `)(watch);
	return { ...outcome, note: [outcome.note, note].filter(Boolean).join('; ') };
}

/** @type {Step['run']} */
async function buildAll(watch) {
	await build(watch);
	return { passed: 1, failed: 0, skipped: 0 };
}

/**
 * In the order in which they begin: those that take longest first. SvelteKit's types and the build are written to one folder, and the tests
 * run what is built.
 * @type {readonly Step[]}
 */
const steps = [
	{
		name: 'types',
		// Of components and modules alike.
		run: check('svelte-check/bin/svelte-check', '--tsconfig', './tsconfig.json', '--fail-on-warnings')
	},
	{ name: 'build', after: ['types'], run: buildAll },
	{ name: 'e2e', browser: true, after: ['build'], run: playwright },
	{ name: 'browser', browser: true, run: vitest('browser') },
	{ name: 'unit', after: ['build'], run: vitest('unit') },
	{ name: 'browsers', after: ['build'], run: inStockBrowsers },
	{ name: 'lint', run: check('eslint/bin/eslint.js', '.', '--max-warnings', '0') },
	{ name: 'format', run: check('prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.') }
];

/**
 * What a step writes: to its log, and to the terminal line by line, with the step's name when others write, too.
 * @param {string} name
 * @param {boolean} alone
 */
function output(name, alone) {
	const log = createWriteStream(join(results, `${name}.log`));
	let rest = '';
	const show = (/** @type {string} */ line) =>
		console.log(alone || !line.trim() ? line : `${name.padEnd(8)} │ ${line}`);
	return {
		/** @param {string} text */
		write(text) {
			log.write(text);
			const lines = (rest + text).split('\n');
			rest = lines.pop() ?? '';
			for (const line of lines) show(line);
		},
		end() {
			if (rest) show(rest);
			log.end();
		}
	};
}

/**
 * @param {Step} step
 * @param {Promise<string> | undefined} chromium
 * @param {boolean} alone
 * @returns {Promise<Row>}
 */
async function attempt({ name, browser, run }, chromium, alone) {
	const { write, end } = output(name, alone);
	const begin = Date.now();
	const processes = watchCpu();
	const costs = () => ({ seconds: (Date.now() - begin) / 1000, cpu: processes.end() });
	console.log(`\n── ${name} ──`);
	try {
		if (browser) process.env.CHROMIUM_PATH = await chromium;
		const outcome = await run({ onText: write, onStart: processes.add });
		end();
		const row = { name, ...outcome, ...costs() };
		console.log(
			`── ${name}: ${outcome.failed ? `${outcome.failed} failed` : 'passed'}, ${row.seconds.toFixed(0)} s ──`
		);
		return row;
	} catch (error) {
		end();
		console.error(error instanceof SetupError ? error.message : error);
		const note = error instanceof Error ? error.message : String(error);
		return { name, passed: 0, failed: 1, skipped: 0, note, ...costs() };
	}
}

/**
 * Runs steps, `width` at a time: always the first that waits for none.
 * @param {readonly Step[]} chosen
 * @param {number} width
 * @param {(step: Step) => Promise<Row>} work
 * @returns {Promise<Row[]>} in the order of the steps
 */
async function inLanes(chosen, width, work) {
	/** @type {Map<string, Row | undefined>} Begun steps; undefined while they run. */
	const begun = new Map();
	const open = (/** @type {string} */ name) => chosen.some((step) => step.name === name) && !begun.get(name);
	/** @type {Set<Promise<void>>} */
	const lanes = new Set();
	while (begun.size < chosen.length || lanes.size > 0) {
		const next = chosen.find(({ name, after = [] }) => !begun.has(name) && !after.some(open));
		if (next && lanes.size < width) {
			begun.set(next.name, undefined);
			/** @type {Promise<void>} */
			const lane = work(next).then((row) => {
				begun.set(next.name, row);
				lanes.delete(lane);
			});
			lanes.add(lane);
		} else await Promise.race(lanes);
	}
	return chosen.map(({ name }) => /** @type {Row} */ (begun.get(name)));
}

/** @param {readonly Step[]} chosen */
function nameSlowest(chosen) {
	const times = chosen.flatMap(({ name }) => {
		const report = readReport(reportOf(name));
		return report ? timesOf(report, root).map((time) => ({ ...time, check: name })) : [];
	});
	times.sort((a, b) => b.seconds - a.seconds);
	console.log(`\nThe slowest ${Math.min(NAMED, times.length)} of ${times.length} tests:`);
	for (const { seconds, check, name } of times.slice(0, NAMED))
		console.log(`${seconds.toFixed(1).padStart(6)} s  ${check.padEnd(7)}  ${name}`);
}

async function main() {
	const slowest = process.argv.includes('--slowest');
	const wanted = process.argv.slice(2).filter((word) => !['--slowest', '--every-browser'].includes(word));
	const unknown = wanted.find((name) => !steps.some((step) => step.name === name));
	if (unknown)
		throw new SetupError(
			`There is no check named "${unknown}". There are: ${steps.map((s) => s.name).join(', ')}; and --slowest, --every-browser.`
		);
	await install();
	rmSync(results, { recursive: true, force: true });
	mkdirSync(results, { recursive: true });
	// The settings of TypeScript that every check reads.
	if ((await runTool('@sveltejs/kit/svelte-kit.js', ['sync'])) !== 0)
		throw new SetupError('"svelte-kit sync" failed; its own message is above.');

	const chosen = steps.filter(({ name }) => !wanted.length || wanted.includes(name));
	const width = Math.min(2, availableParallelism(), chosen.length);
	const begin = Date.now();
	// Before the steps, which may install something with the same apt-get; a failure is said by those that need it.
	const chromium = chosen.some(({ browser }) => browser) ? ensureChromium() : undefined;
	await chromium?.catch(() => undefined);
	if (chosen.some(({ name }) => name === 'browsers')) await installStock();
	const rows = await inLanes(chosen, width, (step) => attempt(step, chromium, width === 1));

	const line = (/** @type {(string | number)[]} */ [name = '', ...cells]) =>
		console.log(String(name).padEnd(9) + cells.map((cell) => String(cell).padStart(9)).join(''));
	console.log();
	const total = rows.every(({ cpu }) => cpu !== undefined)
		? rows.reduce((sum, { cpu = 0 }) => sum + cpu, 0)
		: undefined;
	line(['check', 'passed', 'failed', 'skipped', 'seconds', 'CPU']);
	for (const { name, passed, failed, skipped, seconds, cpu } of rows)
		line([name, passed, failed, skipped, seconds.toFixed(0), cpu?.toFixed(0) ?? '']);
	line(['all', '', '', '', ((Date.now() - begin) / 1000).toFixed(0), total?.toFixed(0) ?? '']);
	for (const { name, note, failed } of rows)
		if (note ?? failed) console.log(`${name}: ${note ?? `see test-results/${name}.log`}`);
	if (slowest) nameSlowest(chosen);
	const sum = (/** @type {'passed' | 'failed'} */ key) => rows.reduce((total, row) => total + row[key], 0);
	process.exitCode = sum('failed') ? 1 : 0;
	console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
}

main().catch((error) => {
	console.error(error instanceof SetupError ? error.message : error);
	console.log('\n0 passed, 1 failed');
	process.exitCode = 1;
});
