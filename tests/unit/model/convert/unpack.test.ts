import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { unpackTarGz } from '../../../../src/lib/model/convert/unpack.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import { memorySink } from '../../../support/memory-sink.ts';
import { tar } from '../../../browser/convert/tar-writer.ts';

const text = new TextEncoder().encode('{"model_type": "honeybee"}');
const packed = (bytes: Uint8Array) => new Blob([new Uint8Array(gzipSync(bytes))]);
const options = {
	room: 1e9,
	signal: new AbortController().signal,
	onProgress: () => undefined
};

describe('unpackTarGz', () => {
	it('writes the files that a conversion can need', async () => {
		const sink = memorySink();
		const archive = packed(
			tar([
				{ path: 'run/config.json', bytes: text },
				{ path: 'run/optimizer.pt', bytes: text }
			])
		);
		await unpackTarGz('run.tar.gz', archive, sink, options);
		expect(sink.files).toEqual({ 'run/config.json': text });
	});

	it('says that an archive is damaged', async () => {
		const whole = packed(tar([{ path: 'config.json', bytes: text }]));
		for (const damaged of [new Blob(['no gzip at all']), whole.slice(0, 60)]) {
			const unpacking = unpackTarGz('run.tar.gz', damaged, memorySink(), options);
			await expect(unpacking).rejects.toThrow(InputError);
			await expect(unpacking).rejects.toThrow('run.tar.gz is damaged or no gzip archive');
		}
	});

	it('notices that a file which is left out is cut off', async () => {
		const cut = tar([{ path: 'run/optimizer.pt', bytes: new Uint8Array(4096) }]).subarray(0, 512 + 1000);
		await expect(unpackTarGz('run.tar.gz', packed(cut), memorySink(), options)).rejects.toThrow(
			'run.tar.gz is a damaged tar archive: it ends 3096 bytes too early'
		);
	});

	it('passes on what the storage and the caller throw, whatever its class', async () => {
		const archive = packed(tar([{ path: 'config.json', bytes: text }]));
		const full = new TypeError('The storage is closed.');
		const sink = { ...memorySink(), create: () => Promise.reject(full) };
		await expect(unpackTarGz('run.tar.gz', archive, sink, options)).rejects.toBe(full);
		const own = new TypeError('undefined is no function');
		const onProgress = () => {
			throw own;
		};
		await expect(unpackTarGz('run.tar.gz', archive, memorySink(), { ...options, onProgress })).rejects.toBe(
			own
		);
	});
});
