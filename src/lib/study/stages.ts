import type { Box } from '../analysis/grid.ts';
import { channelGates, onTokens, stageSteps, type GateRow, type StageResponse } from '../analysis/stages.ts';
import type { Stage } from '../model/projectors/definition.ts';
import { projectorOf } from '../model/projectors/registry.ts';
import { InputError } from '../tensor/errors.ts';
import type { Choices } from './choices.ts';
import type { Control } from './control.ts';
import { required, tokenOf, type FigureStudy, type Work } from './figure-study.ts';
import { directionsPhrase, homesOf, withoutEos } from './locality.ts';
import type { Subject } from './subject.ts';
import { outputOfView } from './views.ts';

/** Responses of all stages for one image, each seen from the visual tokens. */
export interface MeasuredStages {
	readonly subject: Subject;
	readonly directions: number;
	readonly stages: readonly StageResponse[];
	readonly homes?: readonly Box[];
	readonly gates: readonly GateRow[];
}

/** The stages of a projector that are measured: more of them need more memory and time. */
export function stagesOf({ entry }: Pick<Subject, 'entry'>, { stages }: Pick<Choices, 'stages'>): Stage[] {
	return projectorOf(entry.config).stages.filter(({ inner }) => stages === 'steps' || !inner);
}

/** Names a measurement; results are kept by it. */
export const stagesKey = (subject: Subject, choices: Pick<Choices, 'stages' | 'directions'>): string =>
	[subject.key, choices.directions, ...stagesOf(subject, choices).map(({ output }) => output)].join('|');

/** Perturbs every patch and measures the response of every stage. @throws as `Answerer.locality` */
export async function measureStages(work: Work, choices: Choices, control: Control): Promise<MeasuredStages> {
	const subject = required(work.subject, 'image');
	const answerer = required(work.answerer, 'model');
	const { tokens, entry } = subject;
	const { directions } = choices;
	const { gates = [] } = projectorOf(entry.config);
	const stages = stagesOf(subject, choices);
	const names = gates.flatMap(({ before, after }) => [before, after]);
	const trace =
		names.length > 0 ? await answerer.trace({ ...subject.request, names }, { signal: control.signal }) : {};
	control.signal?.throwIfAborted();
	const outputs = stages.map(({ output }) => output);
	const maps = await answerer.locality(
		{ ...subject.request, method: 'perturbation', directions, outputs },
		control
	);
	const of = (output: string) => {
		const map = maps[output];
		if (!map) throw new Error(`The model gave no response of ${output}; convert its checkpoint again.`);
		return map;
	};
	const grid = subject.views[subject.view]?.grid;
	const last = withoutEos(of(outputs.at(-1)!), tokens, grid);
	const homes = homesOf(last, subject, 'energy');
	// Of a picture of its own size a stage's cells are the patches as the projector is given them.
	const cells = grid && projectorOf(entry.config).bins?.(tokens, grid);
	return {
		subject,
		directions,
		stages: stages.map(({ output, title }, i) => {
			const map = i === stages.length - 1 ? last : withoutEos(of(output), of(output).dims[0]!, grid);
			return { name: title, map: onTokens(map, tokens, 'energy', homes, cells) };
		}),
		...(homes && { homes }),
		gates: gates.map(({ title, before, after }) => {
			const own = (name: string) => outputOfView(trace, name, subject.view, subject.views.length);
			const [from, to] = [own(before), own(after)];
			if (!from || !to) throw new Error(`The model gave no gates of ${title}; convert its checkpoint again.`);
			return { name: title, gates: channelGates(from, to) };
		})
	};
}

const phrase = ({ directions }: MeasuredStages) => directionsPhrase('perturbation', directions);

export const stageResponsesStudy: FigureStudy<
	MeasuredStages,
	{ readonly token: number; readonly steps: ReturnType<typeof stageSteps> }
> = {
	page: 'anatomy',
	needs: ['model', 'image'],
	choices: ['stages', 'directions', 'token'],
	measure: measureStages,
	show: (of, choices) => {
		const { subject, stages, homes } = of;
		const token = tokenOf(choices, subject.tokens, subject.views[subject.view]?.grid);
		return {
			rows: { token, steps: stageSteps(stages, subject.tokens, token, 'energy', homes) },
			provenance: subject.provenance,
			method: phrase(of)
		};
	}
};

/** The maps of all tokens after one stage, drawn as locality-grid. */
export function stageMaps(of: MeasuredStages, { name, map }: StageResponse) {
	return {
		rows: {
			map,
			label: `Response after ${name}`,
			unit: 'rms/rms',
			...(of.homes && { homes: of.homes })
		},
		provenance: of.subject.provenance,
		method: phrase(of)
	};
}

const gateless = ({ entry }: Subject) =>
	projectorOf(entry.config).gates?.length
		? undefined
		: `The ${entry.title} has no squeeze-and-excite gates; choose a projector that has some.`;

export const channelGatesStudy: FigureStudy<MeasuredStages, { readonly blocks: readonly GateRow[] }> = {
	page: 'anatomy',
	needs: ['model', 'image'],
	choices: [],
	obstacle: ({ subject }) => subject && gateless(subject),
	measure: (work, choices, control) => {
		const obstacle = gateless(required(work.subject, 'image'));
		if (obstacle !== undefined) throw new InputError(obstacle);
		return measureStages(work, choices, control);
	},
	show: ({ subject, gates }) => ({
		rows: { blocks: gates },
		provenance: subject.provenance,
		method: 'read off the activations of this image'
	})
};
