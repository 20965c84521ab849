import { symlink, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'vite';
import { serve } from '../../scripts/serve.mjs';
import { benchImage } from '../../src/cli/bench/whole-model.ts';

/**
 * Builds a page that measures into `folder`, with what it loads: the model as `model/`, the picture as `bench.png`.
 * @param source folder of its index.html
 * @param model model folder
 */
export async function buildMeasuredPage(source: string, model: string, folder: string): Promise<void> {
	await build({
		root: source,
		configFile: false,
		logLevel: 'error',
		publicDir: false,
		worker: { format: 'es' },
		build: { outDir: folder, emptyOutDir: true, target: 'esnext' }
	});
	await symlink(model, join(folder, 'model'));
	await writeFile(join(folder, 'bench.png'), (await benchImage()).bytes);
}

/** Serves a folder on a free port while `use` runs. */
export async function served<T>(folder: string, use: (address: string) => Promise<T>): Promise<T> {
	const server = await serve({ folder, port: 0, host: '127.0.0.1' });
	try {
		return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
	} finally {
		server.closeAllConnections();
		server.close();
	}
}
