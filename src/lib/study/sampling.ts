import { gridSide } from '../model/config.ts';
import { sideOf } from '../analysis/grid.ts';
import {
	betweenLayers,
	initialReferencePoints,
	referencePlaces,
	samples,
	samplingDensity,
	samplingNames,
	samplingTrace,
	splitOffsets,
	type SamplingTrace
} from '../analysis/offsets.ts';
import type { ProjectorEntry } from '../model/manifest.ts';
import type { Sampler } from '../model/projectors/definition.ts';
import { projectorOf } from '../model/projectors/registry.ts';
import { InputError } from '../tensor/errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Answerer } from './answerer.ts';
import type { Control } from './control.ts';
import type { Choices } from './choices.ts';
import { required, tokenOf, type FigureStudy, type Work } from './figure-study.ts';
import { recordedSet, setOfOne, viewsPhrase, type ImageSet } from './image-set.ts';
import { pictureOf, subjectIn, type Subject } from './subject.ts';
import { ofView } from './views.ts';

/** The sampler of a projector; undefined when it samples nowhere in particular. */
export function samplerOf(entry: ProjectorEntry): Sampler | undefined {
	return projectorOf(entry.config).sampler;
}

/** Reference points, sampling locations and weights of all layers for one image. */
export async function sample(
	model: Answerer,
	subject: Subject,
	sampler: Sampler,
	control: Control = {}
): Promise<SamplingTrace> {
	const trace = await model.trace({ ...subject.request, names: samplingNames(sampler) }, control);
	return samplingTrace(sampler, gridSide(subject.manifest.config.vision_config), (name) => {
		const tensor = trace[name];
		if (!tensor) throw new Error(`The model gave no ${name}; convert its checkpoint again.`);
		return ofView(tensor, subject.view, subject.views.length);
	});
}

/** The same for several images, one after the other on the first axis. */
export async function sampleSet(
	model: Answerer,
	subjects: readonly Subject[],
	sampler: Sampler,
	control: Control
): Promise<SamplingTrace> {
	const traces: SamplingTrace[] = [];
	for (const subject of subjects) {
		control.signal?.throwIfAborted();
		control.onProgress?.({ done: traces.length, total: subjects.length });
		traces.push(await sample(model, subject, sampler, { signal: control.signal }));
	}
	return joinTraces(traces);
}

/** Traces of single images as one trace of all. */
export function joinTraces(traces: readonly SamplingTrace[]): SamplingTrace {
	const first = traces[0];
	if (!first) throw new InputError('There are no images to compare; put some in.');
	return {
		side: first.side,
		referencePoints: join(traces.map(({ referencePoints }) => referencePoints)),
		layers: first.layers.map((_, i) => ({
			locations: join(traces.map(({ layers }) => layers[i]!.locations)),
			weights: join(traces.map(({ layers }) => layers[i]!.weights))
		}))
	};
}

function join(tensors: readonly Tensor[]): Tensor<'float32'> {
	const [first] = tensors;
	const data = tensors.map((tensor) => tensor.data as Float32Array);
	const out = new Float32Array(data.reduce((sum, { length }) => sum + length, 0));
	let at = 0;
	for (const values of data) {
		out.set(values, at);
		at += values.length;
	}
	return {
		dtype: 'float32',
		dims: [tensors.reduce((sum, { dims }) => sum + dims[0]!, 0), ...first!.dims.slice(1)],
		data: out
	};
}

/** Sampling of one image, with what it was made of. */
export interface MeasuredSampling {
	readonly subject: Subject;
	readonly sampler: Sampler;
	readonly trace: SamplingTrace;
}

function samplerIn(work: Work): { readonly subject: Subject; readonly sampler: Sampler } {
	const subject = required(work.subject, 'image');
	const sampler = samplerOf(subject.entry);
	if (!sampler)
		throw new InputError(
			`The ${subject.entry.title} samples nowhere in particular; choose a projector that does.`
		);
	return { subject, sampler };
}

/** The layer shown, or the nearer one on the way between two. */
const layerOf = ({ sampler }: MeasuredSampling, { layer = 0 }: Choices) =>
	Math.min(sampler.layers - 1, Math.round(layer));

const phrase = (of: MeasuredSampling, choices: Choices) =>
	`layer ${layerOf(of, choices)}, ${choices.head === undefined ? 'all heads' : `head ${choices.head}`}`;

const headFilter = ({ head }: Choices) => (head === undefined ? {} : { head });

const tokenFilter = (of: MeasuredSampling, choices: Choices) =>
	choices.only === 'all' ? {} : { token: tokenOf(choices, of.subject.tokens) };

