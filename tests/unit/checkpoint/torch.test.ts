import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';
import { openTorchZip } from '../../../src/lib/checkpoint/torch.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import { toFloat32 } from '../../../src/lib/tensor/half.ts';
import { concat, fixture, recordingSource, storedZip, text, torchFile, unzipStored } from './build.ts';

const open = (bytes: Uint8Array) => openTorchZip(memorySource('x.bin', bytes));
const openFixture = (name: string) => open(fixture(`checkpoint/${name}`));

const dtypeOf: Record<string, string> = {
	Float: 'float32',
	Long: 'int64',
	BFloat16: 'bfloat16',
	Half: 'float16',
	Bool: 'bool'
};
const expected = JSON.parse(new TextDecoder().decode(fixture('checkpoint/expected.json'))) as Record<
	string,
	{ kind: string; dims: number[]; values: (number | boolean | 'inf')[] }
>;

async function expectAll(bytes: Uint8Array) {
	const opened = await open(bytes);
	expect([...opened.entries.keys()]).toEqual(Object.keys(expected));
	for (const [name, { kind, dims, values }] of Object.entries(expected)) {
		const read = await opened.read(name);
		expect(opened.entries.get(name)).toEqual({ name, dtype: dtypeOf[kind], dims });
		expect([read.dtype, read.dims]).toEqual([dtypeOf[kind], dims]);
		const numbers = values.map((value) => (value === 'inf' ? Infinity : Number(value)));
		if (read.dtype === 'int64') expect([...read.data].map(Number)).toEqual(numbers);
		else expect([...toFloat32(read).data]).toEqual(numbers);
	}
}

describe('archives pickled by CPython', () => {
	test.each([1, 2, 3, 4, 5])('protocol %i: views, strides, dtypes, parameters', async (protocol) => {
		await expectAll(fixture(`checkpoint/protocol-${protocol}.bin`));
	});

	test('a state dict under "model", beside other plain values', async () => {
		await expectAll(fixture('checkpoint/wrapped.bin'));
	});

	test.each(['all', 'offsets'] as const)('zip64 (%s), with other extra fields in front', async (zip64) => {
		const files = unzipStored(fixture('checkpoint/protocol-2.bin'));
		await expectAll(storedZip(files, { zip64 }));
	});
});

describe('files of PyTorch itself', () => {
	const cases = JSON.parse(new TextDecoder().decode(fixture('checkpoint/torch-expected.json'))) as Record<
		string,
		Record<string, { dtype: string; dims: number[]; values: number[] }>
	>;
	test.each(Object.entries(cases))('%s', async (name, tensors) => {
		const opened = await openFixture(`torch-${name}.bin`);
		expect([...opened.entries.keys()]).toEqual(Object.keys(tensors));
		for (const [key, { dtype, dims, values }] of Object.entries(tensors)) {
			const read = await opened.read(key);
			expect([read.dtype, read.dims]).toEqual([dtype, dims]);
			expect([...(read.dtype === 'float64' ? read.data : toFloat32(read).data)]).toEqual(values);
		}
	});
});

test('opening reads no tensor, reading one its bytes alone', async () => {
	const bytes = fixture('golden/d-abs/last/pytorch_model.bin');
	const { source, ranges } = recordingSource('pytorch_model.bin', bytes);
	const opened = await openTorchZip(source);
	const total = ranges.reduce((sum, [start, end]) => sum + end - start, 0);
	// The search for the zip directory looks at the last 64 KiB, the longest comment there can be.
	expect(total).toBeLessThan(66_000 + 22_133 + 30_000);
	ranges.length = 0;
	const { data } = await opened.read('language_model.model.embed_tokens.weight');
	expect(ranges.map(([start, end]) => end - start)).toEqual([30, data.byteLength]);
});

test('a slice of a shared storage reads the slice alone', async () => {
	const { source, ranges } = recordingSource('x.bin', fixture('checkpoint/protocol-2.bin'));
	const opened = await openTorchZip(source);
	ranges.length = 0;
	await opened.read('rows');
	expect(ranges.map(([start, end]) => end - start)).toEqual([30, 48]);
});

