import type { Tensor as OrtTensor } from 'onnxruntime-common';
import type { ModelManifest } from '../manifest.ts';
import type { Backend, FixedMemory } from './backend.ts';
import { disposeAll, type GraphSession } from './graph-session.ts';

/** What a cached position was computed from: a token id, or the name of one visual token of one image. */
export type PositionKey = number | string;

/** Positions that memory is made for at least, and doubled from there: what is there is seldom copied. */
const LEAST_ROOM = 256;

/** Positions that a cache of `needed` has room for. */
export function roomFor(needed: number, context: number): number {
	let room = LEAST_ROOM;
	while (room < needed) room *= 2;
	return Math.max(needed, Math.min(room, context));
}

/**
 * Keys and values of every layer for the positions named by `keys`. The tensors stay where the graph runs.
 *
 * Where the backend has memory that graphs write in place, and attention can do so, they are [batch, kv_head, room, head_dim]: a step
 * writes its own positions and moves nothing. Elsewhere they are [batch, kv_head, past, head_dim], and every step makes new ones.
 */
export class KvCache {
	readonly #backend: Backend;
	readonly #manifest: ModelManifest;
	readonly #truncate: GraphSession;
	#keys: PositionKey[] = [];
	/** By graph input name; empty tensors at the start. */
	#past: Record<string, OrtTensor>;
	/** Where graphs write in place. */
	readonly #memory: FixedMemory | undefined;
	/** Positions that there is room for in it. */
	#room = 0;

	/** @param memory where the language graphs can write their cache in place */
	constructor(backend: Backend, manifest: ModelManifest, truncate: GraphSession, memory?: FixedMemory) {
		this.#backend = backend;
		this.#manifest = manifest;
		this.#truncate = truncate;
		this.#memory = memory;
		this.#past = this.#empty();
	}

	get length(): number {
		return this.#keys.length;
	}

	/** Whether graphs write it in place. */
	get inPlace(): boolean {
		return this.#memory !== undefined;
	}

	/** Inputs of the language graph. */
	get feeds(): Readonly<Record<string, OrtTensor>> {
		return this.#past;
	}

	/** Tensors that outputs of the language graph are written into; none where every step makes new ones. */
	get written(): Readonly<Record<string, OrtTensor>> {
		if (!this.#memory) return {};
		return Object.fromEntries(
			Object.entries(this.#past).map(([name, tensor]) => [presentName(name), tensor])
		);
	}

	/** Makes room for so many more positions. */
	reserve(count: number): void {
		const needed = this.length + count;
		if (!this.#memory || needed <= this.#room) return;
		const { num_key_value_heads, head_dim, max_position_embeddings } = this.#manifest.config.text_config;
		const room = roomFor(needed, this.#backend.context ?? max_position_embeddings);
		const dims = [1, num_key_value_heads, room, head_dim];
		// One after the other, so that no more than one is there twice.
		for (const [name, old] of Object.entries(this.#past)) {
			const wider = this.#memory.allocate(this.#manifest.kv_dtype, dims, 'cache');
			if (this.length > 0) this.#memory.copy(old, wider, this.length);
			this.#past[name] = wider;
			old.dispose();
		}
		this.#room = room;
	}

	/** Number of positions at the start of a prompt that are cached. */
	commonPrefix(prompt: readonly PositionKey[]): number {
		const limit = Math.min(prompt.length, this.#keys.length);
		let n = 0;
		while (n < limit && prompt[n] === this.#keys[n]) n++;
		return n;
	}

	/** Keeps the first `keep` positions. */
	async truncate(keep: number): Promise<void> {
		if (keep >= this.length) return;
		if (this.#memory) {
			this.#keys.length = keep;
			return;
		}
		if (keep === 0) return this.clear();
		for (const layer of this.#layers()) {
			const kept = await this.#keptOf(layer, keep);
			const old = Object.keys(kept).map((name) => this.#past[name]!);
			Object.assign(this.#past, kept);
			disposeAll(old);
		}
		this.#keys.length = keep;
	}

	/** The first `keep` positions as inputs of the language graph, beside the cache itself, which stays. */
	async prefix(
		keep: number
	): Promise<{ readonly feeds: Readonly<Record<string, OrtTensor>>; dispose(): void }> {
		if (keep > this.length) throw new Error(`${keep} cached positions are wanted, there are ${this.length}.`);
		if (keep === this.length && !this.#memory) return { feeds: this.#past, dispose: () => undefined };
		const feeds: Record<string, OrtTensor> = keep === 0 ? this.#empty() : {};
		if (keep > 0) for (const layer of this.#layers()) Object.assign(feeds, await this.#keptOf(layer, keep));
		return { feeds, dispose: () => disposeAll(Object.values(feeds)) };
	}

	/** Takes the present tensors among a graph's outputs; the past ones of those layers are freed. What was written in place is there. */
	replace(outputs: Readonly<Record<string, OrtTensor>>): void {
		if (this.#memory) return;
		for (const [name, old] of Object.entries(this.#past)) {
			const present = outputs[presentName(name)];
			if (!present) continue;
			this.#past[name] = present;
			old.dispose();
		}
	}

	/** Names the positions by which every layer has grown. */
	extend(keys: readonly PositionKey[]): void {
		for (const key of keys) this.#keys.push(key);
	}

	clear(): void {
		const old = this.#past;
		this.#past = this.#empty();
		this.#room = 0;
		this.#keys = [];
		disposeAll(Object.values(old));
	}

	dispose(): void {
		disposeAll(Object.values(this.#past));
		this.#past = {};
		this.#keys = [];
	}

	/** The first `keep` > 0 positions of one layer, by graph input name. */
	async #keptOf(layer: number, keep: number): Promise<Record<string, OrtTensor>> {
		const [key, value] = [pastName(layer, 'key'), pastName(layer, 'value')];
		const count = new this.#backend.Tensor('int64', BigInt64Array.of(BigInt(keep)), [1]);
		const feeds = { key: this.#past[key]!, value: this.#past[value]!, keep: count };
		const kept = await this.#truncate.run(feeds, ['kept_key', 'kept_value']);
		return { [key]: kept.kept_key!, [value]: kept.kept_value! };
	}

	#layers(): number[] {
		return Array.from({ length: this.#manifest.config.text_config.num_hidden_layers }, (_, i) => i);
	}

	#empty(): Record<string, OrtTensor> {
		const { num_key_value_heads, head_dim } = this.#manifest.config.text_config;
		const dims = [1, num_key_value_heads, 0, head_dim];
		const half = this.#manifest.kv_dtype === 'float16';
		const names = this.#layers().flatMap((i) => [pastName(i, 'key'), pastName(i, 'value')]);
		return Object.fromEntries(
			names.map((name) => [
				name,
				half
					? new this.#backend.Tensor('float16', new Uint16Array(0), dims)
					: new this.#backend.Tensor('float32', new Float32Array(0), dims)
			])
		);
	}
}

const pastName = (layer: number, what: 'key' | 'value') => `past_key_values.${layer}.${what}`;
const presentName = (past: string) => past.replace('past_key_values.', 'present.');

/** Outputs of a language graph over layers `[from, to)` that are fed back. */
export function presentNames([from, to]: readonly [from: number, to: number]): string[] {
	return Array.from({ length: to - from }, (_, i) => [
		`present.${from + i}.key`,
		`present.${from + i}.value`
	]).flat();
}
