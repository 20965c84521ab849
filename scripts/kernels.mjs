/**
 * Compiles the decoder's kernels (src/lib/kernels/assembly, AssemblyScript) with relaxed SIMD and without, into
 * src/lib/model/decoder/binaries.ts: `npm run build:kernels`. A test compares that file with what this makes of the sources.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const source = 'src/lib/kernels/assembly/decoder.ts';
const target = `${root}src/lib/model/decoder/binaries.ts`;

/** The memory is made outside and may be as large as addresses reach. */
const options = [
	...['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--enable', 'threads'],
	...['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
	// Vectors are passed between functions that are not called from outside.
	...['--disableWarning', '112']
];

/** Its command and not its module: the types of that declare another Array and Math for every file of the project. */
const compiler = join(
	dirname(createRequire(import.meta.url).resolve('assemblyscript/package.json')),
	'bin/asc.js'
);

/**
 * @param {readonly string[]} more options
 * @returns {string} base64 @throws Error with what the compiler said
 */
function compile(...more) {
	const folder = mkdtempSync(join(tmpdir(), 'kernels-'));
	try {
		const binary = join(folder, 'kernels.wasm');
		execFileSync(process.execPath, [compiler, source, ...options, '--outFile', binary, ...more], {
			...{ cwd: root, stdio: ['ignore', 'ignore', 'pipe'] }
		});
		return readFileSync(binary).toString('base64');
	} finally {
		rmSync(folder, { recursive: true });
	}
}

/** What `binaries.ts` holds when it is up to date. */
export function binaries() {
	const [relaxed, plain] = [compile('--enable', 'relaxed-simd'), compile()];
	return [
		'/** Made by `npm run build:kernels`. WebAssembly in base64: with relaxed SIMD, and without. */',
		`export const relaxed =\n\t'${relaxed}';`,
		`export const plain =\n\t'${plain}';`,
		''
	].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, binaries());
