import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { convertCommand } from '../../../../src/cli/convert.ts';
import { inspect } from '../../../../src/cli/inspect.ts';
import { downloadModel } from '../../../../src/cli/conversion/hub.ts';
import {
	hubCheck,
	licenceIn,
	neededFiles,
	openHub,
	parseHubName
} from '../../../../src/lib/checkpoint/hub.ts';
import { sha256Hasher } from '../../../../src/lib/kernels/sha256.ts';
import type { ModelManifest } from '../../../../src/lib/model/manifest.ts';
import { silent } from '../../../support/golden-model.ts';
import {
	EXPIRED,
	filesIn,
	startHub,
	type HubFiles,
	type HubServerOptions
} from '../../../support/hub-server.ts';

const fixtures = 'tests/fixtures/families';
const card = new TextEncoder().encode('---\nlicense: apache-2.0\n---\n# A model\n');
const smolvlm: HubFiles = { ...filesIn(`${fixtures}/smolvlm-256m/checkpoint`), 'README.md': card };
const models = {
	'Tiny/SmolVLM': smolvlm,
	'Tiny/nanoVLM': filesIn(`${fixtures}/nanovlm/checkpoint`),
	'HuggingFaceTB/SmolLM2-360M-Instruct': filesIn(`${fixtures}/nanovlm/tokenizer`)
};

let root: string;
let hub: Awaited<ReturnType<typeof startHub>> | undefined;
beforeEach(async () => {
	root = await mkdtemp(join(tmpdir(), 'honeybee-hub-'));
});
afterEach(async () => {
	vi.unstubAllEnvs();
	await hub?.close();
	hub = undefined;
	await rm(root, { recursive: true });
});

async function start(options: Omit<HubServerOptions, 'models'> = {}): Promise<string> {
	hub = await startHub({ models, ...options });
	return hub.url;
}

const convert = async (name: string, ...more: string[]) => {
	const warnings: string[] = [];
	const terminal = { ...silent, warn: (text: string) => void warnings.push(text) };
	await convertCommand.run([name, join(root, 'out'), ...more], terminal);
	const manifest = JSON.parse(await readFile(join(root, 'out', 'honeybee.json'), 'utf8')) as ModelManifest;
	return { warnings, manifest };
};

describe('honeybee convert OWNER/NAME', () => {
	it('downloads what is needed, says the licence first and keeps it in the model', async () => {
		const { warnings, manifest } = await convert('Tiny/SmolVLM', '--hub', await start());
		expect(warnings[0]).toMatch(
			/^Tiny\/SmolVLM from http:\/\/127\.0\.0\.1:\d+: licence apache-2\.0, 1\.\d+ MB in \d+ files\.$/
		);
		expect(manifest.provenance.licence).toBe('apache-2.0');
		expect(manifest.provenance.sources[0]?.checkpoint).toBe('Tiny/SmolVLM');
		expect(manifest.family).toBe('smolvlm');
		expect(await readdir(root)).toEqual(['out']);
	});
	it('fetches the tokenizer from the model that the config names', async () => {
		const { manifest } = await convert('Tiny/nanoVLM', '--hub', await start());
		expect(manifest.files.map(({ path }) => path)).toContain('tokenizer.json');
		const asked = hub!.requests.filter(({ path }) => path.includes('SmolLM2-360M-Instruct/resolve'));
		expect(asked.every(({ path }) => /(tokenizer|special_tokens)/.test(path))).toBe(true);
	});
	it('fetches the base that an adapter names, another one that is asked for, or none that is at hand', async () => {
		const base = filesIn(`${fixtures}/llava-original/checkpoint`);
		const published = {
			'Me/lora': filesIn('tests/fixtures/lora/llava'),
			'lmsys/vicuna-7b-v1.5': base,
			'Other/base': base,
			'openai/clip-vit-large-patch14-336': filesIn(`${fixtures}/llava-original/vision`)
		};
		hub = await startHub({ models: published });
		const fetched = (name: string) =>
			hub!.requests.filter(({ path }) => path.includes(`${name}/resolve`)).length;
		const run = async (from: string, to: string, ...more: string[]) => {
			await convertCommand.run([from, join(root, to), '--hub', hub!.url, ...more], silent);
			const text = await readFile(join(root, to, 'honeybee.json'), 'utf8');
			const { provenance } = JSON.parse(text) as ModelManifest;
			return provenance.sources[0]!.files.map(({ path }) => path);
		};
		const files = await run('Me/lora', 'named');
		expect(files).toContain('non_lora_trainables.bin');
		expect(files).toContain('vicuna-7b-v1.5/pytorch_model-00001-of-00002.bin');
		expect(fetched('Other/base')).toBe(0);
		const before = fetched('vicuna-7b-v1.5');
		expect(await run('Me/lora', 'other', '--base', 'Other/base')).toContain('base/config.json');
		await run('Me/lora', 'here', '--base', `${fixtures}/llava-original/checkpoint`);
		expect(fetched('vicuna-7b-v1.5')).toBe(before);
		const vision = ['--vision', `${fixtures}/llava-original/vision`];
		expect(await run('tests/fixtures/lora/llava', 'local', '--base', 'Other/base', ...vision)).toContain(
			'base/config.json'
		);
		expect((await readdir(root)).filter((name) => name.endsWith('.download'))).toEqual([]);
	});
	it.each([
		[
			'Tiny/Nothing',
			{},
			'',
			/has no model Tiny\/Nothing, or it is private; check the name, or give a token \(HF_TOKEN\)\.$/
		],
		[
			'Tiny/SmolVLM',
			{ gated: { 'Tiny/SmolVLM': 'hf_right' } },
			'',
			/is gated: accept its terms at .*\/Tiny\/SmolVLM and give a token/
		],
		['Tiny/SmolVLM', { gated: { 'Tiny/SmolVLM': 'hf_right' } }, 'hf_wrong', /is gated: accept its terms/],
		['Tiny/SmolVLM', {}, 'secret', /The token in HF_TOKEN is none of the Hub/],
		['Tiny/SmolVLM', {}, EXPIRED, /refuses the token, which is wrong or has expired/],
		['Tiny/Nothing', {}, 'hf_right', /has no model Tiny\/Nothing that this token may read; check the name\.$/]
	])('refuses %s in one sentence (%o, token "%s")', async (name, options, token, message) => {
		vi.stubEnv('HF_TOKEN', token);
		await expect(convert(name, '--hub', await start(options))).rejects.toThrow(message);
	});
	it('reads what is gated with the token of an account that may', async () => {
		vi.stubEnv('HF_TOKEN', 'hf_right');
		const { manifest } = await convert(
			'Tiny/SmolVLM',
			'--hub',
			await start({ gated: { 'Tiny/SmolVLM': 'hf_right' } })
		);
		expect(manifest.family).toBe('smolvlm');
	});
});

