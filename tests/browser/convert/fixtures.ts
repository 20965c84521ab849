import type { PickedFile } from '../../../src/workers/convert-api.ts';

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

export interface TarFile {
	readonly path: string;
	readonly bytes?: Uint8Array;
	/** '0' is a regular file, '2' a link, '5' a folder. */
	readonly type?: string;
	/** Size in the header, where it is to differ. */
	readonly size?: number;
}

/** A ustar archive; GNU long names where they are needed. */
export function tar(files: readonly TarFile[]): Uint8Array<ArrayBuffer> {
	const blocks: Uint8Array[] = [];
	const add = ({ path, bytes = new Uint8Array(0), type = '0', size = bytes.length }: TarFile) => {
		const header = new Uint8Array(512);
		const put = (text: string, at: number) => header.set(new TextEncoder().encode(text), at);
		put(path.slice(0, 100), 0);
		put('0000644\0', 100);
		put(`${size.toString(8).padStart(11, '0')}\0`, 124);
		put('        ', 148);
		put(type, 156);
		put('ustar\0' + '00', 257);
		put(
			`${header
				.reduce((sum, byte) => sum + byte, 0)
				.toString(8)
				.padStart(6, '0')}\0 `,
			148
		);
		blocks.push(header, bytes, new Uint8Array(-bytes.length & 511));
	};
	for (const file of files) {
		if (file.path.length > 100)
			add({ path: '././@LongLink', bytes: new TextEncoder().encode(`${file.path}\0`), type: 'L' });
		add(file);
	}
	blocks.push(new Uint8Array(1024));
	const whole = new Uint8Array(blocks.reduce((sum, { length }) => sum + length, 0));
	let at = 0;
	for (const block of blocks) {
		whole.set(block, at);
		at += block.length;
	}
	return whole;
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
