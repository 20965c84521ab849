/** A value as JSON holds it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** An object whose fields are still to be looked at. */
export type JsonObject<T = unknown> = { readonly [key: string]: T };

/** Whether a value is an object with fields: no array, not null. */
export const isObject = (value: unknown): value is JsonObject =>
	typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON as Python writes it: its bare NaN and infinities are read as null. @throws SyntaxError */
export function parseJson(text: string): Json {
	try {
		return JSON.parse(text) as Json;
	} catch (error) {
		if (!/NaN|Infinity/.test(text)) throw error;
		const strict = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\b(?:NaN|Infinity)\b/gs, (found) =>
			found.startsWith('"') ? found : 'null'
		);
		return JSON.parse(strict) as Json;
	}
}
