import type { PositionMapRows, SweepAnswersRows, SweepPoint, SweepRows } from '../analysis/sweep-rows.ts';
import { Asking } from '../scenes/asking.ts';
import { compose } from '../scenes/composition.ts';
import { pathKinds, placements, usualStep, type PathKind } from '../scenes/path.ts';
import { InputError } from '../tensor/errors.ts';
import type { ChoiceName, Choices } from './choices.ts';
import type { Control } from './control.ts';
import { required, type FigureStudy, type Work } from './figure-study.ts';
import type { SubjectModel } from './subject.ts';
import {
	runSweep,
	stepError,
	SweepMemory,
	sweepSubject,
	sweptModel,
	type Reference,
	type SweepCell,
	type SweepPlan,
	type SweepResult
} from './sweep.ts';
import { oneOfEachFamily } from './tokens.ts';

export type Measure = 'accuracy' | 'logProbability' | 'moved' | 'stayed';

const words: Readonly<Record<Measure, string>> = {
	accuracy: 'Share of questions right',
	logProbability: 'Log-probability of the truth (nats)',
	moved: 'Equivariance error',
	stayed: 'Error as if it had stayed'
};

/** Rows of the line figure. @param all every projector of the model, for the colours */
export function sweepRows(
	result: SweepResult,
	measure: Measure,
	all: readonly string[],
	reference: Reference = 'before'
): SweepRows {
	const { plan, cells } = result;
	const points = cells.flatMap((cell): SweepPoint[] => {
		const value = valueOf(result, cell, measure, reference);
		const position = plan.steps[cell.step]?.position;
		if (value === undefined || position === undefined || Number.isNaN(value)) return [];
		return [{ projector: cell.projector, position, value }];
	});
	return {
		points,
		position: pathKinds[plan.kind].axis,
		value: words[measure],
		positions: plan.steps.map(({ position }) => position),
		projectors: all,
		domain: domainOf(measure, points)
	};
}

/** Ends that stay the same from sweep to sweep, so that they can be compared at a glance. */
function domainOf(measure: Measure, points: readonly SweepPoint[]): readonly [number, number] {
	if (measure === 'accuracy') return [0, 1];
	const values = points.map(({ value }) => value);
	return measure === 'logProbability' ? [Math.min(-1, ...values), 0] : [0, Math.max(1.5, ...values)];
}

function valueOf(
	result: SweepResult,
	cell: SweepCell,
	measure: Measure,
	reference: Reference
): number | undefined {
	if (measure === 'moved' || measure === 'stayed')
		return stepError(result, cell.projector, cell.step, reference)?.[measure];
	return mean(cell.answers.map((answer) => answer[measure === 'accuracy' ? 'credit' : 'logProbability']));
}

function mean(values: readonly (number | undefined)[]): number | undefined {
	const known = values.filter((value) => value !== undefined);
	return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Rows of the figure of every answer. */
export function answerRows({ plan, cells }: SweepResult, all: readonly string[]): SweepAnswersRows {
	return {
		position: pathKinds[plan.kind].axis,
		positions: plan.steps.map(({ position }) => position),
		projectors: all,
		lines: plan.questions.flatMap(({ text }) =>
			plan.subjects.map(({ projector, title }) => ({
				projector,
				title,
				question: text,
				cells: plan.steps.map((_, step) => {
					const cell = cells.find((other) => other.projector === projector && other.step === step);
					return cell?.answers.find(({ question }) => question === text);
				})
			}))
		)
	};
}

/** Rows of the map of places: means over the questions. */
export function positionRows({ plan, cells }: SweepResult): PositionMapRows {
	return {
		side: Math.round(Math.sqrt(plan.steps.length)),
		panels: plan.subjects.map(({ projector, title }) => {
			const at = (step: number) =>
				cells.find((cell) => cell.projector === projector && cell.step === step)?.answers ?? [];
			const values = (key: 'credit' | 'logProbability') =>
				Float32Array.from(plan.steps, (_, step) => mean(at(step).map((answer) => answer[key])) ?? NaN);
			return {
				title,
				credit: values('credit'),
				logProbability: values('logProbability'),
				answers: plan.steps.map((_, step) =>
					at(step)
						.map(({ answer }) => answer)
						.join('; ')
				)
			};
		})
	};
}

/** A whole sweep with what it was made of. */
interface Swept {
	readonly result: SweepResult;
	readonly model: SubjectModel;
	readonly what: string;
}

/** Model, projectors, object, path, dtype and backend, one line. @param what the object's class */
export function sweepProvenance({ plan }: SweepResult, what: string): string {
	const { name, dtype, backend } = plan.model;
	const projectors = plan.subjects.map(
		({ title, M, trained }) => `${title}, M = ${M}${trained ? '' : ' (not trained at this M)'}`
	);
	const path = `${pathKinds[plan.kind].title.toLowerCase()}, ${plan.steps.length} steps`;
	return `${name} · ${projectors.join('; ')} · ${what}, ${path} · composed scene · ${dtype} on ${backend}`;
}

/**
 * Takes the last object of the scene along the path, and asks for its place. Of the columns, or of one projector of each family.
 * @throws InputError when the scene is empty; as `runSweep`
 */
async function sweepScene(work: Work, kind: PathKind, control: Control): Promise<Swept> {
	const { scene, atlas } = required(work.scene, 'scene');
	const model = required(work.model, 'model');
	const composition = compose(scene);
	const object = composition.objects.at(-1);
	if (object === undefined)
		throw new InputError('The scene has no object that could be moved; choose another.');
	const plan: SweepPlan = {
		model: sweptModel(model),
		scene: composition,
		object: object.id,
		kind,
		steps: placements(kind, object, usualStep(kind)),
		questions: [new Asking(atlas.index).localisation(object.cls)],
		subjects: work.columns
			? work.columns.map(({ subject: { projector, tokens } }) => sweepSubject(model, projector, tokens))
			: oneOfEachFamily(model.manifest, work.subject?.tokens ?? 0, work.subject?.projector).map((name) =>
					sweepSubject(model, name, name === work.subject?.projector ? work.subject.tokens : undefined)
				)
	};
	const result = await runSweep(plan, atlas, required(work.answerer, 'model'), new SweepMemory(), control);
	return { result, model, what: atlas.index.classes[object.cls]?.name ?? '' };
}

const along = <Rows>(
	choices: readonly ChoiceName[],
	kind: PathKind,
	rows: (swept: Swept, choices: Choices) => Rows,
	method?: (choices: Choices) => string
): FigureStudy<Swept, Rows> => ({
	page: 'scenes',
	needs: ['model', 'scene'],
	choices,
	slow: true,
	measure: (work, _choices, control) => sweepScene(work, kind, control),
	show: (swept, chosen) => ({
		rows: rows(swept, chosen),
		provenance: sweepProvenance(swept.result, swept.what),
		...(method && { method: method(chosen) })
	})
});

const projectorsOf = ({ model }: Swept) => Object.keys(model.manifest.projectors);

export const sweepStudy = along(
	['measure', 'reference'],
	'row',
	(swept, { measure, reference }) => sweepRows(swept.result, measure, projectorsOf(swept), reference),
	({ measure, reference }) =>
		measure === 'moved' || measure === 'stayed'
			? `against ${reference === 'first' ? 'the first step' : 'the step before'}`
			: words[measure]
);

export const sweepAnswersStudy = along([], 'row', (swept) => answerRows(swept.result, projectorsOf(swept)));

export const positionMapStudy = along([], 'everywhere', ({ result }) => positionRows(result));
