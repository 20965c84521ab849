import { execFileSync, spawnSync } from 'node:child_process';

/** Makes sure that a program is there, from Debian's packages when it is not. @throws Error when it cannot be installed */
export function needProgram(program: string, ...packages: readonly string[]): void {
	if (!spawnSync(program, ['--version']).error) return;
	try {
		const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
		execFileSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore' });
		execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
			env,
			stdio: 'ignore'
		});
	} catch {
		throw new Error(
			`These tests need ${program}: install it (on Debian: apt-get install ${packages.join(' ')}, as root).`
		);
	}
}
