import {
	equivarianceError,
	type EquivarianceError,
	type Field,
	fieldDifference
} from '../analysis/equivariance.ts';
import { sideOf } from '../analysis/grid.ts';
import { creditOf } from '../benchmarks/scenes.ts';
import type { ImageInput } from '../model/runtime/types.ts';
import type { AskedQuestion } from '../scenes/asking.ts';
import { type Composition, moveTo, remove, resize } from '../scenes/composition.ts';
import { type Atlas, imageSize, type Task } from '../scenes/index.ts';
import type { PathKind, Placement } from '../scenes/path.ts';
import type { Answerer } from './answerer.ts';
import type { Control } from './control.ts';
import { answerTo } from './follow.ts';
import type { Seen } from './question.ts';
import { sceneInput } from './scene-image.ts';
import { logProbabilityOf } from './score.ts';
import { visualTokens } from './similarity.ts';
import type { SubjectModel } from './subject.ts';
import { isTrained } from './tokens.ts';

/** One projector of a sweep at its M. */
export interface SweepSubject {
	readonly projector: string;
	/** M as the request names it; absent where it is the projector's own. */
	readonly tokens?: number;
	readonly title: string;
	/** M */
	readonly M: number;
	/** Whether the projector was trained at this M. */
	readonly trained: boolean;
}

export interface SweptModel {
	readonly name: string;
	readonly dtype: string;
	readonly backend: string;
}

export interface SweepPlan {
	/** Model, dtype and backend: what is remembered belongs to them. */
	readonly model: SweptModel;
	readonly scene: Composition;
	/** Id of the sprite that is moved or resized. */
	readonly object: number;
	readonly kind: PathKind;
	readonly steps: readonly Placement[];
	readonly questions: readonly AskedQuestion[];
	readonly subjects: readonly SweepSubject[];
}

export interface SweepAnswer {
	readonly question: string;
	readonly answer: string;
	/** Undefined where the scene gives the question no true answer. */
	readonly truth: string | undefined;
	/** 0 to 1. */
	readonly credit: number | undefined;
	/** Natural logarithm of the probability of the true answer's words, nats. */
	readonly logProbability: number | undefined;
}

/** One projector at one step. */
export interface SweepCell {
	readonly projector: string;
	readonly step: number;
	readonly answers: readonly SweepAnswer[];
	/** The object's trace in the visual tokens; undefined when M is no square. */
	readonly trace: Field | undefined;
}

export interface SweepResult {
	readonly plan: SweepPlan;
	/** In the order they were computed; all of them when the sweep is whole. */
	readonly cells: readonly SweepCell[];
}

/** What `SweepPlan.model` says of a model. */
export const sweptModel = ({ manifest, backend }: SubjectModel): SweptModel => ({
	name: manifest.name,
	dtype: manifest.dtype,
	backend: backend.backend
});

/** A projector of the model in a sweep. @param M its own when absent */
export function sweepSubject({ manifest }: SubjectModel, projector: string, M?: number): SweepSubject {
	const entry = manifest.projectors[projector]!;
	const own = entry.num_query_tokens;
	const tokens = M ?? own;
	return {
		...{ projector, title: entry.title, M: tokens, trained: isTrained(entry, tokens) },
		...(tokens === own ? {} : { tokens })
	};
}

const keyOf = ({ name, dtype, backend }: SweptModel) => [name, dtype, backend].join('|');

/** Names everything that the result depends on. */
export function sweepKey({ model, scene, object, kind, steps, questions, subjects }: SweepPlan): string {
	const objects = scene.objects.map(({ id, cls, style, size, x, y }) => [id, cls, style, size, x, y]);
	// Where the moved object stood before does not matter, the steps say where it goes.
	const others = objects.map((o) => (o[0] === object ? o.slice(0, 3) : o));
	return JSON.stringify([
		...[keyOf(model), scene.background, others, object, kind, steps],
		...[questions.map(({ text }) => text), subjects.map(({ projector, M }) => [projector, M])]
	]);
}

/** The scene at one step. */
export function sceneAt({ scene, object }: SweepPlan, { x, y, size }: Placement): Composition {
	return moveTo(resize(scene, object, size), object, x, y);
}

/** What sweeps have computed, so that a stopped one goes on and an overlapping one starts further on. */
export class SweepMemory {
	readonly answers = new Map<string, string>();
	readonly scores = new Map<string, number>();
	readonly tokens = new Map<string, Field | undefined>();

	/** Keeps memory bounded: the tokens of a few hundred images. */
	trim(limit = 600): void {
		for (const key of this.tokens.keys()) {
			if (this.tokens.size <= limit) break;
			this.tokens.delete(key);
		}
	}
}

