/**
 * Stands for the package `typescript` in the frame's bundle: the compiler is two thirds of what a notebook would weigh, and few have cells in
 * TypeScript. It comes from the page before the first of them runs.
 */
import type * as ts from 'typescript';

let compiler: typeof ts | undefined;

export function useCompiler(loaded: object): void {
	compiler = ('transpile' in loaded ? loaded : (loaded as { default: object }).default) as typeof ts;
}

export const hasCompiler = () => compiler !== undefined;

export const ScriptTarget = { ESNext: 99 } as const;
export const ModuleKind = { Preserve: 200 } as const;
const loaded = (): typeof ts => {
	if (!compiler) throw new Error('The TypeScript compiler has not come; run the cell again.');
	return compiler;
};
export const transpile: typeof ts.transpile = (...args) => loaded().transpile(...args);
export const createProgram = (...args: Parameters<typeof ts.createProgram>) =>
	loaded().createProgram(...args);
export const createSourceFile: typeof ts.createSourceFile = (...args) => loaded().createSourceFile(...args);
export const isClassExpression = (node: ts.Node) => loaded().isClassExpression(node);
export const isFunctionExpression = (node: ts.Node) => loaded().isFunctionExpression(node);
export const isParenthesizedExpression = (node: ts.Node) => loaded().isParenthesizedExpression(node);
export const isExpressionStatement = (node: ts.Node) => loaded().isExpressionStatement(node);
