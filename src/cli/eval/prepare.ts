import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Benchmark, Example } from '../../lib/benchmarks/benchmark.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import type { Terminal } from '../command.ts';
import { openDataFolder } from './data-folder.ts';

/** This project's root, from src/cli/eval and from dist/cli. */
export const packageRoot = new URL(
	import.meta.url.includes('/dist/') ? '../../' : '../../../',
	import.meta.url
);

/** All examples of a benchmark. @param path absent for those that are built in */
export async function readExamples(
	benchmark: Benchmark,
	path: string | undefined,
	terminal: Terminal
): Promise<Example[]> {
	const builtIn = benchmark.builtIn && `static/${benchmark.builtIn.folder}`;
	if (path === undefined && builtIn === undefined)
		throw new InputError(`--data PATH is missing: a folder with ${benchmark.files.join(' ')}.`);
	const folder = await openDataFolder(path ?? fileURLToPath(new URL(builtIn!, packageRoot)));
	const examples: Example[] = [];
	for await (const example of benchmark.examples(folder)) {
		examples.push(example);
		if (examples.length % 500 === 0)
			terminal.progress(`reading ${benchmark.title}: ${examples.length} examples`);
		if (terminal.signal.aborted) throw new Error('interrupted');
	}
	return examples;
}

/** Of the workbench and the runtime. */
export async function readVersions(): Promise<Record<string, string>> {
	const { version } = JSON.parse(await readFile(new URL('package.json', packageRoot), 'utf8')) as {
		version: string;
	};
	const { env } = await import('onnxruntime-node');
	return { honeybee: version, onnxruntime: env.versions.node ?? env.versions.common };
}
