import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ESLint } from 'eslint';
import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inOneProgram } from '../../../scripts/one-program.mjs';

const files: Readonly<Record<string, string>> = {
	'tsconfig.json': JSON.stringify({
		compilerOptions: {
			lib: ['es2023'],
			types: [],
			module: 'esnext',
			moduleResolution: 'bundler',
			strict: true
		},
		include: ['src/**/*.ts']
	}),
	'src/later.svelte.ts': `
export async function later(): Promise<number> {
	const value = $state(1);
	return value;
}
later();
`,
	'src/Later.svelte': `<script lang="ts">
	import { later } from './later.svelte.ts';
	const { word }: { word: string } = $props();
	later();
</script>

<button onclick={() => { later(); }}>{word}</button>
`,
	'src/uses.ts': `import { later } from './later.svelte';
export const two = (await later()) + 1;
later();
`
};

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), 'one-program-'));
	mkdirSync(join(folder, 'src'));
	for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

it('promises that nobody awaits are found in components, modules with runes and scripts, by one program', async () => {
	const programs = new Set<unknown>();
	const plain = inOneProgram({}, folder, true);
	const parser = {
		...plain,
		parseForESLint(...given: Parameters<typeof plain.parseForESLint>) {
			const made = plain.parseForESLint(...given);
			const { services } = made as { services?: { program?: unknown } };
			if (services?.program) programs.add(services.program);
			return made;
		}
	};
	const typed = { projectService: true, extraFileExtensions: ['.svelte'], tsconfigRootDir: folder };
	const eslint = new ESLint({
		cwd: folder,
		overrideConfigFile: true,
		overrideConfig: [
			...svelte.configs.base,
			{ files: ['**/*.ts'], ignores: ['**/*.svelte.ts'], languageOptions: { parser } },
			{ files: ['**/*.svelte', '**/*.svelte.ts'], languageOptions: { parserOptions: { parser } } },
			{
				files: ['**/*.{ts,svelte}'],
				plugins: { '@typescript-eslint': ts.plugin },
				languageOptions: { parserOptions: typed },
				rules: { '@typescript-eslint/no-floating-promises': 'error' }
			}
		] as ESLint.Options['overrideConfig']
	});
	const results = await eslint.lintFiles(['src']);
	const found = results.map(({ filePath, messages }) => [
		filePath.slice(join(folder, 'src').length + 1),
		messages.map(({ line, ruleId }) => `${line} ${ruleId}`)
	]);
	const rule = '@typescript-eslint/no-floating-promises';
	expect(Object.fromEntries(found)).toEqual({
		'Later.svelte': [`4 ${rule}`, `7 ${rule}`],
		'later.svelte.ts': [`6 ${rule}`],
		'uses.ts': [`3 ${rule}`]
	});
	expect(programs.size).toBe(1);
});
