import { tar, type TarFile } from './tar-writer.ts';
import type { PickedFile } from '../../../src/workers/convert/api.ts';

const urls = import.meta.glob<string>('../../fixtures/golden/*/last/*', {
	query: '?url',
	import: 'default',
	eager: true
});

/** A golden checkpoint as files dropped on the page. @param change what is done to a file before */
export async function goldenFiles(
	checkpoint: string,
	change: (path: string, bytes: Uint8Array) => Uint8Array | undefined = (_, bytes) => bytes
): Promise<PickedFile[]> {
	const prefix = `../../fixtures/golden/${checkpoint}/last/`;
	const files: PickedFile[] = [];
	for (const [path, url] of Object.entries(urls)) {
		if (!path.startsWith(prefix)) continue;
		const name = path.slice(prefix.length);
		const bytes = change(name, new Uint8Array(await (await fetch(url)).arrayBuffer()));
		if (bytes)
			files.push({ path: `${checkpoint}/last/${name}`, file: new Blob([bytes as Uint8Array<ArrayBuffer>]) });
	}
	return files;
}

export async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Blob> {
	return new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))).blob();
}

export async function goldenTarGz(checkpoint: string): Promise<PickedFile[]> {
	const files = await goldenFiles(checkpoint);
	const entries: TarFile[] = [{ path: `${checkpoint}/`, type: '5' }];
	for (const { path, file } of files) entries.push({ path, bytes: new Uint8Array(await file.arrayBuffer()) });
	return [{ path: `${checkpoint}.tar.gz`, file: await gzip(tar(entries)) }];
}