describe('honeybee inspect OWNER/NAME', () => {
	it('reads a few ranges and tells what the model is', async () => {
		const lines: string[] = [];
		const terminal = { ...silent, write: (text: string) => void lines.push(text) };
		await inspect.run(['Tiny/SmolVLM', '--hub', await start()], terminal);
		const text = lines.join('');
		expect(text).toContain('checkpoint Tiny/SmolVLM');
		expect(text).toContain('licence    apache-2.0');
		expect(text).toMatch(/projector {2}pixel-shuffle: Pixel shuffle, M 4/);
		const ranges = hub!.requests.flatMap(({ path, range }) =>
			path.startsWith('/cdn/Tiny/SmolVLM/model') ? range : []
		);
		expect(ranges).not.toContain(`bytes=0-${smolvlm['model.safetensors']!.length - 1}`);
		expect(ranges).not.toContain(undefined);
	});
});

describe('a download', () => {
	const weights = 'model.safetensors';
	const isWeights = ({ url = '' }: { url?: string | undefined }) =>
		url.endsWith(weights) && url.startsWith('/cdn/');

	it('goes on where an interrupted one ended', async () => {
		const host = await start();
		const half = smolvlm[weights]!.length >> 1;
		await writeFile(join(root, `${weights}.part`), smolvlm[weights]!.subarray(0, half));
		await downloadModel('Tiny/SmolVLM', root, silent, { host, only: (path) => path === weights });
		const ranges = hub!.requests
			.filter((request) => request.path.startsWith('/cdn/'))
			.map(({ range }) => range);
		expect(ranges.at(-1)).toBe(`bytes=${half}-${smolvlm[weights]!.length - 1}`);
		expect(await readFile(join(root, weights))).toEqual(Buffer.from(smolvlm[weights]!));
	});
	it('fetches a file anew whose bytes are not those that were named, then refuses it', async () => {
		const bad = (times: number) => {
			let left = times;
			return (request: { url?: string | undefined; headers: { range?: string | undefined } }) =>
				isWeights(request) && request.headers.range !== 'bytes=0-0' && left-- > 0
					? ('other bytes' as const)
					: undefined;
		};
		await downloadModel('Tiny/SmolVLM', root, silent, {
			host: await start({ instead: bad(1) }),
			only: (path) => path === weights
		});
		expect(await readFile(join(root, weights))).toEqual(Buffer.from(smolvlm[weights]!));
		await hub!.close();
		await rm(join(root, weights));
		await expect(
			downloadModel('Tiny/SmolVLM', root, silent, {
				host: await start({ instead: bad(2) }),
				only: (path) => path === weights
			})
		).rejects.toThrow(/arrived twice with other bytes/);
	});
	it('is tried again where the connection is cut or the server asks to wait', async () => {
		const once = { cut: true, busy: true };
		const host = await start({
			instead: (request) => {
				if (once.busy && request.url?.includes('/tree/')) return ((once.busy = false), 'busy');
				if (once.cut && isWeights(request) && request.headers.range !== 'bytes=0-0')
					return ((once.cut = false), 'cut');
				return undefined;
			}
		});
		const waited: number[] = [];
		const model = await openHub('Tiny/SmolVLM', { host, wait: async (ms) => void waited.push(ms) });
		const file = model.files.find(({ path }) => path === weights)!;
		expect(await model.read(file, 0, file.size)).toEqual(smolvlm[weights]);
		expect(waited).toEqual([1000, 2000]);
	});
	it.each([
		[{ 'Retry-After': '3600' }, [], 'asks for fewer requests (429); try again in 60 minutes.'],
		[{ RateLimit: '"api";r=0;t=7' }, [7000, 7000, 7000, 7000], '(429); try again in 7 s.'],
		[{}, [2000, 4000, 8000, 16000], '(429); try again in some minutes.']
	])('waits as long as the server asks, or says how long that is (%o)', async (headers, waits, message) => {
		const server = createServer((_, response) => void response.writeHead(429, headers).end());
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		const { port } = server.address() as AddressInfo;
		const waited: number[] = [];
		const access = {
			host: `http://127.0.0.1:${port}`,
			wait: async () => undefined,
			onWait: (ms: number) => void waited.push(ms)
		};
		try {
			await expect(openHub('Tiny/SmolVLM', access)).rejects.toThrow(message);
		} finally {
			server.close();
		}
		expect(waited).toEqual(waits);
	});
	it('that stays cut says how to go on', async () => {
		const host = await start({ instead: (request) => (isWeights(request) ? 'cut' : undefined) });
		const model = await openHub('Tiny/SmolVLM', { host, wait: async () => undefined });
		const file = model.files.find(({ path }) => path === weights)!;
		await expect(model.read(file, 0, file.size)).rejects.toThrow(
			/connection to .* broke at model\.safetensors .* goes on from there/
		);
	});
});

