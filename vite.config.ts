import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig, type Connect, type Plugin } from 'vite';
import { notebookFrame } from './scripts/notebook-frame.mjs';
import { savedPage } from './scripts/saved-page.mjs';
import { modelsMiddleware } from './scripts/serve.mjs';

const isolate: Connect.NextHandleFunction = (_request, response, next) => {
	response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
	response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
	next();
};

/** WASM threads need a cross-origin isolated page; SvelteKit answers past Vite's own `server.headers`. */
const crossOriginIsolation: Plugin = {
	name: 'cross-origin-isolation',
	configureServer: (server) => void server.middlewares.use(isolate),
	configurePreviewServer: (server) => void server.middlewares.use(isolate)
};

/** A user's own models, as `npm start` serves them. */
const models: Plugin = {
	name: 'models',
	configureServer: (server) => void server.middlewares.use('/models', modelsMiddleware('static/models'))
};

/** How long plugins took is no fault of what is built. */
const checks = { bundlerTimings: false };

export default defineConfig({
	plugins: [crossOriginIsolation, models, notebookFrame(), savedPage(), sveltekit()],
	build: { rolldownOptions: { checks } },
	worker: { format: 'es', rolldownOptions: { checks } },
	// The runtime finds its .wasm beside itself; pre-bundling would move it.
	optimizeDeps: { exclude: ['onnxruntime-web'] }
});
