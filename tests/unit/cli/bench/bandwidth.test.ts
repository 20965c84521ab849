import { checkManifest } from '../../../../src/lib/model/runtime/check-manifest.ts';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { bytesPerToken, readBandwidth } from '../../../../src/cli/bench/bandwidth.ts';
import { describe as told, type BenchReport } from '../../../../src/cli/bench/report.ts';

describe('bandwidth', () => {
	it('is read by all cores', async () => {
		const rate = await readBandwidth(20);
		// Slower than any disk or faster than any memory would be a fault of the measurement.
		expect(rate).toBeGreaterThan(1e7);
		expect(rate).toBeLessThan(1e14);
	});

	it('is compared with the bytes that a token reads: weights of the language model, keys and values', async () => {
		const manifest = checkManifest(
			JSON.parse(await readFile('static/models/honeybee-mini/honeybee.json', 'utf8')),
			'honeybee-mini'
		);
		const { vocab_size, hidden_size, intermediate_size, num_hidden_layers } = manifest.config.text_config;
		const weights = bytesPerToken(manifest, 0);
		const layer = 4 * hidden_size ** 2 + 3 * hidden_size * intermediate_size;
		// fp32: the layers and the output matrix, and little beside them (norms, tables of the rotary embedding).
		const matrices = 4 * (num_hidden_layers * layer + vocab_size * hidden_size);
		expect(weights).toBeGreaterThan(matrices);
		expect(weights).toBeLessThan(1.05 * matrices);
		expect(bytesPerToken(manifest, 10) - weights).toBe(10 * 2 * 4 * num_hidden_layers * hidden_size);
	});

	it('is told for each backend beside what was reached', () => {
		const answer = {
			question: 'q',
			first_token_ms: 1,
			stages_ms: { vision: 1, projector: 1, prefill: 1, decode: 100 },
			tokens: 11,
			cached_positions: 0,
			prompt_positions: 1
		};
		const one = { description: '', load_ms: 1, answers: [answer] };
		const report: BenchReport = {
			machine: { cores: 2, cpu: 'c' },
			versions: {},
			model: { name: 'm', dtype: 'fp32', weights: 1 },
			answers: [
				{ ...one, backend: 'node' },
				{ ...one, backend: 'webgpu', dispatches_per_token: 61 }
			],
			eval_loops: [],
			bandwidth: { bytes_per_token: 5e6, processor: 2e9, webgpu: 1e9 },
			missing: []
		};
		expect(told(report)).toMatch(/node +2\.0 GB\/s +400\.0\/s +100\.0\/s +25\.0 % +–/);
		expect(told(report)).toMatch(/webgpu +1\.0 GB\/s +200\.0\/s +100\.0\/s +50\.0 % +61/);
		const { webgpu: _, ...without } = report.bandwidth;
		expect(told({ ...report, bandwidth: without })).toMatch(/webgpu +– +– +100\.0\/s +– +61/);
	});
});
