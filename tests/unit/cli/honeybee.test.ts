import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const golden = join(root, 'tests/fixtures/golden');
const image = join(golden, 'images/scene_160x240.png');
let folder: string;
let model: string;

interface Outcome {
	readonly code: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

/** Runs bin/honeybee.js in a process of its own; `interruptAt` sends Ctrl-C once so much text came out. */
function honeybee(args: readonly string[], { interruptAt = Infinity } = {}): Promise<Outcome> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [join(root, 'bin/honeybee.js'), ...args]);
		let stdout = '';
		let stderr = '';
		let interrupted = false;
		child.stdout.on('data', (chunk) => {
			stdout += String(chunk);
			if (!interrupted && stdout.length >= interruptAt) {
				interrupted = true;
				child.kill('SIGINT');
			}
		});
		child.stderr.on('data', (chunk) => (stderr += String(chunk)));
		child.on('error', reject);
		child.on('close', (code) => resolve({ code, stdout, stderr }));
	});
}

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'honeybee-'));
	model = join(folder, 'model');
	const { code, stderr } = await honeybee([
		...['convert', join(golden, 'd-abs/last'), model, '--name', 'tiny', '--licence', 'CC0-1.0']
	]);
	expect(stderr).toBe('');
	expect(code).toBe(0);
});
afterAll(() => rm(folder, { recursive: true }));

it('convert says what must be known of the model also where nobody watches, in a log', async () => {
	const cases = join(root, 'tests/fixtures/cases');
	const { code, stderr } = await honeybee([
		...['convert', join(cases, 'tiny-base'), join(folder, 'longer')],
		...['--tokenizer', join(cases, 'tokenizer-one-longer/tokenizer')]
	]);
	expect(stderr).toMatch(
		/^The tokenizer in \S+ has a token without a row [^\n]* \(<pad>, id 512\); [^\n]*\.\n$/
	);
	expect(code).toBe(0);
});

const question = 'How many objects are there in the picture?';
/** Arguments of `ask` about the image. */
const asking = (prompt: string, limit: string, ...more: readonly string[]) => [
	...['ask', '--model', model, '--image', image, '--prompt', prompt, '--max-new-tokens', limit],
	...more
];

describe('ask', () => {
	it('prints the answer, or exactly the promised JSON', async () => {
		const args = asking(question, '20');
		const { cases } = JSON.parse(await readFile(join(golden, 'd-abs/golden.json'), 'utf8'));
		const json = await honeybee([...args, '--json']);
		expect(json).toMatchObject({ code: 0, stderr: '' });
		const result = JSON.parse(json.stdout);
		expect(Object.keys(result)).toEqual([
			...['text', 'ids', 'prompt_ids', 'timings_ms', 'tokens_per_second', 'backend', 'dtype'],
			'transparency'
		]);
		expect(Object.keys(result.timings_ms)).toEqual(['vision', 'projector', 'prefill', 'decode']);
		expect(result).toMatchObject({
			ids: cases.main.generated_ids,
			prompt_ids: cases.main.input_ids,
			backend: 'node',
			dtype: 'fp32'
		});
		const text = await honeybee(args);
		expect(text).toEqual({ code: 0, stderr: '', stdout: `${cases.main.generated_text}\n` });
	});

	it('answers without an image', async () => {
		const { code, stdout } = await honeybee([
			...['ask', '--model', model, '--prompt', 'Describe the old house.', '--max-new-tokens', '20', '--json']
		]);
		const { cases } = JSON.parse(await readFile(join(golden, 'd-abs/golden.json'), 'utf8'));
		expect(code).toBe(0);
		expect(JSON.parse(stdout).ids).toEqual(cases.text.generated_ids);
	});

	it('takes earlier turns from a file and a system message, which stand in the prompt', async () => {
		const file = join(folder, 'turns.json');
		await writeFile(file, JSON.stringify([{ question: 'One?', answer: 'A' }]));
		const args = asking('Two?', '2', '--json');
		const alone = JSON.parse((await honeybee(args)).stdout) as { prompt_ids: number[] };
		const { code, stdout, stderr } = await honeybee([...args, '--turns', file]);
		expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
		const { prompt_ids } = JSON.parse(stdout) as { prompt_ids: number[] };
		const visual = (ids: readonly number[]) => ids.filter((id) => id < 0).length;
		expect(prompt_ids.length).toBeGreaterThan(alone.prompt_ids.length);
		// The image stands before the first question, once.
		expect(visual(prompt_ids)).toBe(visual(alone.prompt_ids));
		// Another message stands first, and the sentences of the model's own form are gone.
		const led = JSON.parse((await honeybee([...args, '--system', 'Be brief.'])).stdout) as typeof alone;
		expect(led.prompt_ids.length).toBeLessThan(alone.prompt_ids.length);
		expect(visual(led.prompt_ids)).toBe(visual(alone.prompt_ids));
		await writeFile(file, '[{"question": "One?"}]');
		const damaged = await honeybee([...args, '--turns', file]);
		expect(damaged.code).toBe(2);
		expect(damaged.stderr).toMatch(/^honeybee: Turn 1 of \S+ is no question with its answer; give [^\n]*\n$/);
	});

	it('keeps what it wrote when it is interrupted', async () => {
		const args = asking(question, '3900');
		const { code, stdout, stderr } = await honeybee(args, { interruptAt: 10 });
		expect(code).toBe(1);
		expect(stdout.length).toBeGreaterThanOrEqual(10);
		expect(stdout.endsWith('\n')).toBe(true);
		expect(stderr).not.toContain(' at ');
	});
});

