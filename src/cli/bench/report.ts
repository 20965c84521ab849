import { megabytes } from '../../lib/bytes/sizes.ts';
import type { AnswersResult } from './answers.ts';
import { describeConversion, type ConversionTimes } from './conversion.ts';
import type { LoopsResult } from './loops.ts';
import type { GenerationResult, SubjectName } from './subjects.ts';
import type { ViewsReport } from './views.ts';
import { median, quantiles } from '../../lib/analysis/statistics.ts';

/** Everything that `--json` writes. */
export interface BenchReport {
	readonly machine: Readonly<Record<string, string | number>>;
	readonly versions: Readonly<Record<string, string>>;
	readonly model: { readonly name: string; readonly dtype: string; readonly weights: number };
	readonly answers: readonly AnswersResult[];
	/** How busy evaluation keeps the model. */
	readonly eval_loops: readonly LoopsResult[];
	readonly generation?: GenerationReport;
	/** What the memory's bandwidth allows decoding. */
	readonly bandwidth: BandwidthReport;
	/** What could not be measured here, and why. */
	readonly missing: readonly string[];
	/** Milliseconds from opening the page with a warm cache to the first token of an answer. */
	readonly page_first_answer_ms?: number;
	/** What the pages wait for. */
	readonly views?: ViewsReport;
	/** Conversion of a checkpoint that is made for it. */
	readonly conversions?: readonly ConversionTimes[];
}

export interface BandwidthReport {
	/** Bytes of weights and cache that a token reads, in the middle of the answers. */
	readonly bytes_per_token: number;
	/** Bytes per second that all cores together read. */
	readonly processor: number;
	/** Bytes per second that the WebGPU adapter reads. */
	readonly webgpu?: number;
}

export interface GenerationReport {
	readonly prompt_tokens: number;
	readonly new_tokens: number;
	/** Whether all subjects gave the same ids: only then did they run the same model. */
	readonly same_ids: boolean;
	readonly subjects: Readonly<Partial<Record<SubjectName, GenerationSummary>>>;
}

/** Medians over rounds. */
export interface GenerationSummary {
	readonly load_ms: number;
	/** First generation of a process. */
	readonly cold_first_token_ms: number;
	/** Later generations: a prompt's time is the time to its first token. */
	readonly first_token_ms: number;
	readonly decode_tokens_per_second: number;
	readonly peak_memory: number;
}

export function summarize(rounds: readonly GenerationResult[]): GenerationSummary {
	const warm = rounds.flatMap(({ generations }) => generations.slice(1));
	return {
		load_ms: median(rounds.map(({ load_ms }) => load_ms)),
		cold_first_token_ms: median(rounds.map(({ generations }) => generations[0]!.at_ms[0]!)),
		first_token_ms: median(warm.map(({ at_ms }) => at_ms[0]!)),
		decode_tokens_per_second: median(
			warm.map(({ at_ms }) => ((at_ms.length - 1) * 1000) / (at_ms.at(-1)! - at_ms[0]!))
		),
		peak_memory: median(rounds.map(({ peak_memory }) => peak_memory))
	};
}

const ms = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
const mb = (bytes: number | undefined) => (bytes === undefined ? '–' : megabytes(bytes));
const rate = (value: number) => (Number.isFinite(value) ? `${value.toFixed(1)}/s` : '–');

/** The report as text, a table for whole answers and one for text generation. */
export function describe(report: BenchReport): string {
	const { machine, versions, model, answers, eval_loops, generation, missing } = report;
	const blocks = [
		`${model.name} (${model.dtype}, ${mb(model.weights)} of weights) on ${machine.cores} × ${machine.cpu}, ${Object.entries(
			versions
		)
			.map(([name, version]) => `${name} ${version}`)
			.join(', ')}`
	];
	if (answers.length) blocks.push(`Whole answers\n${table(answers.map(answerRow))}`);
	if (answers.length) blocks.push(bandwidthBlock(answers, report.bandwidth));
	if (eval_loops.length) blocks.push(loopsBlock(eval_loops));
	if (generation) blocks.push(generationBlock(generation));
	if (report.page_first_answer_ms !== undefined)
		blocks.push(`First token ${ms(report.page_first_answer_ms)} after opening the page (warm cache).`);
	if (report.views) blocks.push(...viewsBlocks(report.views));
	if (report.conversions?.length)
		blocks.push(
			['Conversion, by bytes of the checkpoint', ...report.conversions.map(describeConversion)].join('\n')
		);
	blocks.push(...missing.map((sentence) => `Not measured: ${sentence}`));
	return `${blocks.join('\n\n')}\n`;
}

function answerRow({ backend, load_ms, answers, peak_memory }: AnswersResult): Record<string, string> {
	const [first, ...later] = answers;
	return {
		backend,
		load: ms(load_ms),
		vision: ms(first!.stages_ms.vision),
		projector: ms(first!.stages_ms.projector),
		prefill: ms(first!.stages_ms.prefill),
		'first token': ms(first!.first_token_ms),
		'… of a later question': later.length
			? ms(median(later.map(({ first_token_ms }) => first_token_ms)))
			: '–',
		decode: rate(decodeSpeed(answers)),
		'peak memory': mb(peak_memory)
	};
}

/** Tokens per second over all answers. */
function decodeSpeed(answers: AnswersResult['answers']): number {
	const decoded = answers.reduce((sum, { tokens }) => sum + tokens - 1, 0);
	return (decoded * 1000) / answers.reduce((sum, { stages_ms }) => sum + stages_ms.decode, 0);
}