async function refusal(opening: Promise<unknown>): Promise<string> {
	const failure = await opening.then(
		() => 'opened',
		(error: unknown) => error
	);
	expect(failure).toBeInstanceOf(InputError);
	return (failure as Error).message;
}

describe('a pickle that wants to run something is refused by name', () => {
	test.each([0, 2, 4])('os.system and eval, protocol %i', async (protocol) => {
		expect(await refusal(openFixture(`evil-system-${protocol}.bin`))).toMatch(
			/^x\.bin is refused: its pickle names posix\.system, .*nothing was executed/
		);
		expect(await refusal(openFixture(`evil-eval-${protocol}.bin`))).toMatch(
			/names (__builtin__|builtins)\.eval,/
		);
		expect(existsSync('pwned')).toBe(false);
	});

	const byHand: [what: string, pickle: Uint8Array, message: RegExp][] = [
		['GLOBAL os', text('cos\nsystem\n(S"id"\ntR.'), /names os\.system,/],
		['STACK_GLOBAL', stackGlobal('subprocess', 'Popen'), /names subprocess\.Popen,/],
		['INST', text('(S"id"\nios\nsystem\n.'), /names os\.system,/],
		['INST of an allowed class', text('(icollections\nOrderedDict\n.'), /opcode INST/],
		[
			'neighbour of an allowed name',
			text('ctorch._utils\n_import_dotted_name\n.'),
			/torch\._utils\._import_dotted_name,/
		],
		[
			'attribute path',
			stackGlobal('collections', 'OrderedDict.fromkeys'),
			/collections\.OrderedDict\.fromkeys,/
		],
		['property of objects', text('c__proto__\nconstructor\n.'), /names __proto__\.constructor,/],
		['call of a class that is only a type', text('ctorch\nFloatStorage\n)R.'), /calls torch\.FloatStorage,/],
		['call of a string', text('S"eval"\n)R.'), /calls something that is no function/],
		['BUILD on a tensor type', text('ctorch\nFloatStorage\n}b.'), /sets attributes/],
		['NEWOBJ', Uint8Array.of(0x7d, 0x29, 0x81, 0x2e), /opcode 0x81/],
		['EXT1', Uint8Array.of(0x82, 1, 0x2e), /opcode 0x82/],
		['control characters in a name', text('cos\x1b[2J\nsystem\n.'), /names os\?\[2J\.system,/]
	];
	test.each(byHand)('%s', async (_, pickle, message) => {
		expect(await refusal(open(torchFile(pickle)))).toMatch(message);
	});
});

/** A pickle that names something by STACK_GLOBAL. */
function stackGlobal(module: string, name: string): Uint8Array {
	const short = (value: string) => concat([Uint8Array.of(0x8c, value.length), text(value)]);
	return concat([Uint8Array.of(0x80, 4), short(module), short(name), Uint8Array.of(0x93, 0x2e)]);
}

describe('other unusable files', () => {
	const good = () => unzipStored(fixture('checkpoint/protocol-2.bin'));
	const cases: [what: string, bytes: () => Uint8Array, message: RegExp][] = [
		['big-endian', () => fixture('checkpoint/big-endian.bin'), /big-endian/],
		[
			'tensor beyond its storage',
			() => fixture('checkpoint/out-of-storage.bin'),
			/reaches beyond its storage/
		],
		[
			'expanded without bound',
			() => fixture('checkpoint/expanded-bomb.bin'),
			/expanded tensor \[1000000, 1000000\]/
		],
		['storage missing', () => fixture('checkpoint/missing-storage.bin'), /archive\/data\/0 is missing/],
		['something beside tensors', () => fixture('checkpoint/not-a-tensor.bin'), /entry "epoch" is no tensor/],
		['legacy format', () => Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc), /before 1\.6/],
		['text', () => text('hello world'), /not a file of torch\.save/],
		['empty', () => new Uint8Array(0), /truncated/],
		['LFS pointer', () => text('version https://git-lfs.github.com/spec/v1\noid'), /git lfs pull/],
		['other zip', () => storedZip({ 'a.txt': text('a') }), /no data\.pkl/],
		[
			'TorchScript',
			() => storedZip({ 'a/data.pkl': text('}.'), 'a/constants.pkl': text('}.') }),
			/TorchScript/
		],
		['compressed', () => storedZip(good(), { method: 8 }), /is compressed/],
		['encrypted', () => storedZip(good(), { flags: 1 }), /is encrypted/],
		[
			'storage shorter than promised',
			() => storedZip({ ...good(), 'archive/data/1': new Uint8Array(8) }),
			/8 bytes where 24/
		],
		['no tensors', () => torchFile(text('}.')), /holds no tensors/],
		['no dict', () => torchFile(text('].')), /does not hold a state dict/],
		[
			'endless integer',
			() => torchFile(Uint8Array.of(0x8b, 0xff, 0xff, 0xff, 0x7f)),
			/integer of 2147483647 bytes/
		],
		['long string', () => torchFile(Uint8Array.of(0x58, 0xff, 0xff, 0xff, 0x7f)), /unexpected end/],
		['reference to nothing', () => torchFile(text('h\x05.')), /reference to nothing/]
	];
	test.each(cases)('%s', async (_, bytes, message) => {
		expect(await refusal(open(bytes()))).toMatch(message);
	});

	test('directory that points elsewhere', async () => {
		const bytes = fixture('checkpoint/protocol-2.bin');
		const view = new DataView(bytes.buffer);
		const directory = view.getUint32(bytes.length - 6, true);
		view.setUint32(directory + 42, 7, true);
		expect(await refusal(open(bytes))).toMatch(/where no file begins/);
		view.setUint32(bytes.length - 6, 5, true);
		expect(await refusal(open(bytes))).toMatch(/damaged or truncated/);
	});
});

