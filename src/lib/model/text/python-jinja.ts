/**
 * Chat templates as Python's Jinja renders them (3.1.6, set up as transformers does), where @huggingface/jinja 0.5.11 renders something
 * else without a word: it trims white space whatever `strip('\n')` asks for, prints `true`, JSON and nothing where Python prints `True`,
 * its own spelling of lists and `None`, and loses what an iteration printed before `{% break %}` or `{% continue %}`.
 * `findings/chat-templates-in-javascript.sh` shows these; tests/fixtures/jinja holds Python's own output.
 */
import type { Template } from '@huggingface/jinja';
import { InputError } from '../../tensor/errors.ts';

interface Node {
	type: string;
	[field: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
	typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

/** Statements that print nothing themselves, or text as it stands; everything else in a block is an expression whose value is printed. */
const silent = new Set([
	'If',
	'For',
	'Break',
	'Continue',
	'Set',
	'Macro',
	'Comment',
	'CallStatement',
	'FilterStatement',
	'StringLiteral'
]);

const STRIP = 'honeybee_strip';
const PRINT = 'honeybee_print';
const trims = ['strip', 'lstrip', 'rstrip'];
const blocks = ['body', 'alternate', 'defaultBlock'];

const call = (name: string, ...args: unknown[]): Node => ({
	type: 'CallExpression',
	callee: { type: 'Identifier', value: name },
	args
});

/** Asked beside the value: functions get the same for `none` as for what is not defined. */
const isNone = (operand: Node): Node => ({
	type: 'TestExpression',
	operand,
	negate: false,
	test: { type: 'Identifier', value: 'none' }
});

/** Changes a parsed template so that, rendered with `pythonFunctions`, it prints what Python prints. @throws InputError for what cannot be had */
export function asPython(template: Template): void {
	rewrite(template.parsed as unknown as Node);
}

function rewrite(node: Node): void {
	if (node.type === 'For') refuseLostText(node);
	for (const [field, value] of Object.entries(node)) {
		if (Array.isArray(value)) {
			for (const item of value as unknown[]) if (isNode(item)) rewrite(item);
			if (blocks.includes(field))
				node[field] = (value as unknown[]).map((item) =>
					isNode(item) && !silent.has(item.type) ? call(PRINT, item, isNone(item)) : item
				);
		} else if (isNode(value)) rewrite(value);
	}
	if (node.type === 'CallExpression') rewriteTrim(node);
}

/** `text.strip(characters)` → `honeybee_strip('strip', text, characters)`. */
function rewriteTrim(node: Node): void {
	const { callee, args } = node;
	if (!isNode(callee) || callee.type !== 'MemberExpression' || callee['computed'] === true) return;
	const { object, property } = callee;
	if (!isNode(property) || !Array.isArray(args) || args.length === 0) return;
	const name = property['value'];
	if (typeof name !== 'string' || !trims.includes(name)) return;
	Object.assign(node, call(STRIP, { type: 'StringLiteral', value: name }, object, ...(args as unknown[])));
}

/** A loop that leaves an iteration in which something was printed already. */
function refuseLostText(loop: Node): void {
	let printed = false;
	const visit = (statements: unknown): void => {
		if (!Array.isArray(statements)) return;
		for (const item of statements as unknown[]) {
			if (!isNode(item) || item.type === 'For') {
				printed ||= isNode(item);
				continue;
			}
			const leaves = item.type === 'Break' || item.type === 'Continue';
			if (leaves && printed)
				throw new InputError(
					`it leaves an iteration by ${item.type.toLowerCase()} after it printed something, which @huggingface/jinja loses`
				);
			if (item.type === 'StringLiteral') printed ||= item['value'] !== '';
			else if (!silent.has(item.type)) printed = true;
			visit(item['body']);
			visit(item['alternate']);
		}
	};
	visit(loop['body']);
}

/** What a rewritten template calls. */
export const pythonFunctions = {
	[STRIP]: (name: string, text: unknown, characters: unknown): string => {
		if (typeof text !== 'string') throw new InputError(`${name} wants a text, not ${pythonText(text)}`);
		if (characters === null || characters === undefined)
			return name === 'lstrip' ? text.trimStart() : name === 'rstrip' ? text.trimEnd() : text.trim();
		if (typeof characters !== 'string')
			throw new InputError(`${name} wants characters, not ${pythonText(characters)}`);
		return strip(text, characters, name !== 'rstrip', name !== 'lstrip');
	},
	[PRINT]: (value: unknown, none: unknown): string =>
		value === undefined && none !== true ? '' : pythonText(value)
};

function strip(text: string, characters: string, left: boolean, right: boolean): string {
	const out = new Set(characters);
	const points = [...text];
	let from = 0;
	let to = points.length;
	while (left && from < to && out.has(points[from]!)) from++;
	while (right && to > from && out.has(points[to - 1]!)) to--;
	return points.slice(from, to).join('');
}

/** Python's `str` of a value as @huggingface/jinja hands it to a function: lists and mappings hold its own boxes, `{ value }`. */
function pythonText(value: unknown): string {
	return typeof value === 'string' ? value : representation(value);
}

function representation(value: unknown): string {
	if (value === null || value === undefined) return 'None';
	if (typeof value === 'boolean') return value ? 'True' : 'False';
	if (typeof value === 'string') return quoted(value);
	if (Array.isArray(value)) return `[${value.map(boxed).join(', ')}]`;
	if (value instanceof Map)
		return `{${[...(value as Map<string, unknown>)].map(([key, item]) => `${quoted(key)}: ${boxed(item)}`).join(', ')}}`;
	if (typeof value === 'number' || typeof value === 'bigint') return String(value);
	throw new InputError('it prints what is neither text, number, list nor mapping');
}

const boxed = (item: unknown): string =>
	representation(typeof item === 'object' && item !== null && 'value' in item ? item.value : item);

/** Python's quotes: single, unless the text holds single ones and no double one. */
function quoted(text: string): string {
	const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
	const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
	const body = [...text].map((c) => (c === quote ? `\\${c}` : (escapes[c] ?? c))).join('');
	return quote + body + quote;
}
