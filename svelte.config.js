import adapter from '@sveltejs/adapter-static';

/** @type {import('@sveltejs/kit').Config} */
export default {
	compilerOptions: { runes: true },
	kit: {
		// The workbench is a client of its own worker: one shell page, everything else in the browser.
		adapter: adapter({ fallback: 'index.html' }),
		typescript: {
			config: (config) => {
				config.include.push('../*.config.ts', '../scripts/**/*.mjs');
			}
		}
	}
};
