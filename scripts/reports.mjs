/** What the JSON reports of vitest and Playwright say. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

/**
 * @typedef {{ title: string, file: string, tests: { results: { duration: number }[] }[] }} Spec
 * @typedef {{ title: string, suites?: Suite[], specs: Spec[] }} Suite
 * @typedef {{ suites: Suite[], stats: { expected: number, unexpected: number, flaky: number, skipped: number } }} PlaywrightReport
 * @typedef {{ name: string, status: string, assertionResults: { fullName: string, duration?: number | null }[] }} TestFile
 * @typedef {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number, testResults: TestFile[] }} VitestReport
 * @typedef {VitestReport | PlaywrightReport} Report
 */

/**
 * @param {string} file
 * @returns {Report | undefined} undefined where there is none
 */
export function readReport(file) {
	try {
		return /** @type {Report} */ (JSON.parse(readFileSync(file, 'utf8')));
	} catch {
		return undefined;
	}
}

/**
 * A file of tests that did not load counts as one failure.
 * @param {Report} report
 */
export function countsOf(report) {
	if ('stats' in report) {
		const { expected, unexpected, flaky, skipped } = report.stats;
		return { passed: expected, failed: unexpected + flaky, skipped };
	}
	const unloaded = report.testResults.filter(
		({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0
	).length;
	return {
		passed: report.numPassedTests,
		failed: report.numFailedTests + unloaded,
		skipped: report.numPendingTests + report.numTodoTests
	};
}

/**
 * What each test took, without what is done once for a file.
 * @param {Report} report
 * @param {string} root folder that the names of files are told from
 * @returns {{ name: string, seconds: number }[]}
 */
export function timesOf(report, root) {
	if ('stats' in report) return report.suites.flatMap((suite) => timesIn(suite, ''));
	return report.testResults.flatMap(({ name, assertionResults }) =>
		assertionResults.map(({ fullName, duration }) => ({
			name: `${relative(root, name)}: ${fullName}`,
			seconds: (duration ?? 0) / 1000
		}))
	);
}

/**
 * @param {Suite} suite
 * @param {string} above titles of the suites around it, without the file's
 * @returns {{ name: string, seconds: number }[]}
 */
function timesIn({ specs, suites = [] }, above) {
	return [
		...specs.map(({ title, file, tests }) => ({
			name: `${file}: ${above}${title}`,
			seconds: tests.flatMap(({ results }) => results).reduce((sum, { duration }) => sum + duration, 0) / 1000
		})),
		...suites.flatMap((suite) => timesIn(suite, `${above}${suite.title} `))
	];
}
