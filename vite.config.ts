import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vite';

// WASM threads need a cross-origin isolated page.
const isolation = {
	'Cross-Origin-Opener-Policy': 'same-origin',
	'Cross-Origin-Embedder-Policy': 'require-corp'
};

export default defineConfig({
	plugins: [sveltekit()],
	server: { headers: isolation },
	preview: { headers: isolation },
	worker: { format: 'es' },
	// The runtime finds its .wasm beside itself; pre-bundling would move it.
	optimizeDeps: { exclude: ['onnxruntime-web'] }
});
