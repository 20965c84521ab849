/**
 * TypeScript for ESLint: every source in one program, in which components stand as svelte-eslint-parser spells them for TypeScript.
 * By the project service of typescript-eslint each of them would change the program, and all types would be found anew after it.
 */
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import svelte from 'eslint-plugin-svelte';
import typescript from 'typescript';
import ts from 'typescript-eslint';
import { root } from './setup.mjs';

/** What svelte-eslint-parser spells: components, and modules, in which it declares the runes. */
const SPELLED = ['src/**/*.svelte', 'src/**/*.svelte.ts', 'tests/**/*.svelte.ts'];

/** @typedef {{ filePath?: string, projectService?: unknown }} Options */
/** @typedef {{ parseForESLint(code: string, options?: object): ReturnType<typeof ts.parser.parseForESLint> }} Parser */

/** An editor's ESLint lives on while sources change. */
const once = /[/\\]eslint(\.js)?$/.test(process.argv[1] ?? '');

/**
 * @param {object} svelteConfig of svelte.config.js
 * @param {string} [folder] of tsconfig.json
 * @param {boolean} [single] whether nothing changes while it is used
 * @returns {Parser} that of typescript-eslint, for scripts and for what is written in components
 */
export function inOneProgram(svelteConfig, folder = root, single = once) {
	/** @type {typescript.Program | undefined} */
	let program;
	const parser = /** @type {Parser} */ (ts.parser);
	return {
		...parser,
		parseForESLint(code, options = {}) {
			const { projectService, filePath = '' } = /** @type {Options} */ (options);
			if (!projectService || !single) return parser.parseForESLint(code, options);
			program ??= programOf(folder, spelled(folder, parser, svelteConfig));
			// Another text: one that is written anew meanwhile, or that cannot be parsed.
			if (program.getSourceFile(resolve(filePath))?.text !== code)
				return parser.parseForESLint(code, options);
			return parser.parseForESLint(code, { ...options, projectService: undefined, programs: [program] });
		}
	};
}

/**
 * @param {string} folder
 * @param {Parser} parser
 * @param {object} svelteConfig
 * @returns {Map<string, string>} by path, the TypeScript that stands for it
 */
function spelled(folder, parser, svelteConfig) {
	const ofComponents = svelte.configs.base.flatMap(({ languageOptions }) => languageOptions?.parser ?? [])[0];
	/** @type {Map<string, string>} */
	const texts = new Map();
	for (const path of globSync(SPELLED, { cwd: folder })) {
		const filePath = join(folder, path);
		const taking = {
			...parser,
			/** @type {Parser['parseForESLint']} */
			parseForESLint(code, options = {}) {
				if (!(/** @type {Options} */ (options).projectService)) return parser.parseForESLint(code, options);
				texts.set(filePath, code);
				throw new Error('It is all that was wanted.');
			}
		};
		try {
			/** @type {Parser} */ (ofComponents).parseForESLint(readFileSync(filePath, 'utf8'), {
				...{ filePath, svelteConfig, parser: taking, projectService: true },
				...{ ecmaVersion: 'latest', sourceType: 'module' },
				...{ range: true, loc: true, tokens: true, comment: true }
			});
		} catch {
			// Taken, or no component: ESLint parses it again, and says why it cannot.
		}
	}
	return texts;
}

/**
 * @param {string} folder
 * @param {ReadonlyMap<string, string>} texts
 */
function programOf(folder, texts) {
	const { config } = typescript.readConfigFile(join(folder, 'tsconfig.json'), typescript.sys.readFile);
	const parsed = typescript.parseJsonConfigFileContent(config, typescript.sys, folder);
	const options = { ...parsed.options, noEmit: true, allowNonTsExtensions: true };
	const host = typescript.createCompilerHost(options, true);
	const { getSourceFile } = host;
	host.getSourceFile = (name, language, ...rest) => {
		const text = texts.get(resolve(name));
		return text === undefined
			? getSourceFile(name, language, ...rest)
			: typescript.createSourceFile(name, text, language, true, typescript.ScriptKind.TS);
	};
	return typescript.createProgram([...new Set([...parsed.fileNames, ...texts.keys()])], options, host);
}
