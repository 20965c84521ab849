import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { build } from 'vite';
import { converted, type Converted } from '../../../support/converted.ts';

const image = 'tests/fixtures/golden/images/scene_160x240.png';
let model: Converted;
/** Beside the packages that the bundle imports. */
let bundle: string;
beforeAll(async () => {
	// Wide enough for more than one thread.
	model = await converted('q4', {
		text: {
			...{ hidden_size: 576, num_attention_heads: 9, num_key_value_heads: 3 },
			...{ num_hidden_layers: 1, max_position_embeddings: 512 }
		}
	});
	const cache = 'node_modules/.cache';
	await mkdir(cache, { recursive: true });
	bundle = await mkdtemp(join(cache, 'honeybee-cli-'));
	await build({ configFile: 'vite.cli.config.ts', build: { outDir: bundle }, logLevel: 'silent' });
}, 60_000);
afterAll(async () => {
	await model.remove();
	await rm(bundle, { recursive: true });
});

/** What a program said that ended by itself. */
async function ended(
	program: string,
	args: readonly string[] = []
): Promise<Record<'stdout' | 'stderr', string>> {
	const file = join(bundle, 'program.mjs');
	await writeFile(file, program);
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [file, ...args]);
		const said = { stdout: '', stderr: '' };
		child.stdout.on('data', (chunk) => (said.stdout += String(chunk)));
		child.stderr.on('data', (chunk) => (said.stderr += String(chunk)));
		child.on('error', reject);
		child.on('close', (code) =>
			code === 0 ? resolve(said) : reject(new Error(`${code ?? 'killed'}: ${said.stderr}`))
		);
	});
}

const url = (file: string) => JSON.stringify(pathToFileURL(file).href);

it.each([
	['from its sources', () => 'src/cli/main.ts'],
	['as it is published', () => join(bundle, 'main.js')]
])('the command line, %s, answers by the kernels and ends', async (_, entry) => {
	const { stdout, stderr } = await ended(
		`const { main } = await import(${url(entry())}); process.exitCode = await main(process.argv.slice(2));`,
		[
			...['ask', '--model', model.root, '--image', image, '--prompt', 'One?', '--max-new-tokens', '3'],
			...['--json', '--device', 'node-q4']
		]
	);
	expect(stderr).toBe('');
	expect(JSON.parse(stdout)).toMatchObject({ backend: 'node-q4', dtype: 'q4' });
});

it('a process ends whose threads wait and were not ended', async () => {
	const { stdout } = await ended(
		`
		const { openFolder } = await import(${url('src/cli/io/disk.ts')});
		const { openModelFolder } = await import(${url('src/lib/model/runtime/model-folder.ts')});
		const { createQ4NodeBackend } = await import(${url('src/cli/kernels/backend.ts')});
		const { LanguageModel } = await import(${url('src/lib/model/runtime/language.ts')});
		const root = process.argv[2];
		const source = await openFolder(root);
		const folder = await openModelFolder(source);
		const backend = await createQ4NodeBackend(root, folder.manifest, 3);
		const model = await LanguageModel.load(backend, folder);
		const logits = await model.append(await model.embed([5, 6]), [5, 6]);
		console.log(logits.length, backend.info.description);
		`,
		[model.root]
	);
	expect(stdout).toMatch(/^320 .*\(3 threads/);
});

it('what starts a thread lies beside it in what is published', async () => {
	const files = (await readdir(bundle)).filter((file) => file.endsWith('.js'));
	const started = [];
	for (const file of files)
		for (const [, name] of (await readFile(join(bundle, file), 'utf8')).matchAll(
			/["`']\.\/([\w-]+-worker\.js)/g
		))
			started.push(name);
	expect(new Set(started)).toEqual(new Set(['convert-worker.js', 'image-worker.js', 'kernel-worker.js']));
	for (const name of started) expect(files).toContain(name);
});
