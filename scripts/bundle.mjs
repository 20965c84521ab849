/** Builds one entry as one script with everything inside, to stand in an HTML file that may fetch nothing. */
import { build } from 'vite';
import { root } from './setup.mjs';

/**
 * @param {string} entry path of the module
 * @param {boolean} minify
 * @param {Readonly<Record<string, string>>} [alias] modules that stand for others
 * @returns {Promise<string>} JavaScript that may stand inside a `<script>` element
 */
export async function bundle(entry, minify, alias = {}) {
	const result = await build({
		configFile: false,
		root,
		logLevel: 'error',
		publicDir: false,
		resolve: { alias },
		define: { 'process.env.NODE_ENV': '"production"' },
		build: {
			write: false,
			minify,
			lib: { entry, formats: ['iife'], name: 'bundled' },
			rollupOptions: {
				// Packages run nothing of their own when they are loaded; what is not used stays out.
				treeshake: { moduleSideEffects: (id) => !/\/@observablehq\/notebook-kit\//.test(id) }
			}
		}
	});
	const [built] = /** @type {{ output: { type: string, code?: string }[] }[]} */ (
		Array.isArray(result) ? result : [result]
	);
	const code = built?.output.find(({ type }) => type === 'chunk')?.code ?? '';
	return code.replace(/<\/(script)/gi, '<\\/$1').replace(/<!--/g, '<\\!--');
}
