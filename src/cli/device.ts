import { storedInBlocks, type ModelManifest } from '../lib/model/manifest.ts';
import type { Backend } from '../lib/model/runtime/backend.ts';
import type { NodeBackendName } from '../lib/model/runtime/types.ts';
import { oneOf, type Terminal } from './command.ts';

/** What `--device` may be: the ways of computing in Node. */
export const devices = ['node', 'node-int8'] as const satisfies readonly NodeBackendName[];

/** Those that compute a model differently, as it is stored first. */
export const devicesFor = (manifest: ModelManifest): readonly NodeBackendName[] =>
	storedInBlocks(manifest) ? devices : ['node'];

/** The option in a command's help. */
export const deviceHelp: readonly string[] = [
	'--device WAY          node multiplies weights as they are stored: the reference, to compare with what was published (as when left',
	'                      out); node-int8, for models in q4, multiplies in 8 bits: twice as fast, and features and logits move by',
	'                      1 to 3 % of the largest, so that a long answer can come out otherwise'
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
	if (storedInBlocks(manifest)) return createInt8NodeBackend(root);
	const stored = createNodeBackend(root);
	const reason = `${stored.info.reason} This model has no matrices stored in 4 or 8 bits, which another way would multiply otherwise.`;
	return { ...stored, info: { ...stored.info, reason } };
}