describe('inspect of checkpoints as people have them', () => {
	const cases = join(root, 'tests/fixtures/cases');

	it('tells what the numbers depend on, and what is left over', async () => {
		const { code, stdout } = await honeybee(['inspect', join(cases, 'attention-bias')]);
		expect(code).toBe(0);
		expect(stdout).toMatch(
			/RoPE base 10000, eps 0\.00001, activation silu, eos 2, head of its own, biases in attention/
		);
		expect(stdout).toMatch(
			/unused {5}vision_model\.vision_model\.post_layernorm \(2\), as in every checkpoint/
		);
		const odd = await honeybee(['inspect', join(cases, 'unused-odd-dtype/fp8')]);
		expect(odd.stdout).toMatch(/note {7}1 tensor is in the checkpoint and not in the model/);
	});

	it('lists the tensors of one that cannot be converted, says why, and fails', async () => {
		const path = join(cases, 'projector-deeper-than-config');
		const { code, stdout, stderr } = await honeybee(['inspect', path, '--tensors']);
		expect(code).toBe(2);
		expect(stdout).toContain('tensor     abstractor.net.4.weight');
		expect(stderr).toMatch(/does not speak of \(abstractor\.net\.4\.bias and 1 more\)/);
		expect(stdout).toMatch(/\nverdict {4}cannot be converted\n$/);
	});
});

describe('inspect', () => {
	it('shows a checkpoint', async () => {
		const { code, stdout } = await honeybee(['inspect', join(golden, 'd-abs/last')]);
		expect(code).toBe(0);
		expect(stdout).toContain('projector  d-abs: D-Abstractor, M 16');
		expect(stdout).toContain('abstractor.reference_points  float32  [1, 16, 2]');
		// It ends with whether it can be converted, and how.
		const path = join(golden, 'd-abs/last');
		expect(stdout).toMatch(
			/\nverdict {4}can be converted(?: with a tokenizer, which it does not hold)?: npx honeybee convert \S+ OUT_DIR(?: --tokenizer DIR)?\n$/
		);
		expect(stdout.includes('--tokenizer DIR')).toBe(stdout.includes('tokenizer  missing'));
		expect(stdout).toContain(`convert ${path} OUT_DIR`);
		// Layers stand together, and every tensor by itself where that is asked for.
		const all = await honeybee(['inspect', path, '--tensors']);
		const lines = (text: string) => text.split('\n').filter((line) => line.startsWith('tensor '));
		const [, count] = /tensors {4}(\d+),/.exec(stdout)!;
		expect(lines(all.stdout)).toHaveLength(Number(count));
		const folded = lines(stdout);
		expect(folded.length).toBeLessThan(lines(all.stdout).length / 2);
		expect(folded.find((line) => line.includes('layers.{0–'))).toMatch(/ \(\d+\)$/);
		const counted = folded.map((line) => Number(/ \((\d+)\)$/.exec(line)?.[1] ?? 1));
		expect(counted.reduce((sum, one) => sum + one, 0)).toBe(Number(count));
	});

	it('shows a model folder and finds a damaged file', async () => {
		const whole = await honeybee(['inspect', model]);
		expect(whole).toMatchObject({ code: 0, stderr: '' });
		expect(whole.stdout).toContain('model      tiny');
		expect(whole.stdout).toContain('licence    CC0-1.0');
		expect(whole.stdout).toContain('in a whole prompt (--raw-prompt) <image> stands for each image');
		expect(whole.stdout).toMatch(/\nverdict {4}whole; ask it: npx honeybee ask --model [^\n]*\n$/);
		const path = join(model, 'cache.onnx');
		const bytes = await readFile(path);
		await writeFile(path, bytes.subarray(1));
		const damaged = await honeybee(['inspect', model]);
		const asked = await honeybee(['ask', '--model', model, '--prompt', 'Why?']);
		await writeFile(path, bytes);
		expect(damaged.code).toBe(2);
		expect(damaged.stderr).toContain('cache.onnx');
		expect(asked.code).toBe(2);
		expect(asked.stderr).toContain('cache.onnx in the model folder');
	});
});

