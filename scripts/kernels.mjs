/**
 * Compiles the decoder's kernels (src/lib/kernels/assembly, AssemblyScript) with relaxed SIMD and without, into
 * src/workers/model/decoder/binaries.ts: `npm run build:kernels`. A test compares that file with what this makes of the sources.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('../', import.meta.url));
const source = 'src/lib/kernels/assembly/decoder.ts';
const target = `${root}src/workers/model/decoder/binaries.ts`;

/** The memory is made outside and may be as large as addresses reach. */
const options = [
	...['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--enable', 'threads'],
	...['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
	// Vectors are passed between functions that are not called from outside.
	...['--disableWarning', '112']
];

/** @param {readonly string[]} more */
async function compile(...more) {
	/** @type {Uint8Array | undefined} */
	let binary;
	let said = '';
	const { error } = await asc.main([source, ...options, '--outFile', 'kernels.wasm', ...more], {
		readFile: (name, folder) => {
			try {
				return readFileSync(`${root}${folder === '.' ? '' : `${folder}/`}${name}`, 'utf8');
			} catch {
				// The compiler looks in several places.
				return null;
			}
		},
		writeFile: (_name, contents) => {
			if (typeof contents !== 'string') binary = contents;
		},
		listFiles: () => [],
		stderr: { write: (text) => void (said += String(text)) }
	});
	if (error || !binary) throw new Error(`The kernels do not compile: ${error?.message}\n${said}`);
	return Buffer.from(binary).toString('base64');
}

/** What `binaries.ts` holds when it is up to date. */
export async function binaries() {
	const [relaxed, plain] = [await compile('--enable', 'relaxed-simd'), await compile()];
	return [
		'/** Made by `npm run build:kernels`. WebAssembly in base64: with relaxed SIMD, and without. */',
		`export const relaxed =\n\t'${relaxed}';`,
		`export const plain =\n\t'${plain}';`,
		''
	].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, await binaries());
