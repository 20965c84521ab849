import type { Plugin } from 'vite';

/**
 * Lets the browser keep what the test server gives, where tests run once: nothing changes meanwhile, and every one of hundreds of workers
 * would ask again for each of its modules.
 */
export function cachedModules(): Plugin {
	return {
		name: 'cached-modules',
		configureServer({ config: { server } }) {
			if (server.watch === null) Object.assign(server.headers, { 'Cache-Control': 'max-age=3600' });
		}
	};
}
