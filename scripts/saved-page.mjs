/** Builds the script of saved pages: the figures, without anything else of the workbench. */
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { root } from './setup.mjs';

const entry = join(root, 'src/lib/viz/snapshot/main.ts');
export const savedPageScript = 'saved-page.js';

/** @returns {import('vite').Plugin} */
export function savedPage() {
	/** @type {Promise<string> | undefined} */
	let made;
	return {
		name: 'saved-page',
		configureServer(server) {
			server.watcher.on('change', (path) => {
				if (/src\/lib\/(viz|analysis)\//.test(path)) made = undefined;
			});
			server.middlewares.use(`/${savedPageScript}`, (_request, response, next) => {
				made ??= bundle(entry, false);
				made.then(
					(code) => {
						response.setHeader('Content-Type', 'text/javascript; charset=utf-8');
						response.end(code);
					},
					(error) => {
						made = undefined;
						next(error);
					}
				);
			});
		},
		async generateBundle() {
			if (this.environment.name !== 'client') return;
			this.emitFile({ type: 'asset', fileName: savedPageScript, source: await bundle(entry, true) });
		}
	};
}