it('needs settings, tokenizer and weights in one format, from the top of the model', () => {
	const named = (paths: readonly string[]) =>
		neededFiles(paths.map((path) => ({ path, size: 1 }))).map(({ path }) => path);
	expect(
		named([
			'.gitattributes',
			'README.md',
			'config.json',
			'chat_template.jinja',
			'tokenizer.json',
			'model.safetensors',
			'pytorch_model.bin',
			'training_args.bin',
			'onnx/model.onnx',
			'onnx/config.json',
			'merges.txt'
		])
	).toEqual(['README.md', 'config.json', 'chat_template.jinja', 'tokenizer.json', 'model.safetensors']);
	expect(
		named(['pytorch_model-00001-of-00002.bin', 'pytorch_model.bin.index.json', 'tokenizer.model'])
	).toHaveLength(3);
});

it('reads the licence of a model card', () => {
	expect(licenceIn('---\nlicense: other\nlicense_name: llama3\n---\n')).toBe('llama3');
	expect(licenceIn('---\ntags: [a]\n---\nlicense: mit')).toBeUndefined();
});

it.each([
	['owner/name', { name: 'owner/name' }],
	[' owner/name@v1.0 ', { name: 'owner/name', revision: 'v1.0' }],
	['owner/name@refs/pr/1', { name: 'owner/name', revision: 'refs/pr/1' }],
	['https://huggingface.co/owner/na-me.1/', { name: 'owner/na-me.1' }],
	['https://huggingface.co/owner/name/tree/main', { name: 'owner/name', revision: 'main' }],
	['name', undefined],
	['owner/name/more', undefined],
	['../name', undefined],
	['', undefined]
])('reads "%s" as a name on the Hub', (text, parsed) => {
	expect(parseHubName(text)).toEqual(parsed);
});

it('compares bytes with the hash that the server names, SHA-256 or Git’s', async () => {
	const host = await start();
	const { files } = await openHub('Tiny/SmolVLM', { host });
	for (const path of ['config.json', 'model.safetensors']) {
		const file = files.find((one) => one.path === path)!;
		for (const wrong of [0, 1]) {
			const check = hubCheck(file, sha256Hasher);
			const bytes = smolvlm[path]!.slice();
			bytes[100]! ^= wrong;
			check.update(bytes.subarray(0, 50));
			check.update(bytes.subarray(50));
			expect(await check.matches()).toBe(wrong === 0);
		}
	}
});
