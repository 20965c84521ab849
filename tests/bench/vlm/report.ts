import { megabytes } from '../../../src/lib/bytes/sizes.ts';
import { table } from '../table.ts';
import { describeMachine } from '../turns.ts';
import type { VlmReport } from './results.ts';

const ms = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
const seconds = (value: number) => `${(value / 1000).toFixed(1)} s`;

/** The report as tables: times, where they went, and conversion. */
export function describeVlm(report: VlmReport): string {
	const entries = Object.entries(report.subjects);
	const times = entries.map(([name, subject]) => ({
		'': name,
		load: seconds(subject.load_ms),
		'model files': megabytes(subject.bytes),
		'peak memory': subject.peak_memory === undefined ? '–' : megabytes(subject.peak_memory),
		'first picture': seconds(subject.cold_first_token_ms),
		'first token': seconds(subject.first_token_ms),
		decode: `${subject.decode_tokens_per_second.toFixed(1)}/s`,
		'first token, fastest peer = 1': subject.against_peers?.first_token.toFixed(2) ?? '',
		'decode, fastest peer = 1': subject.against_peers?.decode.toFixed(2) ?? '',
		'ids as the float32 peer': subject.same_ids ? `${subject.same_ids.same} of ${subject.same_ids.of}` : ''
	}));
	const parts = entries.map(([name, { parts_ms, first_token_ms, decode_tokens_per_second }]) => ({
		'': name,
		'picture and prompt': ms(parts_ms.input),
		'vision tower, projector': ms(parts_ms.vision),
		prefill: ms(parts_ms.prefill),
		'rest of the first token': ms(first_token_ms - parts_ms.input - parts_ms.vision - parts_ms.prefill),
		'networks, a token': ms(parts_ms.decode / (report.new_tokens - 1)),
		'in all, a token': ms(1000 / decode_tokens_per_second)
	}));
	const { checkpoint_bytes, node_ms, page_ms, page_peak_memory } = report.conversion;
	const page =
		page_ms === undefined
			? ''
			: `, in the page ${seconds(page_ms)}${page_peak_memory === undefined ? '' : ` with ${megabytes(page_peak_memory)} at most`}`;
	const around = Object.entries(report.around_ms ?? {}).map(([what, value]) => ({
		'Around the networks': what.replaceAll('_', ' '),
		'': ms(value)
	}));
	return (
		[
			`${report.model}, ${report.date}, medians of ${report.rounds} rounds; ${describeMachine(report.machine, report.versions)}`,
			`One tile, a prompt of ${report.prompt_tokens} tokens, ${report.new_tokens} new ones\n\n${table(times)}`,
			`Where the time goes\n\n${table(parts)}`,
			`Conversion of ${megabytes(checkpoint_bytes)} to q4: in Node ${seconds(node_ms)}${page}`,
			...(around.length > 0 ? [table(around)] : []),
			...report.missing.map((sentence) => `Not measured: ${sentence}`)
		].join('\n\n') + '\n'
	);
}
