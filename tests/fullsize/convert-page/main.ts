import type { DTypePreset } from '../../../src/lib/model/manifest.ts';
import { ConvertClient } from '../../../src/workers/convert/client.ts';

const files = () => [...document.querySelector('input')!.files!];
const drop = async (folder: string) =>
	(await navigator.storage.getDirectory()).removeEntry(folder, { recursive: true });

async function convert(dtype: DTypePreset, threads: string): Promise<{ ms: number; bytes: number }> {
	const client = new ConvertClient(
		() => new Worker(new URL('./convert.worker.ts', import.meta.url), { type: 'module', name: threads })
	);
	const picked = files().map((file) => ({ path: file.webkitRelativePath, file }));
	const began = performance.now();
	const { manifest } = await client.convert({
		checkpoint: { kind: 'files', files: picked },
		name: 'measured',
		dtype,
		keep: 'storage'
	});
	const ms = performance.now() - began;
	await drop('models');
	return { ms, bytes: manifest.files.reduce((sum, { size }) => sum + size, 0) };
}

async function copy(bytes: number): Promise<number> {
	const worker = new Worker(new URL('./copy.worker.ts', import.meta.url), { type: 'module' });
	const ms = await new Promise<number>((resolve, reject) => {
		worker.onmessage = ({ data }: MessageEvent<number>) => resolve(data);
		worker.onerror = (event) => reject(new Error(event.message));
		worker.postMessage({ files: files(), bytes });
	});
	worker.terminate();
	await drop('copy');
	return ms;
}

const measures = { convert, copy };
declare global {
	interface Window {
		measures: typeof measures;
	}
}
window.measures = measures;
