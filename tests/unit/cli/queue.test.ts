import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embeddedModel } from '../../support/embedded.ts';
import { startRedis } from '../../support/redis.ts';

const LIMIT = 75;
const evaluate = [
	'--model',
	embeddedModel,
	'--benchmark',
	'scenes',
	'--projector',
	'c-abs',
	'--tokens',
	'16',
	'--limit',
	String(LIMIT)
];

function honeybee(...args: string[]): {
	readonly child: ChildProcess;
	readonly ended: Promise<{ code: number | null; error: string }>;
} {
	const child = spawn(process.execPath, ['bin/honeybee.js', 'eval', ...args], {
		stdio: ['ignore', 'ignore', 'pipe']
	});
	let error = '';
	child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString()));
	return { child, ended: new Promise((resolve) => child.once('exit', (code) => resolve({ code, error }))) };
}

const resultsOf = (out: string) =>
	readFileSync(join(out, 'scenes/c-abs-m16/results.jsonl'), 'utf8')
		.trimEnd()
		.split('\n')
		.map((line) => JSON.parse(line) as { id: number; pred: string })
		.map(({ id, pred }) => ({ id, pred }))
		.sort((a, b) => a.id - b.id);

async function until(holds: () => Promise<boolean>): Promise<void> {
	while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

describe('honeybee eval --queue', () => {
	let server: Awaited<ReturnType<typeof startRedis>>;
	let folder: string;
	const children: ChildProcess[] = [];
	beforeAll(async () => {
		server = await startRedis();
		folder = mkdtempSync(join(tmpdir(), 'honeybee-queue-'));
	}, 300_000);
	afterAll(() => {
		for (const child of children) child.kill('SIGKILL');
		server.stop();
		rmSync(folder, { recursive: true, force: true });
	});

	it('loses and doubles nothing when a worker is killed in the middle, and gives what one process gives', async () => {
		const out = join(folder, 'queued');
		const coordinator = honeybee(...evaluate, '--queue', server.url, '--out', out);
		children.push(coordinator.child);
		const redis = new Redis(server.url, { maxRetriesPerRequest: null });
		const queue = new Queue('honeybee-eval', { connection: redis });
		const first = honeybee('--queue', server.url, '--worker', '--stalled-after', '4');
		children.push(first.child);
		await until(async () => (await queue.getCompletedCount()) > 0 || resultsSoFar(out) > 0);
		await until(async () => (await queue.getActiveCount()) > 0);
		first.child.kill('SIGKILL');
		expect(await queue.getActiveCount()).toBe(1);

		const workers = [0, 1].map(() => honeybee('--queue', server.url, '--worker', '--stalled-after', '4'));
		children.push(...workers.map(({ child }) => child));
		expect(await coordinator.ended).toMatchObject({ code: 0 });
		expect(await queue.getJobCountByTypes('wait', 'active', 'completed', 'failed', 'delayed')).toBe(0);
		for (const { child, ended } of workers) {
			child.kill('SIGINT');
			await ended;
		}
		await queue.close();
		redis.disconnect();

		const alone = join(folder, 'alone');
		expect(await honeybee(...evaluate, '--out', alone).ended).toMatchObject({ code: 0 });
		const merged = resultsOf(out);
		expect(merged.map(({ id }) => id)).toEqual(Array.from({ length: LIMIT }, (_, id) => id));
		expect(merged).toEqual(resultsOf(alone));
	}, 600_000);

	it('says where there is no server, and what a worker lacks', async () => {
		const none = await honeybee(...evaluate, '--queue', 'redis://127.0.0.1:1', '--out', join(folder, 'none'))
			.ended;
		expect(none).toMatchObject({ code: 2 });
		expect(none.error).toContain('There is no Redis server at redis://127.0.0.1:1');
		expect(await honeybee('--worker').ended).toMatchObject({ code: 2 });
		expect((await honeybee('--worker', '--queue', 'localhost').ended).error).toContain(
			'give the address of a Redis server'
		);
	}, 120_000);
});

function resultsSoFar(out: string): number {
	try {
		return resultsOf(out).length;
	} catch {
		return 0;
	}
}
