import { defineConfig } from 'vite';

/** The command line as it is published: `dist/cli/main.js`, which `bin/honeybee.js` runs where there are no sources. */
export default defineConfig({
	publicDir: false,
	build: {
		ssr: 'src/cli/main.ts',
		outDir: 'dist/cli',
		emptyOutDir: true,
		target: 'node20',
		rollupOptions: { output: { entryFileNames: 'main.js' } }
	},
	// Packages stay packages: they are dependencies, or (peers of the benchmark) looked for when wanted.
	ssr: { external: true }
});
