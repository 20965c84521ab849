import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import adapter from '@sveltejs/adapter-static';

/** The one script that stands in the page's template. */
const [, themeScript = ''] =
	/<script>(.*?)<\/script>/s.exec(readFileSync(new URL('src/app.html', import.meta.url), 'utf8')) ?? [];

/** @type {import('@sveltejs/kit').Config} */
export default {
	compilerOptions: { runes: true },
	kit: {
		// The workbench is a client of its own worker: one shell page, everything else in the browser.
		adapter: adapter({ fallback: 'index.html' }),
		// Scripts and frames are the site's own and nothing else's: a notebook's frame cannot be sent elsewhere either.
		csp: {
			mode: 'hash',
			directives: {
				'default-src': ['self'],
				'script-src': [
					'self',
					'wasm-unsafe-eval',
					`sha256-${createHash('sha256').update(themeScript).digest('base64')}`
				],
				'style-src': ['self', 'unsafe-inline'],
				'img-src': ['self', 'data:', 'blob:'],
				'font-src': ['self', 'data:'],
				'worker-src': ['self', 'blob:'],
				// Models and images are fetched from where the reader says.
				'connect-src': ['self', 'https:', 'http:', 'data:', 'blob:'],
				'frame-src': ['self'],
				'object-src': ['none'],
				'base-uri': ['self'],
				'form-action': ['self']
			}
		},
		typescript: {
			config: (config) => {
				config.include.push('../*.config.ts', '../scripts/**/*.mjs');
			}
		}
	}
};