const ofSampling = <Measured extends MeasuredSampling, Rows>(
	parts: Pick<FigureStudy<Measured, Rows>, 'needs' | 'choices' | 'measure' | 'slow'> & {
		readonly rows: (of: Measured, choices: Choices) => Rows;
		readonly provenance?: (of: Measured) => string;
		readonly method?: (of: Measured, choices: Choices) => string;
		readonly set?: (of: Measured) => ImageSet;
	}
): FigureStudy<Measured, Rows> => ({
	page: 'offsets',
	needs: parts.needs,
	choices: parts.choices,
	counts: ({ sampler: { layers, heads } }) => ({ layer: layers, head: heads }),
	...(parts.slow && { slow: parts.slow }),
	obstacle: ({ subject }) =>
		subject && !samplerOf(subject.entry)
			? `The ${subject.entry.title} samples nowhere in particular; choose a projector that does.`
			: undefined,
	measure: parts.measure,
	show: (of, choices) => ({
		rows: parts.rows(of, choices),
		provenance: parts.provenance?.(of) ?? of.subject.provenance,
		...(parts.method && { method: parts.method(of, choices) }),
		...(parts.set && { set: recordedSet(parts.set(of)) })
	})
});

/** Samples the subject's image. @throws InputError when the projector samples nowhere; as `Answerer.trace` */
export async function measureSampling(
	work: Work,
	_choices: Choices,
	control: Control
): Promise<MeasuredSampling> {
	const { subject, sampler } = samplerIn(work);
	const trace = await sample(required(work.answerer, 'model'), subject, sampler, control);
	return { subject, sampler, trace };
}

/** `layer` may lie between two of them. */
export const samplingOffsetsStudy = ofSampling({
	needs: ['model', 'image'],
	choices: ['layer', 'head', 'only', 'token'],
	measure: measureSampling,
	rows: (of, choices) => {
		const { sampler, trace, subject } = of;
		const filter = { ...headFilter(choices), ...tokenFilter(of, choices) };
		const position = Math.min(sampler.layers - 1, choices.layer ?? 0);
		const [from, part] = [Math.floor(position), position % 1];
		const at = (layer: number) => samples(trace, { ...filter, layer });
		return {
			samples: part === 0 ? at(from) : betweenLayers(at(from), at(from + 1), part),
			tokens: subject.tokens,
			side: trace.side,
			image: pictureOf(subject)
		};
	},
	method: phrase
});

export const samplingDensityStudy = ofSampling({
	needs: ['model', 'image'],
	choices: ['layer', 'head'],
	measure: measureSampling,
	rows: (of, choices) => {
		const rows = samples(of.trace, { ...headFilter(choices), layer: layerOf(of, choices) });
		return {
			density: samplingDensity(rows, of.trace.side),
			total: rows.reduce((sum, { weight }) => sum + weight, 0),
			image: pictureOf(of.subject)
		};
	},
	method: phrase
});

export const referencePointsStudy = ofSampling({
	needs: ['model', 'image'],
	choices: [],
	measure: measureSampling,
	rows: ({ trace, subject }) => {
		const learned = referencePlaces(trace);
		const square = sideOf(learned.length) !== undefined;
		return {
			learned,
			initial: square ? initialReferencePoints(learned.length, trace.side) : learned,
			side: trace.side,
			image: pictureOf(subject)
		};
	}
});

/** The same with the sampling of a set of images, one after the other on the first axis. */
export interface MeasuredSamplingSet extends MeasuredSampling {
	readonly set: ImageSet;
}

export const offsetSplitStudy = ofSampling({
	needs: ['model', 'image', 'images'],
	choices: ['layer', 'head', 'only', 'token'],
	slow: true,
	measure: async (work, _choices, control): Promise<MeasuredSamplingSet> => {
		const { subject, sampler } = samplerIn(work);
		const set = work.set ?? setOfOne(subject.image);
		const subjects = set.images.flatMap(
			(image) => subjectIn(subject, image, subject.projector, subject.tokens) ?? []
		);
		const trace = await sampleSet(required(work.answerer, 'model'), subjects, sampler, control);
		return { subject, sampler, trace, set };
	},
	rows: (of, choices) => ({
		rows: splitOffsets(of.trace, {
			...headFilter(choices),
			...tokenFilter(of, choices),
			layer: layerOf(of, choices)
		}),
		images: of.set.images.length,
		side: of.trace.side,
		image: pictureOf(of.subject)
	}),
	set: ({ set }) => set,
	provenance: ({ subject, set }) =>
		`${subject.manifest.name} · ${subject.entry.title}, M = ${subject.tokens} · ${viewsPhrase(set, subject.manifest)} · ${subject.manifest.dtype} on ${subject.backend.backend}`,
	method: phrase
});
