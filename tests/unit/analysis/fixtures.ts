import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { tokenPatchMap, type TokenPatchMap } from '../../../src/lib/analysis/map.ts';

const folder = new URL('../../fixtures/analysis/', import.meta.url);

export function readFixture<T>(name: string): T {
	return JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as T;
}

export interface ExpectedToken {
	readonly centroid: readonly [number, number];
	readonly spread: number;
	readonly entropy: number;
	readonly effectivePatches: number;
	readonly peak: number;
	readonly drift: number;
	readonly inside: number;
	readonly near: number;
}

export interface ExpectedLocality {
	readonly tokens: readonly ExpectedToken[];
	readonly picked?: readonly number[];
	readonly cover: readonly number[];
	readonly strongest: readonly number[];
	readonly dominance: readonly number[];
	readonly effectiveTokens: readonly number[];
}

export interface Jacobian {
	readonly tokens: number;
	readonly patches: number;
	readonly width: number;
	readonly feature_width: number;
	readonly norm: readonly (readonly number[])[];
	readonly occlusion: readonly (readonly number[])[];
}

export const projectors = ['linear', 'mlp', 'resampler', 'c-abs', 'd-abs'] as const;

export const jacobian = (name: string) => readFixture<Jacobian>(`jacobian-${name}.json`);

export function mapOf(rows: readonly (readonly number[])[]): TokenPatchMap {
	return tokenPatchMap(rows.length, rows[0]!.length, Float32Array.from(rows.flat()));
}

/** Largest |a − b| at most `limit` times the largest |b|, and the same number of values. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, limit = 1e-5): void {
	expect(actual.length).toBe(expected.length);
	let difference = 0;
	let scale = 0;
	for (let i = 0; i < expected.length; i++) {
		expect(Number.isFinite(actual[i]), `value ${i}: ${actual[i]}`).toBe(true);
		difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
		scale = Math.max(scale, Math.abs(expected[i]!));
	}
	expect(difference).toBeLessThanOrEqual(limit * Math.max(scale, 1e-30));
}
