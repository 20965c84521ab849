import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { needProgram } from './apt.ts';

/** A Redis server of this test's own, which keeps nothing. Installed from Debian's packages when it is not there. */
export async function startRedis(): Promise<{ readonly url: string; stop(): void }> {
	needProgram('redis-server', 'redis-server');
	const port = await freePort();
	const folder = mkdtempSync(join(tmpdir(), 'honeybee-redis-'));
	const server = spawn(
		'redis-server',
		['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder],
		{ stdio: ['ignore', 'pipe', 'inherit'] }
	);
	await new Promise<void>((resolve, reject) => {
		server.once('exit', (code) => reject(new Error(`redis-server ended with ${code}.`)));
		server.stdout.on('data', (chunk: Buffer) => {
			if (chunk.toString().includes('Ready to accept connections')) resolve();
		});
	});
	return {
		url: `redis://127.0.0.1:${port}`,
		stop() {
			server.removeAllListeners('exit');
			server.kill('SIGKILL');
			rmSync(folder, { recursive: true, force: true });
		}
	};
}

function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const probe = createServer();
		probe.once('error', reject);
		probe.listen(0, '127.0.0.1', () => {
			const address = probe.address();
			probe.close(() =>
				address && typeof address === 'object' ? resolve(address.port) : reject(new Error('No port.'))
			);
		});
	});
}
