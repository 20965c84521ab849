import { describe, expect, it } from 'vitest';
import { countsOf, timesOf } from '../../../scripts/reports.mjs';

const vitest = {
	numPassedTests: 2,
	numFailedTests: 1,
	numPendingTests: 3,
	numTodoTests: 1,
	testResults: [
		{
			name: '/project/tests/unit/a.test.ts',
			status: 'failed',
			assertionResults: [
				{ fullName: 'a one', duration: 1500 },
				{ fullName: 'a skipped one', duration: null }
			]
		},
		{ name: '/project/tests/unit/b.test.ts', status: 'failed', assertionResults: [] }
	]
};
const playwright = {
	stats: { expected: 4, unexpected: 1, flaky: 2, skipped: 3 },
	suites: [
		{
			title: 'chat.spec.ts',
			specs: [
				{
					title: 'answers',
					file: 'chat.spec.ts',
					tests: [{ results: [{ duration: 1000 }, { duration: 250 }] }]
				}
			],
			suites: [
				{
					title: 'on WASM',
					specs: [{ title: 'stops', file: 'chat.spec.ts', tests: [{ results: [{ duration: 500 }] }] }]
				}
			]
		}
	]
};

describe('reports of the checks', () => {
	it('count a file that did not load as one failure', () => {
		expect(countsOf(vitest)).toEqual({ passed: 2, failed: 2, skipped: 4 });
	});

	it('count a test that passed only when it was tried again as a failure', () => {
		expect(countsOf(playwright)).toEqual({ passed: 4, failed: 3, skipped: 3 });
	});

	it('tell what each test took, with its file and every try', () => {
		expect(timesOf(vitest, '/project')).toEqual([
			{ name: 'tests/unit/a.test.ts: a one', seconds: 1.5 },
			{ name: 'tests/unit/a.test.ts: a skipped one', seconds: 0 }
		]);
		expect(timesOf(playwright, '/project')).toEqual([
			{ name: 'chat.spec.ts: answers', seconds: 1.25 },
			{ name: 'chat.spec.ts: on WASM stops', seconds: 0.5 }
		]);
	});
});
