import { defineConfig } from 'vite';

/** The command line as it is published: `dist/cli/main.js`, which `bin/honeybee.js` runs where there are no sources. */
export default defineConfig({
	publicDir: false,
	build: {
		ssr: true,
		outDir: 'dist/cli',
		emptyOutDir: true,
		target: 'node20',
		rollupOptions: {
			checks: { bundlerTimings: false },
			// The workers are files of their own beside `main.js`, which starts them by name.
			input: {
				main: 'src/cli/main.ts',
				'image-worker': 'src/cli/io/image-worker.ts',
				'convert-worker': 'src/cli/conversion/worker.ts',
				'kernel-worker': 'src/cli/kernels/worker.ts'
			},
			// Whatever file the code that starts one ends up in, it lies beside them.
			output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' }
		}
	},
	// Packages stay packages: they are dependencies, or (peers of the benchmark) looked for when wanted.
	ssr: { external: true }
});
