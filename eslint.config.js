import { builtinModules } from 'node:module';
import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import { inOneProgram } from './scripts/one-program.mjs';
import { mayImport } from './scripts/rooms.mjs';
import svelteConfig from './svelte.config.js';

const folders = [...Object.keys(mayImport), 'routes'];

/** Packages that one folder keeps to itself. */
const kept = { 'onnxruntime-web': 'workers', comlink: 'workers', 'onnxruntime-node': 'cli' };

const node = {
	regex: `^(node:.*|(${builtinModules.filter((name) => !name.startsWith('_')).join('|')})(/.*)?)$`,
	message: 'src/lib and src/workers run in the browser, too. What needs Node goes to src/cli.'
};

/** @param {string} folder */
function oneWay(folder) {
	const inLib = folder !== 'workers' && folder !== 'cli';
	const forbidden = folders.filter((other) => other !== folder && !mayImport[folder].includes(other));
	return {
		files: [`src/${inLib ? 'lib/' : ''}${folder}/**`],
		rules: {
			'no-restricted-imports': [
				'error',
				{
					patterns: [
						{
							regex: `^(\\.|\\$lib).*/(${forbidden.join('|')})/`,
							message: `${folder} may use ${mayImport[folder].join(', ') || 'no other folder'} (scripts/rooms.mjs).`
						},
						...Object.entries(kept)
							.filter(([, keeper]) => keeper !== folder)
							.map(([name, keeper]) => ({
								regex: `^${name}(/|$)`,
								message: `Only src/${keeper} uses ${name}.`
							})),
						...(folder === 'cli' ? [] : [node])
					]
				}
			]
		}
	};
}

/** What tsconfig.json includes. */
const typed = ['src/**/*.{ts,svelte}', 'tests/**/*.ts', 'scripts/**/*.mjs', '*.config.ts'];
const untyped = ['tests/fixtures/**'];
const typeAware = {
	projectService: true,
	extraFileExtensions: ['.svelte'],
	tsconfigRootDir: import.meta.dirname
};
const parser = inOneProgram(svelteConfig);

/**
 * Rules that read types. Most are about promises: one that nobody awaits fails in silence.
 * `require-await` is not among them: much here is async because its interface is.
 */
const typeChecked = {
	'@typescript-eslint/await-thenable': 'error',
	'@typescript-eslint/no-base-to-string': 'error',
	'@typescript-eslint/no-deprecated': 'error',
	'@typescript-eslint/no-floating-promises': 'error',
	'@typescript-eslint/no-for-in-array': 'error',
	'@typescript-eslint/no-implied-eval': 'error',
	'@typescript-eslint/no-misused-promises': 'error',
	'@typescript-eslint/no-unnecessary-type-assertion': 'error',
	'@typescript-eslint/no-unsafe-argument': 'error',
	'@typescript-eslint/no-unsafe-assignment': 'error',
	'@typescript-eslint/no-unsafe-call': 'error',
	'@typescript-eslint/no-unsafe-member-access': 'error',
	'@typescript-eslint/no-unsafe-return': 'error',
	'@typescript-eslint/prefer-promise-reject-errors': 'error',
	'@typescript-eslint/only-throw-error': 'error',
	'@typescript-eslint/require-array-sort-compare': 'error',
	'@typescript-eslint/restrict-plus-operands': 'error',
	'@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
	'@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
	'@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }]
};
const unsafe = Object.keys(typeChecked).filter((rule) => rule.includes('/no-unsafe-'));

/** Pages know nothing of each other: what two of them need stands in src/lib. */
const ownPageOnly = [
	{ files: ['src/routes/*/**'], regex: '^(\\.\\./|\\$lib/\\.\\./routes/)(?!\\.\\./)' },
	{ files: ['src/routes/*'], regex: '^\\./[^/]+/' }
].map(({ files, regex }) => ({
	files,
	rules: {
		'no-restricted-imports': [
			'error',
			{
				patterns: [{ regex, message: 'A page imports no other page; what both need stands in src/lib.' }]
			}
		]
	}
}));

export default ts.config(
	{
		ignores: [
			'node_modules/',
			'.svelte-kit/',
			'build/',
			'dist/',
			'static/',
			'tests/fixtures/',
			'training/',
			'test-results/',
			'models/',
			// AssemblyScript, which its own compiler checks.
			'src/lib/kernels/assembly/'
		]
	},
	js.configs.recommended,
	...ts.configs.recommended,
	...svelte.configs.recommended,
	prettier,
	...svelte.configs.prettier,
	{
		languageOptions: { globals: { ...globals.browser, ...globals.node, ...globals.worker } },
		rules: {
			'no-undef': 'off',
			'@typescript-eslint/no-explicit-any': 'error',
			'@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }]
		}
	},
	{
		files: ['**/*.svelte', '**/*.svelte.ts'],
		languageOptions: { parserOptions: { parser, svelteConfig } }
	},
	{ files: ['**/*.{ts,mjs}'], ignores: ['**/*.svelte.ts'], languageOptions: { parser } },
	{ files: typed, ignores: untyped, languageOptions: { parserOptions: typeAware }, rules: typeChecked },
	{
		// Not seen here: the types of an imported component (svelte-check sees them) and casts in JavaScript; vitest's matchers are any.
		files: ['**/*.svelte', 'tests/**', 'scripts/**'],
		rules: Object.fromEntries(unsafe.map((rule) => [rule, 'off']))
	},
	{
		files: ['tests/unit/**', 'tests/figures/**'],
		rules: {
			'no-restricted-properties': [
				'error',
				...['mock', 'doMock', 'hoisted'].map((property) => ({
					...{ object: 'vi', property },
					message: 'Files of tests share their modules: take what a test replaces as an argument.'
				}))
			]
		}
	},
	...Object.keys(mayImport).map(oneWay),
	...ownPageOnly
);
