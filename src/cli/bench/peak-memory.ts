import { readFileSync } from 'node:fs';

/** Largest resident size of a process so far, in bytes; undefined where the system does not tell of that process. */
export function peakMemory(pid: number | 'self' = 'self'): number | undefined {
	if (process.platform === 'linux') {
		// Unlike getrusage, this one starts anew with the program.
		const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
		return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
	}
	return pid === 'self' ? process.resourceUsage().maxRSS * 1024 : undefined;
}