/**
 * Runs the model at every step, for every projector: the greedy answers, the log-probability of the true ones, and the object's trace,
 * which is the visual tokens of the scene minus those of the scene without the object.
 * @param onCell called with all cells so far
 * @throws AbortError when stopped; what was computed is in `memory`
 */
export async function runSweep(
	plan: SweepPlan,
	atlas: Atlas,
	answerer: Pick<Answerer, 'answer' | 'score' | 'trace'>,
	memory: SweepMemory,
	{ signal, onProgress }: Control = {},
	onCell: (result: SweepResult) => void = () => undefined
): Promise<SweepResult> {
	const { steps, subjects, questions, model } = plan;
	const without = await sceneInput(remove(plan.scene, plan.object), atlas, 'Scene without the object');
	const cells: SweepCell[] = [];
	const total = steps.length * subjects.length;
	// Steps outside, projectors inside: the vision tower keeps the features of an image for all projectors.
	for (const [step, placement] of steps.entries()) {
		const scene = sceneAt(plan, placement);
		const image = await sceneInput(scene, atlas, `Step ${step} of a sweep`);
		for (const subject of subjects) {
			const named = (id: string, more = '') =>
				[keyOf(model), subject.projector, subject.M, id, more].join('|');
			const answers: SweepAnswer[] = [];
			for (const question of questions) {
				const seen = seenBy(subject, image);
				const answer = await once(memory.answers, named(image.id, question.text), signal, () =>
					answerTo(answerer, seen, question.text, { signal })
				);
				const known = question.truth(scene);
				const truth = 'answer' in known ? known.answer : undefined;
				const logProbability =
					truth === undefined
						? undefined
						: await once(memory.scores, named(image.id, `${question.text} ${truth}`), signal, () =>
								logProbabilityOf(answerer, seen, question.text, truth, { signal })
							);
				answers.push({
					question: question.text,
					answer,
					truth,
					credit: truth === undefined ? undefined : credit(question.task, answer, truth),
					logProbability
				});
			}
			const tokens = (of: ImageInput) =>
				once(memory.tokens, named(of.id), signal, () => fieldOf(answerer, subject, of, { signal }));
			const [base, here] = [await tokens(without), await tokens(image)];
			const trace = base && here && fieldDifference(here, base);
			cells.push({ projector: subject.projector, step, answers, trace });
			onProgress?.({ done: cells.length, total });
			onCell({ plan, cells: [...cells] });
		}
	}
	memory.trim();
	return { plan, cells };
}

async function once<T>(
	kept: Map<string, T>,
	key: string,
	signal: AbortSignal | undefined,
	compute: () => Promise<T>
): Promise<T> {
	if (kept.has(key)) return kept.get(key) as T;
	signal?.throwIfAborted();
	const value = await compute();
	kept.set(key, value);
	return value;
}

function seenBy({ projector, tokens }: SweepSubject, image: ImageInput): Seen {
	return { projector, ...(tokens === undefined ? {} : { tokens }), image };
}

/** How right an answer is, as the benchmark of scenes scores it, 0 to 1. */
export function credit(task: Task, answer: string, truth: string): number {
	return creditOf(task, answer.trim(), truth);
}

/** `visual_embeds` without eos tokens as a field on their √M × √M grid; undefined when M is no square. */
async function fieldOf(
	answerer: Pick<Answerer, 'trace'>,
	subject: SweepSubject,
	image: ImageInput,
	control: Control
): Promise<Field | undefined> {
	const side = sideOf(subject.M);
	if (side === undefined) return undefined;
	const { width, data } = await visualTokens(answerer, seenBy(subject, image), subject.M, control);
	return { side, channels: width, data };
}

/** What the trace of a step is compared with. */
export type Reference = 'before' | 'first';

/**
 * Equivariance error of a step: the object's trace against the one of the reference step, moved as far as the object's centre moved.
 * Undefined for the first step against the one before, and where a trace is missing.
 */
export function stepError(
	{ plan, cells }: SweepResult,
	projector: string,
	step: number,
	reference: Reference
): EquivarianceError | undefined {
	const from = reference === 'first' ? 0 : step - 1;
	const traceAt = (at: number) =>
		cells.find((cell) => cell.projector === projector && cell.step === at)?.trace;
	const [before, after] = [traceAt(from), traceAt(step)];
	const [start, end] = [plan.steps[from], plan.steps[step]];
	if (!before || !after || !start || !end) return undefined;
	const cell = imageSize / after.side;
	const moved = (axis: 'x' | 'y') => (end[axis] + end.size / 2 - start[axis] - start.size / 2) / cell;
	return equivarianceError(before, after, { x: moved('x'), y: moved('y') });
}
