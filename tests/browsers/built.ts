/** Installs the browsers that are missing, builds the workbench when sources have changed, and serves it as `npm start` does, for all tests of a run. */
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { serve } from '../../scripts/serve.mjs';
import { build, root } from '../../scripts/setup.mjs';
import { installStock } from '../../scripts/stock-browsers.mjs';

declare module 'vitest' {
	interface ProvidedContext {
		/** Origin of the served workbench. */
		readonly site: string;
	}
}

export default async function setup(project: TestProject): Promise<() => void> {
	await installStock();
	await build();
	const server = await serve({ folder: join(root, 'build'), port: 0, host: 'localhost' });
	project.provide('site', `http://localhost:${(server.address() as AddressInfo).port}`);
	return () => {
		server.closeAllConnections();
		server.close();
	};
}
