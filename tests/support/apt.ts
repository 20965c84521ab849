import { execFileSync, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes sure that a program is there, from Debian's packages when it is not. @throws Error when it cannot be installed */
export function needProgram(program: string, ...packages: readonly string[]): void {
	if (!spawnSync(program, ['--version']).error) return;
	try {
		const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
		// Two checks at a time may both need something; apt-get itself does not wait for another one.
		const alone = [join(tmpdir(), 'honeybee-apt.lock'), 'apt-get', '-qq'];
		for (const work of [['update'], ['install', '-y', '--no-install-recommends', ...packages]])
			execFileSync('flock', [...alone, ...work], { env, stdio: 'ignore' });
	} catch {
		throw new Error(
			`These tests need ${program}: install it (on Debian: apt-get install ${packages.join(' ')}, as root).`
		);
	}
}