function bandwidthBlock(results: readonly AnswersResult[], bandwidth: BandwidthReport): string {
	const rows = results.map(({ backend, answers, dispatches_per_token }) => {
		const read = backend === 'webgpu' ? bandwidth.webgpu : bandwidth.processor;
		const allowed = read && read / bandwidth.bytes_per_token;
		const speed = decodeSpeed(answers);
		return {
			backend,
			'memory read': read === undefined ? '–' : `${(read / 1e9).toFixed(1)} GB/s`,
			'decode allowed': allowed === undefined ? '–' : rate(allowed),
			decode: rate(speed),
			share: allowed === undefined ? '–' : `${((100 * speed) / allowed).toFixed(1)} %`,
			'dispatches a token': dispatches_per_token === undefined ? '–' : dispatches_per_token.toFixed(0)
		};
	});
	const title = `Decoding against the memory's bandwidth: a token reads ${mb(bandwidth.bytes_per_token)} of weights and cache`;
	return `${title}\n${table(rows)}\nWeights that fit the processor's caches are read faster than memory.`;
}

/** Share of a bare loop's speed that the evaluation's reaches: the middle of the pairs, and the quartiles around it. */
export function loopShare({ pairs }: LoopsResult): Share {
	return shareOf(pairs.map(({ bare_ms, eval_ms }) => bare_ms / eval_ms));
}

/** The same of the answering thread's processor time; undefined where it was not measured. */
export function loopCpuShare({ pairs }: LoopsResult): Share | undefined {
	const shares = pairs.flatMap(({ bare_cpu_ms, eval_cpu_ms }) =>
		bare_cpu_ms === undefined || eval_cpu_ms === undefined ? [] : [bare_cpu_ms / eval_cpu_ms]
	);
	return shares.length > 0 ? shareOf(shares) : undefined;
}

interface Share {
	readonly median: number;
	readonly q1: number;
	readonly q3: number;
}

function shareOf(shares: readonly number[]): Share {
	const [q1, middle, q3] = quantiles(shares, [0.25, 0.5, 0.75]);
	return { median: middle!, q1: q1!, q3: q3! };
}

function loopsBlock(loops: readonly LoopsResult[]): string {
	const percent = (share: number) => (100 * share).toFixed(0);
	const rows = loops.map((loop) => {
		const told = (share: Share) =>
			`${percent(share.median)} % (${percent(share.q1)} to ${percent(share.q3)})`;
		const cpu = loopCpuShare(loop);
		const each = loop.examples / loop.pairs.length;
		return {
			'evaluation’s loop': loop.what,
			answers: String(loop.examples),
			bare: ms(median(loop.pairs.map(({ bare_ms }) => bare_ms)) / each),
			evaluation: ms(median(loop.pairs.map(({ eval_ms }) => eval_ms)) / each),
			'speed, bare = 100 %': told(loopShare(loop)),
			'by the answering thread’s processor time': cpu ? told(cpu) : '–'
		};
	});
	const same = loops.every(({ same_answers }) => same_answers);
	return [
		'Evaluation (images read, decoded, answers kept on disk) against bare generation on the same examples, in turns; time of an answer',
		table(rows),
		same ? 'Both gave the same answers.' : 'The answers DIFFER.'
	].join('\n');
}

/** Times a reader of the pages meets: until the maps are there, until they are drawn, while pointing at them. */
function viewsBlocks({ maps, figures }: ViewsReport): string[] {
	const blocks: string[] = [];
	if (figures.length) {
		const [{ tokens, patches }] = figures as [(typeof figures)[0]];
		const rows = figures.map((each) => ({
			figure: each.figure,
			'first drawing': ms(each.draw_ms),
			'drawn again': ms(each.redraw_ms),
			'pointer move': ms(each.hover_ms),
			'95 % below': ms(each.hover_p95_ms),
			'while pointing': `${each.frames_per_second.toFixed(0)} frames/s`
		}));
		blocks.push(
			`Figures of ${tokens} visual tokens × ${patches} patches, four of them linked\n${table(rows)}`
		);
	}
	if (maps.length) {
		const rows = maps.map((each) => ({
			'maps of all visual tokens': each.projector,
			backend: each.backend,
			'M × N': `${each.tokens} × ${each.patches}`,
			method: each.method,
			K: String(each.directions),
			time: ms(each.ms)
		}));
		blocks.push(`Locality maps, the middle of three\n${table(rows)}`);
	}
	return blocks;
}

function generationBlock({ prompt_tokens, new_tokens, same_ids, subjects }: GenerationReport): string {
	const entries = Object.entries(subjects);
	const own = subjects.honeybee!;
	const rows = entries.map(([name, summary]) => ({
		'on Node': name,
		load: ms(summary.load_ms),
		'cold first token': ms(summary.cold_first_token_ms),
		'first token': ms(summary.first_token_ms),
		decode: rate(summary.decode_tokens_per_second),
		'peak memory': mb(summary.peak_memory),
		'first token, honeybee = 1': (summary.first_token_ms / own.first_token_ms).toFixed(2),
		'decode, honeybee = 1': (summary.decode_tokens_per_second / own.decode_tokens_per_second).toFixed(2)
	}));
	const title = `Text generation with the same weights, ${prompt_tokens} + ${new_tokens} tokens`;
	const verdict = same_ids
		? 'All gave the same ids.'
		: 'The ids DIFFER: the subjects did not run the same model.';
	return `${title}\n${table(rows)}\n${verdict}`;
}

function table(rows: readonly Readonly<Record<string, string>>[]): string {
	const columns = Object.keys(rows[0] ?? {});
	const lines = [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))];
	const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
	return lines
		.map((line) =>
			line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
		)
		.join('\n');
}
