/** Imports of cells, and modules that lie beside a notebook: the frame's policy lets no script in, so that they are evaluated. */
import { parseJavaScript, type Cell } from '@observablehq/notebook-kit';
import { parse, type Node, type Statement as AnyStatement, type ModuleDeclaration } from 'acorn';

type Statement = AnyStatement | ModuleDeclaration;

/** Gives what a specifier names. */
export type Importer = (specifier: string) => Promise<object>;

interface Edit {
	readonly start: number;
	readonly end: number;
	readonly text: string;
}

const options = { ecmaVersion: 'latest', sourceType: 'module' } as const;

/** Code in which `import(…)` and `import.meta` are the names `__import` and `__meta`. */
export function withImports(code: string): string {
	return edited(code, importEdits(parse(code, options)));
}

/**
 * A cell whose imports of other notebooks are Observable's own kind, which stays reactive: `import {a} from "./other.html"`, which Notebook
 * Kit would take for a module.
 */
export function withNotebookImports(cell: Cell): Cell {
	if (cell.mode !== 'js' || !/\bimport\b[^]*\.html["']/.test(cell.value)) return cell;
	const { body } = parseJavaScript(cell.value);
	const statements = 'body' in body && Array.isArray(body.body) ? (body.body as Statement[]) : [];
	const edits = statements.flatMap((node) =>
		node.type === 'ImportDeclaration' &&
		String(node.source.value).endsWith('.html') &&
		node.attributes.length === 0
			? [{ start: node.source.end, end: node.source.end, text: ' with {type: "observable"}' }]
			: []
	);
	// What is imported is defined anew for the other cells; in its own it would be nothing, without a word.
	if (edits.length > 0 && statements.some(({ type }) => type !== 'ImportDeclaration'))
		throw new SyntaxError(
			'Another notebook is imported in a cell of its own; other cells then use its names.'
		);
	return { ...cell, value: edited(cell.value, edits) };
}

/**
 * Runs a module's code.
 * @param file for errors
 * @returns what it exports
 */
export async function evaluateModule(code: string, file: string, load: Importer): Promise<object> {
	const program = parse(code, options);
	const edits = importEdits(program);
	const before: string[] = [];
	const exported: [name: string, value: string][] = [];
	const stars: string[] = [];
	const load1 = (source: string) => `await __import(${JSON.stringify(source)})`;
	program.body.forEach((node, i) => {
		const { start, end } = node;
		if (node.type === 'ImportDeclaration') {
			const named = node.specifiers.flatMap((one) =>
				one.type === 'ImportNamespaceSpecifier'
					? []
					: `${one.type === 'ImportSpecifier' ? word(one.imported) : 'default'}: ${one.local.name}`
			);
			const all = node.specifiers.find(({ type }) => type === 'ImportNamespaceSpecifier');
			before.push(`const __m${i} = ${load1(String(node.source.value))};`);
			if (named.length > 0) before.push(`const {${named.join(', ')}} = __m${i};`);
			if (all) before.push(`const ${all.local.name} = __m${i};`);
			edits.push({ start, end, text: '' });
		} else if (node.type === 'ExportAllDeclaration') {
			before.push(`const __m${i} = ${load1(String(node.source.value))};`);
			if (node.exported) exported.push([word(node.exported), `__m${i}`]);
			else stars.push(`__m${i}`);
			edits.push({ start, end, text: '' });
		} else if (node.type === 'ExportNamedDeclaration' && node.declaration) {
			edits.push({ start, end: node.declaration.start, text: '' });
			for (const name of declared(node.declaration)) exported.push([name, name]);
		} else if (node.type === 'ExportNamedDeclaration') {
			if (node.source) before.push(`const __m${i} = ${load1(String(node.source.value))};`);
			for (const { local, exported: name } of node.specifiers)
				exported.push([word(name), node.source ? `__m${i}[${JSON.stringify(word(local))}]` : word(local)]);
			edits.push({ start, end, text: '' });
		} else if (node.type === 'ExportDefaultDeclaration') {
			const { declaration } = node;
			const name = 'id' in declaration && declaration.id ? declaration.id.name : undefined;
			edits.push({ start, end: declaration.start, text: name === undefined ? 'const __default = ' : '' });
			exported.push(['default', name ?? '__default']);
		}
	});
	const getters = exported.map(([name, value]) => `get ${JSON.stringify(name)}() { return ${value} }`);
	const body = `(async (__import, __meta) => {${before.join(' ')}${edited(code, edits)}
return Object.defineProperties({}, {${stars.map((star) => `...Object.getOwnPropertyDescriptors(${star}), `).join('')}...Object.getOwnPropertyDescriptors({${getters.join(', ')}})})
//# sourceURL=${file}
})`;
	return (globalThis.eval(body) as (load: Importer, meta: object) => Promise<object>)(load, meta);
}

/** `import.meta` of cells. */
export const meta = { url: 'about:srcdoc', resolve: (specifier: string) => specifier };

function importEdits(root: Node): Edit[] {
	const edits: Edit[] = [];
	const visit = (value: unknown): void => {
		if (Array.isArray(value)) return value.forEach(visit);
		if (typeof value !== 'object' || value === null) return;
		const node = value as Node;
		if (node.type === 'ImportExpression')
			edits.push({ start: node.start, end: node.start + 'import'.length, text: '__import' });
		if (node.type === 'MetaProperty' && 'meta' in node && (node.meta as { name: string }).name === 'import')
			edits.push({ start: node.start, end: node.end, text: '__meta' });
		Object.values(value).forEach(visit);
	};
	visit(root);
	return edits;
}

function edited(code: string, edits: readonly Edit[]): string {
	let out = code;
	for (const { start, end, text } of [...edits].sort((a, b) => b.start - a.start))
		out = out.slice(0, start) + text + out.slice(end);
	return out;
}

function word(node: { type: string; name?: string; value?: unknown }): string {
	return node.type === 'Identifier' ? node.name! : String(node.value);
}

/** Names that a declaration makes. */
function declared(node: Node): string[] {
	if ('id' in node && node.id) return [(node.id as { name: string }).name];
	const names: string[] = [];
	const pattern = (value: unknown): void => {
		if (typeof value !== 'object' || value === null) return;
		const one = value as Record<string, unknown> & { type: string };
		if (one.type === 'Identifier') names.push(String(one['name']));
		else if (one.type === 'ObjectPattern')
			for (const property of one['properties'] as Record<string, unknown>[])
				pattern(property['value'] ?? property['argument']);
		else if (one.type === 'ArrayPattern') (one['elements'] as unknown[]).forEach(pattern);
		else pattern(one['left'] ?? one['argument']);
	};
	for (const one of (node as unknown as { declarations: { id: unknown }[] }).declarations) pattern(one.id);
	return names;
}
