/** The parts used here of packages that have no types. */
declare module '@observablehq/runtime' {
	export interface Observer {
		pending?(): unknown;
		fulfilled?(value: unknown, name?: string): unknown;
		rejected?(error: unknown, name?: string): unknown;
	}
	export interface Variable {
		define(name: string | null, inputs: readonly string[], definition: unknown): Variable;
		delete(): Variable;
	}
	export interface Module {
		variable(observer?: Observer | true): Variable;
		redefine(name: string, inputs: readonly string[], definition: unknown): Variable;
	}
	export class Runtime {
		constructor(builtins?: Readonly<Record<string, unknown>>, global?: (name: string) => unknown);
		module(): Module;
		dispose(): void;
	}
	export class RuntimeError extends Error {
		constructor(message: string, input?: string);
		/** Name of the variable through which the error came. */
		readonly input: string | undefined;
	}
}
declare module '@observablehq/inputs' {
	const inputs: Readonly<Record<string, unknown>>;
	export = inputs;
}
declare module '@observablehq/inspector' {
	export class Inspector {
		constructor(node: Element);
		fulfilled(value: unknown, name?: string): void;
	}
}
declare module 'htl' {
	type Tag<E> = (strings: TemplateStringsArray, ...values: unknown[]) => E;
	export const html: Tag<HTMLElement>;
	export const svg: Tag<SVGElement>;
}
declare module 'topojson-client' {
	const topojson: Readonly<Record<string, unknown>>;
	export = topojson;
}
