import { Tensor } from 'onnxruntime-common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { gpuMemory } from '../../../../src/workers/model/gpu-memory.ts';

/** A device whose buffers are bytes here. */
class FakeBuffer {
	readonly bytes: Uint8Array<ArrayBuffer>;
	destroyed = false;
	mapped = false;
	constructor({ size }: { readonly size: number }) {
		this.bytes = new Uint8Array(size);
	}
	async mapAsync() {
		if (this.mapped) throw new Error('mapped already');
		this.mapped = true;
	}
	getMappedRange = (offset: number, size: number) => this.bytes.buffer.slice(offset, offset + size);
	unmap = () => void (this.mapped = false);
	destroy = () => void (this.destroyed = true);
}

const made: FakeBuffer[] = [];
const device = {
	createBuffer(descriptor: { readonly size: number }) {
		made.push(new FakeBuffer(descriptor));
		return made.at(-1);
	},
	createCommandEncoder: () => ({
		copyBufferToBuffer(from: FakeBuffer, at: number, to: FakeBuffer, target: number, size: number) {
			expect([at % 4, target % 4, size % 4]).toEqual([0, 0, 0]);
			to.bytes.set(from.bytes.subarray(at, at + size), target);
		},
		finish: () => undefined
	}),
	queue: {
		submit: () => undefined,
		writeBuffer: (to: FakeBuffer, offset: number, values: Float32Array<ArrayBuffer>) =>
			to.bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset)
	}
} as unknown as GPUDevice;

const names = ['GPUBufferUsage', 'GPUMapMode'] as const;
beforeAll(() => {
	for (const name of names)
		Object.assign(globalThis, { [name]: { STORAGE: 1, COPY_SRC: 2, COPY_DST: 4, MAP_READ: 8, READ: 1 } });
});
afterAll(() => {
	for (const name of names) Reflect.deleteProperty(globalThis, name);
});

it('is written, copied head by head into more room or less, and read again and again in one place', async () => {
	const memory = gpuMemory(device, Tensor);
	const [heads, width] = [2, 3];
	const values = Float32Array.from({ length: heads * 4 * width }, (_, i) => i + 1);
	const small = memory.allocate('float32', [1, heads, 4, width]);
	memory.write(small, values);
	const large = memory.allocate('float32', [1, heads, 6, width]);
	memory.copy(small, large, 3);
	const row = (head: number) => [...values.subarray(head * 4 * width, head * 4 * width + 3 * width)];
	const zeros = Array.from({ length: 3 * width }, () => 0);
	const read = await memory.read(large);
	expect([...read]).toEqual([...row(0), ...zeros, ...row(1), ...zeros]);
	const less = memory.allocate('float32', [1, heads, 3, width]);
	memory.copy(large, less, 3);
	expect([...(await less.getData(false))]).toEqual([...row(0), ...row(1)]);

	const count = made.length;
	memory.write(large, new Float32Array(heads * 6 * width).fill(7));
	expect(new Set(await memory.read(large))).toEqual(new Set([7]));
	// What was read before is not written over.
	expect(read[0]).toBe(1);
	expect(made.length).toBe(count);

	for (const tensor of [small, large, less]) tensor.dispose();
	expect(made.every(({ destroyed }) => destroyed)).toBe(true);
});

it('has whole vectors for every type', () => {
	const memory = gpuMemory(device, Tensor);
	const sizes = (['float32', 'float16', 'int32', 'int64'] as const).map((type) => {
		memory.allocate(type, [1, 5]);
		return made.at(-1)!.bytes.length;
	});
	expect(sizes).toEqual([32, 16, 32, 48]);
});
