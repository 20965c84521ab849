import type { Benchmark, Example } from '../../lib/benchmarks/benchmark.ts';
import type { ImagePreparer } from '../../lib/model/image/prepare.ts';
import { openRun, type RunIdentity } from '../../lib/benchmarks/run/record.ts';
import type { Answerer } from '../../lib/study/answerer.ts';
import { ask } from '../../lib/study/ask.ts';
import { requestOf, runBenchmark } from '../../lib/study/run.ts';
import type { RunStorage } from '../../lib/benchmarks/run/storage.ts';
import type { TargetChoice } from '../../lib/benchmarks/run/target.ts';
import type { ImageInput } from '../../lib/model/runtime/types.ts';

/** The same examples, answered by the evaluation's loop and by nothing but generation. */
export interface LoopsResult {
	/** What was asked, for the table. */
	readonly what: string;
	readonly examples: number;
	/**
	 * Milliseconds of each pair of passes over the same examples; `…_cpu_ms` of processor time of the thread that answers, which, unlike the
	 * others, do not change with what else the machine does.
	 */
	readonly pairs: readonly {
		readonly bare_ms: number;
		readonly eval_ms: number;
		readonly bare_cpu_ms?: number;
		readonly eval_cpu_ms?: number;
	}[];
	/** Whether both gave the same answers. */
	readonly same_answers: boolean;
}

export interface LoopsSubject {
	readonly what: string;
	readonly benchmark: Benchmark;
	readonly examples: readonly Example[];
	readonly target: TargetChoice;
	readonly model: Pick<Answerer, 'answer'>;
	readonly prepare: ImagePreparer;
	/** A new place for the results of a pass. */
	readonly storage: (pass: number) => RunStorage;
	/** Examples of a pair; the first pair warms up and is not counted. */
	readonly pass: number;
	/** Milliseconds of processor time of this thread so far, where they can be read. */
	readonly cpu?: () => number;
}

/**
 * Times `runBenchmark` (reading and decoding images, answers, results kept on disk) against a loop of answers to the same prompts
 * whose pixels are there already. Passes alternate, so that whatever else the machine does falls on both; nothing is taken from a
 * cache that the other pass has filled.
 */
export async function measureLoops(subject: LoopsSubject): Promise<LoopsResult> {
	const { what, examples, pass } = subject;
	const pairs: LoopsResult['pairs'][number][] = [];
	let same_answers = true;
	for (let p = 0; (p + 1) * pass <= examples.length; p++) {
		const of = examples.slice(p * pass, (p + 1) * pass);
		const inputs = await readAll(of, subject.prepare, `bare ${p}`);
		const timed = { bare: 0, eval: 0 };
		const worked = { bare: 0, eval: 0 };
		let answers: readonly string[] = [];
		for (const loop of p % 2 ? (['bare', 'eval'] as const) : (['eval', 'bare'] as const)) {
			const begin = performance.now();
			const before = subject.cpu?.() ?? 0;
			const texts = loop === 'bare' ? await bare(subject, of, inputs) : await evaluated(subject, of, p);
			timed[loop] = performance.now() - begin;
			worked[loop] = (subject.cpu?.() ?? 0) - before;
			same_answers &&= answers.length === 0 || texts.every((text, i) => text === answers[i]);
			answers = texts;
		}
		if (p > 0)
			pairs.push({
				...{ bare_ms: timed.bare, eval_ms: timed.eval },
				...(subject.cpu && { bare_cpu_ms: worked.bare, eval_cpu_ms: worked.eval })
			});
	}
	return { what, examples: pairs.length * pass, pairs, same_answers };
}

async function bare(
	{ benchmark, target, model }: LoopsSubject,
	examples: readonly Example[],
	inputs: ReadonlyMap<string, ImageInput>
): Promise<string[]> {
	const texts: string[] = [];
	for (const example of examples) {
		const images = example.images.map(({ name }) => inputs.get(name)!);
		const { text } = await ask(model, requestOf(benchmark, example, images, target));
		texts.push(text);
	}
	return texts;
}

async function evaluated(
	{ benchmark, target, model, prepare, storage }: LoopsSubject,
	examples: readonly Example[],
	pass: number
): Promise<string[]> {
	const place = storage(pass);
	const record = await openRun(place, { ...identity, ...target, benchmark: benchmark.name }, benchmark);
	await runBenchmark({ benchmark, examples, targets: [{ ...target, record }], model, prepare });
	await place.close();
	return examples.map(({ id }) => record.results.get(id)!.pred);
}

/** Images with pixels, under names that no other pass uses. */
async function readAll(
	examples: readonly Example[],
	prepare: ImagePreparer,
	prefix: string
): Promise<Map<string, ImageInput>> {
	const inputs = new Map<string, ImageInput>();
	for (const image of examples.flatMap(({ images }) => images)) {
		if (inputs.has(image.name)) continue;
		const bytes = image.pixels ? new Uint8Array(0) : await image.read();
		const pixels = await prepare(image.pixels?.() ?? bytes, image.name);
		inputs.set(image.name, { id: `${prefix} ${image.name}`, name: image.name, bytes, pixels });
	}
	return inputs;
}

/** A manifest needs one; these runs are thrown away. */
const identity: RunIdentity = {
	benchmark: '',
	data: { examples: 0, sha256: '' },
	generation: { max_new_tokens: 0 },
	model: { name: '', files: {} },
	projector: '',
	tokens: 0,
	dtype: '',
	backend: '',
	versions: {},
	seed: 0
};
