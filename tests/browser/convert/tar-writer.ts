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
