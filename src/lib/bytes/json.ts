/** A value as JSON holds it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** An object whose fields are still to be looked at. */
export type JsonObject<T = unknown> = { readonly [key: string]: T };

/** Whether a value is an object with fields: no array, not null. */
export const isObject = (value: unknown): value is JsonObject =>
	typeof value === 'object' && value !== null && !Array.isArray(value);
