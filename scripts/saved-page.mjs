/** Builds the scripts of saved pages and saved notebooks: what makes them live, without anything else of the workbench. */
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { root } from './setup.mjs';

export const savedNotebookEntry = join(root, 'src/lib/notebook/saved.ts');

const entries = {
	'saved-page.js': join(root, 'src/lib/viz/snapshot/main.ts'),
	'saved-notebook.js': savedNotebookEntry
};

/** @returns {import('vite').Plugin} */
export function savedPage() {
	/** @type {Map<string, Promise<string>>} */
	const made = new Map();
	return {
		name: 'saved-page',
		configureServer(server) {
			server.watcher.on('change', (path) => {
				if (/src\/lib\/(viz|analysis|notebook)\//.test(path)) made.clear();
			});
			for (const [name, entry] of Object.entries(entries))
				server.middlewares.use(`/${name}`, (_request, response, next) => {
					const code = made.get(name) ?? bundle(entry, false);
					made.set(name, code);
					code.then(
						(text) => {
							response.setHeader('Content-Type', 'text/javascript; charset=utf-8');
							response.end(text);
						},
						(error) => {
							made.delete(name);
							next(error);
						}
					);
				});
		},
		async generateBundle() {
			if (this.environment.name !== 'client') return;
			for (const [fileName, entry] of Object.entries(entries))
				this.emitFile({ type: 'asset', fileName, source: await bundle(entry, true) });
		}
	};
}
