import { megabytes } from '../../../src/lib/bytes/sizes.ts';
import { table } from '../table.ts';
import { describeMachine } from '../turns.ts';
import type { LmReport, LmSubject } from './results.ts';

/** The report as tables: times, and how far each path of ours is from its reference. */
export function describeLm(report: LmReport): string {
	const entries = Object.entries(report.subjects);
	const lengths = report.prompt_tokens;
	const baseline = entries.find(([name]) => name.startsWith('wllama'))?.[1];
	const decode = (subject: LmSubject, length: number) => subject.decode_tokens_per_second[length]!;
	const times = entries.map(([name, subject]) => ({
		'': name,
		load: `${(subject.load_ms / 1000).toFixed(1)} s`,
		'model files': megabytes(subject.bytes_loaded),
		'peak memory': subject.peak_memory === undefined ? '–' : megabytes(subject.peak_memory),
		'first token': `${subject.first_token_ms.toFixed(0)} ms`,
		prefill: `${subject.prefill_tokens_per_second.toFixed(0)}/s`,
		...Object.fromEntries(
			lengths.map((length) => [`decode at ${length}`, `${decode(subject, length).toFixed(1)}/s`])
		),
		'last : first': subject.flat.toFixed(2),
		...(baseline && {
			'decode, wllama = 1': (decode(subject, lengths[0]!) / decode(baseline, lengths[0]!)).toFixed(2),
			'prefill, wllama = 1': (subject.prefill_tokens_per_second / baseline.prefill_tokens_per_second).toFixed(
				2
			)
		})
	}));
	const agreements = entries.flatMap(([name, { agreement }]) =>
		agreement
			? [
					{
						'against Node, as stored': name,
						'prompts alike': `${agreement.same_prompts} of ${agreement.prompts}`,
						'ids alike': `${agreement.same_ids} of ${agreement.ids}`,
						'logits off by': `${(100 * agreement.logits_error.median).toFixed(2)} %`,
						'at most': `${(100 * agreement.logits_error.worst).toFixed(2)} %`
					}
				]
			: []
	);
	return (
		[
			`${report.model}, ${report.date}, medians of ${report.rounds} rounds; ${describeMachine(report.machine, report.versions)}`,
			`Prompts of ${lengths.join(', ')} tokens, ${report.new_tokens.join(', ')} new ones\n\n${table(times)}`,
			...(agreements.length > 0
				? [`Greedy ids and the logits after each prompt\n\n${table(agreements)}`]
				: []),
			...report.missing.map((sentence) => `Not measured: ${sentence}`)
		].join('\n\n') + '\n'
	);
}
