import { languageIn4Bits, storedInBlocks, type ModelManifest } from '../lib/model/manifest.ts';
import type { Backend } from '../lib/model/runtime/backend.ts';
import type { NodeBackendName } from '../lib/model/runtime/types.ts';
import { oneOf, type Terminal } from './command.ts';

/** What `--device` may be: the ways of computing in Node. */
export const devices = ['node', 'node-int8', 'node-q4'] as const satisfies readonly NodeBackendName[];

/** Those that compute a model differently, as it is stored first. */
export const devicesFor = (manifest: ModelManifest): readonly NodeBackendName[] =>
	devices.filter((device) => device === 'node' || suits[device](manifest));

/** Whether a model has what a way is about. */
const suits = { 'node-int8': storedInBlocks, 'node-q4': languageIn4Bits } as const;

/** The option in a command's help. */
export const deviceHelp: readonly string[] = [
	'--device WAY          node multiplies weights as they are stored: the reference, to compare with what was published (as when left',
	'                      out); node-int8, for models in q4, multiplies in 8 bits: twice as fast, and features and logits move by',
	'                      1 to 3 % of the largest, so that a long answer can come out otherwise; node-q4, for language models in 4',
	'                      bits, is node-int8 with the kernels for 4 bits that the browser has: the fastest to answer, logits move by',
	'                      2 to 4 %'
];

/** @throws InputError for a word that is none */
export const deviceOf = (word: string | undefined): NodeBackendName =>
	word === undefined ? 'node' : oneOf('--device', word, devices);

/**
 * onnxruntime-node for a model folder, computing in the way asked for where model and processor have what it is about; else as stored, under
 * that name, with the reason in its facts and, given a terminal, told there.
 */
export async function openDevice(
	device: NodeBackendName,
	root: string,
	manifest: ModelManifest,
	terminal?: Pick<Terminal, 'warn'>
): Promise<Backend> {
	const backend = await backendOf(device, root, manifest);
	if (backend.info.backend !== device) terminal?.warn(backend.info.reason);
	return backend;
}

async function backendOf(device: NodeBackendName, root: string, manifest: ModelManifest): Promise<Backend> {
	// Loading the runtime takes a moment that wrong arguments need not wait for.
	const { createInt8NodeBackend, createNodeBackend } = await import('./node-backend.ts');
	if (device === 'node') return createNodeBackend(root);
	if (device === 'node-q4' && languageIn4Bits(manifest)) {
		const { createQ4NodeBackend } = await import('./kernels/backend.ts');
		return createQ4NodeBackend(root, manifest);
	}
	const lacking = device === 'node-q4' ? 'language model in 4 bits' : 'matrices stored in 4 or 8 bits';
	const backend = storedInBlocks(manifest) ? await createInt8NodeBackend(root) : createNodeBackend(root);
	if (suits[device](manifest)) return backend;
	const reason = `${backend.info.reason} This model has no ${lacking}, which ${device} would compute otherwise.`;
	return { ...backend, info: { ...backend.info, reason } };
}
