import { isObject, type JsonObject } from '../bytes/json.ts';
import { InputError } from '../tensor/errors.ts';

/** Typed reads from one object of config.json, with messages that name the field. */
export class ConfigFields {
	readonly #json: JsonObject;
	readonly #where: string;

	constructor(json: JsonObject, where: string) {
		this.#json = json;
		this.#where = where;
	}

	#fail(name: string, wanted: string): never {
		const value = JSON.stringify(this.#json[name]) ?? 'missing';
		throw new InputError(
			`${this.#where}.${name} is ${value} but must be ${wanted}; correct config.json in the checkpoint folder.`
		);
	}

	has(name: string): boolean {
		return this.#json[name] !== undefined && this.#json[name] !== null;
	}

	/** A whole number ≥ `least`. */
	count(name: string, fallback?: number, least = 0): number {
		const value = this.#json[name] ?? fallback;
		if (typeof value !== 'number' || !Number.isInteger(value) || value < least)
			this.#fail(name, `a whole number of at least ${least}`);
		return value;
	}

	/** A whole number ≥ 0, or a list of them that is not empty. */
	counts(name: string, fallback?: number): number | readonly number[] {
		const value = this.#json[name] ?? fallback;
		const good = (item: unknown) => typeof item === 'number' && Number.isInteger(item) && item >= 0;
		if (Array.isArray(value) && value.length > 0 && value.every(good)) return value as number[];
		if (!good(value)) this.#fail(name, 'a whole number of at least 0 or a list of such numbers');
		return value as number;
	}

	/** Fields of the object `name`; undefined where there is none. */
	section(name: string): ConfigFields | undefined {
		const value = this.#json[name];
		if (value === undefined || value === null) return undefined;
		if (!isObject(value)) this.#fail(name, 'an object');
		return new ConfigFields(value, `${this.#where}.${name}`);
	}

	/** Names of the fields that are set. */
	names(): string[] {
		return Object.keys(this.#json).filter((name) => this.has(name));
	}

	integer(name: string, fallback?: number): number {
		const value = this.#json[name] ?? fallback;
		if (typeof value !== 'number' || !Number.isInteger(value)) this.#fail(name, 'a whole number');
		return value;
	}

	number(name: string, fallback?: number): number {
		const value = this.#json[name] ?? fallback;
		if (typeof value !== 'number' || !Number.isFinite(value)) this.#fail(name, 'a number');
		return value;
	}

	positive(name: string): number {
		const value = this.number(name);
		if (value <= 0) this.#fail(name, 'a number above 0');
		return value;
	}

	isObject(name: string): boolean {
		return isObject(this.#json[name]);
	}

	string(name: string, fallback?: string): string {
		const value = this.#json[name] ?? fallback;
		if (typeof value !== 'string') this.#fail(name, 'a string');
		return value;
	}

	boolean(name: string, fallback: boolean): boolean {
		const value = this.#json[name] ?? fallback;
		if (typeof value !== 'boolean') this.#fail(name, 'true or false');
		return value;
	}

	oneOf<T extends string>(name: string, choices: readonly T[], fallback: T): T {
		const value = this.#json[name] ?? fallback;
		const known = choices.find((choice) => choice === value);
		if (known === undefined) this.#fail(name, `one of ${choices.join(', ')}`);
		return known;
	}

	numbers(name: string, length: number, fallback: readonly number[]): readonly number[] {
		const value = this.#json[name] ?? fallback;
		if (!Array.isArray(value) || value.length !== length || !value.every((v) => typeof v === 'number'))
			this.#fail(name, `a list of ${length} numbers`);
		return value;
	}

	/** A list of pairs of numbers. */
	pairs(
		name: string,
		fallback: readonly (readonly [number, number])[]
	): readonly (readonly [number, number])[] {
		const value = this.#json[name] ?? fallback;
		const good = (pair: unknown) =>
			Array.isArray(pair) && pair.length === 2 && pair.every((item) => typeof item === 'number');
		if (!Array.isArray(value) || !value.every(good)) this.#fail(name, 'a list of pairs of numbers');
		return value as readonly (readonly [number, number])[];
	}

	/** One index, or a list of several; a list of one is that one. */
	layerIndices(name: string, fallback?: number): number | readonly number[] {
		const value = this.#json[name] ?? fallback;
		const list = Array.isArray(value) ? (value as readonly unknown[]) : [value];
		const good = (item: unknown): item is number => typeof item === 'number' && Number.isInteger(item);
		if (list.length === 0 || !list.every(good)) this.#fail(name, 'a whole number or a list of such numbers');
		const [only] = list;
		return list.length === 1 ? only! : list;
	}
}