describe('what cannot be used ends with code 2 and one line that says so', () => {
	const cases: [string, () => string[], string][] = [
		['an unknown command', () => ['frob'], '"frob" is not a command'],
		['no model', () => ['ask', '--prompt', 'x'], '--model DIR is missing'],
		['no prompt', () => ['ask', '--model', model], '--prompt TEXT is missing'],
		[
			'both prompts',
			() => ['ask', '--model', model, '--prompt', 'x', '--raw-prompt', 'y'],
			'exclude each other'
		],
		[
			'a system message beside a whole prompt',
			() => ['ask', '--model', model, '--raw-prompt', 'x', '--system', 'y'],
			'--system and --raw-prompt exclude each other'
		],
		[
			'an empty system message',
			() => ['ask', '--model', model, '--prompt', 'x', '--system', ' '],
			'message is empty'
		],
		['an unknown option', () => ['ask', '--bogus'], "Unknown option '--bogus'"],
		['a value like an option', () => ['ask', '--model', model, '--prompt', '-x'], '--option=-value'],
		[
			'a number that is none',
			() => ['ask', '--model', model, '--prompt', 'x', '--tokens', 'y'],
			'--tokens is "y"'
		],
		[
			'a meaningless temperature',
			() => ['ask', '--model', model, '--prompt', 'x', '--temperature=-1'],
			'temperature is -1'
		],
		['an empty question', () => ['ask', '--model', model, '--prompt', ''], 'question is empty'],
		[
			'a prompt beyond the context',
			() => ['ask', '--model', model, '--prompt', 'dog '.repeat(5000)],
			"the model's context of 4096"
		],
		[
			'a file that is no image',
			() => ['ask', '--model', model, '--prompt', 'x', '--image', join(root, 'package.json')],
			'package.json'
		],
		[
			'an absent image',
			() => ['ask', '--model', model, '--prompt', 'x', '--image', '/no/x.png'],
			'/no/x.png'
		],
		[
			'a folder as an image',
			() => ['ask', '--model', model, '--prompt', 'x', '--image', golden],
			`${golden} is a folder; give a file.`
		],
		[
			'a trace in a folder that is not there',
			() => ['ask', '--model', model, '--prompt', 'x', '--trace', join(folder, 'no/t.safetensors')],
			'no/t.safetensors cannot be written: its folder is not there; make it first, or choose another.'
		],
		[
			'a figure in a folder that is not there',
			() => ['figure', 'token-map', '--model', model, '--image', image, '--out', join(folder, 'no/a.svg')],
			'no/a.svg cannot be written: its folder is not there; make it first, or choose another.'
		],
		[
			'a series in a folder that is not there',
			() => ['series', model, '--steps', '1', '--image', image, '--out', join(folder, 'no/a.json')],
			'no/a.json cannot be written: its folder is not there'
		],
		[
			'a folder as a series',
			() => ['figure', 'checkpoint-series', '--series', golden, '--out', join(folder, 'a.svg')],
			`--series ${golden} is a folder; give a file.`
		],
		[
			'images in a question',
			() => ['ask', '--model', model, '--image', image, '--prompt', '<image> or <image>?'],
			'The question has <image> in it, which stands for an image in a whole prompt'
		],
		[
			'a server that is not there',
			() => ['inspect', 'no-one/nothing', '--hub', 'http://127.0.0.1:9'],
			'http://127.0.0.1:9 cannot be reached, so that no-one/nothing cannot be looked up; check the network, or name another server (--hub).'
		],
		['a folder that is no model', () => ['ask', '--model', golden, '--prompt', 'x'], 'honeybee.json'],
		['an impossible M', () => ['ask', '--model', model, '--prompt', 'x', '--tokens', '7'], 'cannot give 7'],
		['an absent output folder', () => ['convert', golden], 'OUT_DIR is missing'],
		['an unknown dtype', () => ['convert', golden, join(folder, 'x'), '--dtype', 'q9'], '--dtype is "q9"']
	];
	it.each(cases)('%s', async (_, args, message) => {
		const { code, stdout, stderr } = await honeybee(args());
		expect(stderr).toContain(message);
		expect(stderr.trim().split('\n')).toHaveLength(1);
		expect(stderr).toMatch(/^honeybee: /);
		expect(stdout).toBe('');
		expect(code).toBe(2);
	});
});

it('says in ask that the projector was not trained at an M', async () => {
	const flexible = join(folder, 'flexible');
	expect((await honeybee(['convert', join(golden, 'c-abs/last'), flexible])).code).toBe(0);
	const args = ['ask', '--model', flexible, '--image', image, '--prompt', 'x', '--max-new-tokens', '1'];
	expect((await honeybee([...args, '--tokens', '4'])).stderr).toMatch(
		/^C-Abstractor was not trained at M = 4, but at \d+: [^\n]*\n$/
	);
	expect((await honeybee(args)).stderr).toBe('');
});

it('helps', async () => {
	const general = await honeybee(['--help']);
	expect(general.code).toBe(0);
	for (const command of ['convert', 'ask', 'inspect']) {
		expect(general.stdout).toContain(command);
		const special = await honeybee([command, '--help']);
		expect(special.code).toBe(0);
		expect(special.stdout).toContain(`Usage: honeybee ${command}`);
	}
});