describe('damage at any place gives a sentence, never another error', () => {
	const bytes = fixture('checkpoint/protocol-4.bin');

	async function openAndReadAll(file: Uint8Array): Promise<'read' | 'refused'> {
		try {
			const opened = await open(file);
			for (const name of opened.entries.keys()) await opened.read(name);
			return 'read';
		} catch (error) {
			if (error instanceof InputError) return 'refused';
			throw error;
		}
	}

	test('cut off at any byte', async () => {
		for (let size = 0; size < bytes.length; size++)
			if ((await openAndReadAll(bytes.subarray(0, size))) !== 'refused')
				throw new Error(`cut at ${size}: read`);
	});

	test('every byte changed, twice', async () => {
		const outcomes = { read: 0, refused: 0 };
		for (let at = 0; at < bytes.length; at++)
			for (const change of [0x01, 0xff]) {
				const file = bytes.slice();
				file[at]! ^= change;
				outcomes[await openAndReadAll(file)]++;
			}
		expect(outcomes.refused).toBeGreaterThan(500);
	});

	test('pickle cut off at any byte, and random opcodes', async () => {
		const files = unzipStored(bytes);
		const pickle = files['archive/data.pkl']!;
		for (let size = 0; size < pickle.length; size++) {
			const cut = storedZip({ ...files, 'archive/data.pkl': pickle.slice(0, size) });
			if ((await openAndReadAll(cut)) !== 'refused') throw new Error(`pickle cut at ${size}: read`);
		}
		let state = 1;
		const random = () => (state = (Math.imul(state, 48271) >>> 0) % 0x7fffffff);
		for (let i = 0; i < 3000; i++) {
			const changed = pickle.slice();
			for (let n = 0; n < 4; n++) changed[random() % changed.length] = random() & 0xff;
			await openAndReadAll(storedZip({ ...files, 'archive/data.pkl': changed }));
		}
	});
});
