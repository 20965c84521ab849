import { gridSide } from '../model/config.ts';
import { rollout, type HeadChoice } from '../analysis/attention-maps.ts';
import { directionSpread, meanOverDirections, type DirectionSpread } from '../analysis/direction-spread.ts';
import type { Box, GridShape } from '../analysis/grid.ts';
import {
	assignedHomes,
	coverage,
	summariseLocality,
	tokenLocalities,
	type LocalityMeasure,
	type LocalitySummary,
	type TokenLocality,
	type Weighting
} from '../analysis/locality.ts';
import { tokenPatchMap, type TokenPatchMap } from '../analysis/map.ts';
import { partsOf } from '../analysis/perturbation.ts';
import type { View } from '../model/image/processor.ts';
import type { ModelManifest, ProjectorEntry } from '../model/manifest.ts';
import { inImageOrder, patchCount, patchGrid } from '../model/patch-grid.ts';
import type { InnerAttention } from '../model/projectors/definition.ts';
import { projectorOf } from '../model/projectors/registry.ts';
import { InputError } from '../tensor/errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Answerer } from './answerer.ts';
import type { Control } from './control.ts';
import { recordedSet, setOfOne, viewsPhrase, type ImageSet } from './image-set.ts';
import {
	directedMethods,
	isDirected,
	type DirectedMethod,
	type LayerChoice,
	type Measured,
	type Measurement,
	type Method
} from './measurement.ts';
import type { ChoiceName, Choices } from './choices.ts';
import { required, tokenOf, type FigureStudy, type Work } from './figure-study.ts';
import { pictureOf, subjectIn, type Subject } from './subject.ts';
import { oneOfEachFamily, tokenGrid } from './tokens.ts';
import { ofView } from './views.ts';

export type { LayerChoice, Measured, Measurement, Method };

/** A map, what its values mean, and against which homes it is measured. */
export interface LocalityRows {
	readonly map: TokenPatchMap;
	readonly label: string;
	readonly unit: string;
	readonly weighting: Weighting;
	/** Absent where tokens lie row-major on the image. */
	readonly homes?: readonly Box[];
	/** What chance does to the numbers, where directions were drawn. */
	readonly spread?: DirectionSpread;
}

/** The attention a projector shows, if it has any. */
export function innerAttention(entry: ProjectorEntry): InnerAttention | undefined {
	return projectorOf(entry.config).attention;
}

/** The map that the architecture alone gives, patches row by row, if it gives one. @param view what is looked at */
export function structuralMap(
	entry: ProjectorEntry,
	tokens: number,
	manifest: ModelManifest,
	view: Pick<View, 'grid'> = {}
): TokenPatchMap | undefined {
	const { vision_config } = manifest.config;
	const grid = patchGrid(vision_config, view);
	const projector = projectorOf(entry.config);
	const bins = projector.bins?.(projector.tokensOf?.(grid) ?? tokens, grid);
	return bins && (view.grid ? inImageOrder(vision_config, view.grid, bins) : bins);
}

/** Whether a projector offers the method. */
export function offers(
	entry: ProjectorEntry,
	tokens: number,
	manifest: ModelManifest,
	method: Method
): boolean {
	if (method === 'attention') return innerAttention(entry) !== undefined;
	if (method === 'structural') return structuralMap(entry, tokens, manifest) !== undefined;
	return true;
}

/** Names a measurement; results are kept by it. */
export function measurementKey(subject: Subject, { method, directions }: Measurement): string {
	return [subject.key, method, isDirected(method) ? directions : ''].join('|');
}

/** Has the worker compute a measurement. @throws as the client; AbortError when stopped */
export async function measure(
	model: Answerer,
	subject: Subject,
	measurement: Measurement,
	control: Control
): Promise<Measured> {
	const { entry, manifest, tokens } = subject;
	const { method, directions } = measurement;
	if (method === 'structural') {
		const map = structuralMap(entry, tokens, manifest, subject.views[subject.view]);
		if (!map) throw new InputError(`The ${entry.title} has no pooling bins; choose another method.`);
		return { kind: 'map', map };
	}
	if (method === 'attention') {
		const inner = innerAttention(entry);
		if (!inner)
			throw new InputError(`The ${entry.title} has no attention over patches; choose another method.`);
		const names = Array.from({ length: inner.layers }, (_, layer) => inner.output(layer));
		const trace = await model.trace({ ...subject.request, names }, control);
		control.signal?.throwIfAborted();
		return {
			kind: 'attention',
			layers: names.map((name) => {
				const tensor = trace[name];
				if (!tensor) throw new Error(`The model gave no ${name}; convert its checkpoint again.`);
				return ofView(tensor, subject.view, subject.views.length);
			})
		};
	}
	const maps = await model.locality(
		{
			...subject.request,
			method,
			...(isDirected(method) && { directions, parts: partsOf(directions) })
		},
		control
	);
	const { visual_embeds: embeds, 'visual_embeds.parts': parts } = maps;
	if (!embeds) throw new Error('The model gave no map of its visual tokens.');
	const map = withoutEos(embeds, tokens, subject.views[subject.view]?.grid);
	const spread = parts && isDirected(method) ? spreadOf(map, parts, subject, method, directions) : undefined;
	return { kind: 'map', map, ...(spread && { spread }) };
}

/** What the choice of the directions does to the numbers of the tokens. @param parts [part, token, patch] */
function spreadOf(
	map: TokenPatchMap,
	{ dims, data }: Tensor<'float32'>,
	subject: Pick<Subject, 'entry' | 'manifest' | 'tokens'>,
	method: DirectedMethod,
	directions: number
): DirectionSpread | undefined {
	const [count = 0, rows = 0, patches = 0] = dims;
	if (count < 2) return undefined;
	const maps = Array.from({ length: count }, (_, p) =>
		tokenPatchMap(
			map.tokens,
			patches,
			data.slice(p * rows * patches, (p * rows + map.tokens) * patches),
			map.grid
		)
	);
	const { weighting } = meanings[method];
	const width = directionsThereAre(subject.entry, method);
	return directionSpread(map, maps, weighting, homesOf(map, subject, weighting), 1 - directions / width);
}

/**
 * Homes of tokens without a place of their own: the kindest that they can have; none where each has several places; undefined where they lie
 * row-major on the image.
 */
export function homesOf(
	map: TokenPatchMap,
	{ entry, manifest, tokens }: Pick<Subject, 'entry' | 'manifest' | 'tokens'>,
	weighting: Weighting
): readonly Box[] | undefined {
	if (entry.token_places === 'apart') return [];
	const placed = tokenGrid(entry, tokens, gridSide(manifest.config.vision_config)) !== undefined;
	return placed ? undefined : assignedHomes(map, weighting);
}

/** Map over the M visual tokens from an output that may end in eos tokens. */
export function withoutEos(
	{ dims, data }: Tensor<'float32'>,
	tokens: number,
	grid?: GridShape
): TokenPatchMap {
	const patches = dims[1]!;
	return tokenPatchMap(tokens, patches, data.slice(0, tokens * patches), grid);
}

const meanings: Readonly<
	Record<Method, { readonly label: string; readonly unit: string; readonly weighting: Weighting }>
> = {
	gradient: { label: 'Response', unit: 'rms/rms', weighting: 'energy' },
	perturbation: { label: 'Response', unit: 'rms/rms', weighting: 'energy' },
	occlusion: { label: 'Change', unit: 'rms', weighting: 'energy' },
	attention: { label: 'Attention', unit: 'share', weighting: 'value' },
	structural: { label: 'Pooling weight', unit: 'share', weighting: 'value' }
};

/** Reads a map off what was measured. Tokens without a place of their own get the kindest homes they can have. */
export function localityRows(
	measured: Measured,
	subject: Pick<Subject, 'entry' | 'manifest' | 'tokens'>,
	method: Method,
	layer: LayerChoice,
	head: HeadChoice
): LocalityRows {
	const map = mapOf(measured, subject.entry, layer, head);
	const meaning = meanings[method];
	const homes = homesOf(map, subject, meaning.weighting);
	const spread = measured.kind === 'map' ? measured.spread : undefined;
	return { map, ...meaning, ...(homes && { homes }), ...(spread && { spread }) };
}

function mapOf(
	measured: Measured,
	entry: ProjectorEntry,
	layer: LayerChoice,
	head: HeadChoice
): TokenPatchMap {
	if (measured.kind === 'map') return measured.map;
	const inner = innerAttention(entry)!;
	// A link for another projector may ask for a head that is none here.
	if (head !== 'mean' && head >= inner.heads) head = 'mean';
	if (layer === 'rollout') return rollout(measured.layers.map((tensor) => inner.read(tensor, head)));
	return inner.read(measured.layers[Math.min(layer, measured.layers.length - 1)]!, head).cross;
}

/** How many directions there are; as many give what all the others would. */
export function directionsThereAre({ config }: ProjectorEntry, method: DirectedMethod): number {
	return method === 'gradient' ? config.output_hidden_size : config.encoder_hidden_size;
}

/** How many directions make a map exact; undefined for a method that stays an estimate along all of them. */
export const exactDirections = (entry: ProjectorEntry, method: Method): number | undefined =>
	method === 'gradient' ? directionsThereAre(entry, method) : undefined;

/** What a map takes: how many of what, the word for one and for many. */
export function mapCost(
	{ entry, manifest, tokens, views, view }: Pick<Subject, 'entry' | 'manifest' | 'tokens' | 'views' | 'view'>,
	method: Method,
	directions: number
): readonly [count: number, one: string, many: string] {
	const exact = exactDirections(entry, method);
	if (exact !== undefined) return [tokens * Math.min(directions, exact), 'backward pass', 'backward passes'];
	const patches = patchCount(manifest.config.vision_config, views[view]);
	return [patches * directions, 'run of the projector', 'runs of the projector'];
}

/** A method along K directions, in a phrase. */
export const directionsPhrase = (method: DirectedMethod, K: number): string =>
	`${method}, K = ${K} direction${K === 1 ? '' : 's'} per ${directedMethods[method]}`;

/** The method and its settings in a phrase, for a figure's foot. */
export function methodPhrase(
	entry: ProjectorEntry,
	{ method, directions }: Measurement,
	layer: LayerChoice,
	head: HeadChoice
): string {
	const exact = exactDirections(entry, method);
	if (isDirected(method) && exact !== undefined)
		return directions < exact
			? directionsPhrase(method, directions)
			: `${method}, all ${exact} directions per ${directedMethods[method]}: exact`;
	if (method === 'perturbation')
		return `${directionsPhrase(method, directions)}, step 0.2 % of the features’ rms`;
	if (method === 'occlusion') return 'occlusion, each patch replaced by the mean feature';
	if (method === 'structural') return 'structure, the pooling bins before any weight is learned';
	const inner = innerAttention(entry);
	const heads = head === 'mean' || head >= (inner?.heads ?? 0) ? 'mean over heads' : `head ${head}`;
	return `${inner?.title.toLowerCase() ?? 'attention'}, ${layer === 'rollout' ? 'all layers rolled out' : `layer ${layer}`}, ${heads}`;
}

/** What a method measures, in a sentence; `step` and noise are in its definition. */
export const definitions: Readonly<Record<Method, string>> = {
	gradient:
		'Every visual token is differentiated by every patch feature, along K random directions of the token’s values; the map is the root-mean-square answer of each visual token per unit of a small move of the patch. As K grows it becomes the Frobenius norm of the Jacobian block.',
	perturbation:
		'The same without derivatives: every patch feature is moved a little in K random directions, and the projector is run each time. Slower; a check of the gradient.',
	occlusion:
		'Every patch feature is replaced by the image’s mean feature; the map is how far each visual token moves. A large, finite change: it sees what small ones do not.',
	attention:
		'The weights with which the projector itself reads the patches, by layer and head. They show where it reads, not how much of that reaches the token.',
	structural:
		'What the architecture alone ties together, before any weight: the bins that patches are pooled in.'
};

/** A measurement with what it was made of. */
export interface MeasuredMap {
	readonly measured: Measured;
	readonly subject: Subject;
	readonly measurement: Measurement;
}

/** Rows of a measurement, made once for each layer and head: homes that are assigned take time. */
const read = new WeakMap<Measured, Map<string, LocalityRows>>();

function rowsOf({ measured, subject, measurement }: MeasuredMap, layer: LayerChoice, head: HeadChoice) {
	const known = read.get(measured) ?? new Map<string, LocalityRows>();
	read.set(measured, known);
	const key = measured.kind === 'map' ? measurement.method : `${layer} ${head}`;
	const rows = known.get(key) ?? localityRows(measured, subject, measurement.method, layer, head);
	known.set(key, rows);
	return rows;
}

const layerOf = ({ layer }: Choices): LayerChoice => layer ?? 'rollout';
const headOf = ({ head }: Choices): HeadChoice => head ?? 'mean';

/** The rows of a map as they are chosen. */
export const mapRows = (of: MeasuredMap, choices: Choices): LocalityRows =>
	rowsOf(of, layerOf(choices), headOf(choices));

/** Measures the subject's map. @throws as `measure` */
export async function measureMap(work: Work, choices: Choices, control: Control): Promise<MeasuredMap> {
	const subject = required(work.subject, 'image');
	const { method, directions } = choices;
	const measurement = { method, directions };
	return {
		measured: await required(work.maps, 'model').get(subject, measurement, control),
		subject,
		measurement
	};
}

/** Measured once for every figure of a map. */
const ofMap = <Rows, Options extends object = object>(
	more: readonly ChoiceName[],
	rows: (map: LocalityRows, subject: Subject, choices: Choices) => Rows,
	options?: (choices: Choices) => Options
): FigureStudy<MeasuredMap, Rows, Options> => ({
	page: 'locality',
	needs: ['model', 'image'],
	choices: ['method', 'directions', 'layer', 'head', ...more],
	counts: ({ measured, subject }) =>
		measured.kind === 'map'
			? {}
			: { layer: measured.layers.length, head: innerAttention(subject.entry)?.heads ?? 0 },
	measure: measureMap,
	show: (of, choices) => ({
		rows: rows(mapRows(of, choices), of.subject, choices),
		...(options && { options: options(choices) }),
		provenance: of.subject.provenance,
		method: methodPhrase(of.subject.entry, of.measurement, layerOf(choices), headOf(choices))
	})
});

export const localityGridStudy = ofMap(
	['scale'],
	(map) => map,
	({ scale }) => ({ scale })
);

export const tokenPatchMatrixStudy = ofMap([], (map) => map);

export const tokenMapStudy = ofMap(['token'], (map, subject, choices) => ({
	...map,
	token: tokenOf(choices, map.map.tokens, map.map.grid),
	image: pictureOf(subject)
}));

export const coverageStudy = ofMap(
	['cover'],
	({ map, weighting }, subject) => ({
		coverage: coverage(map, weighting),
		tokens: map.tokens,
		image: pictureOf(subject)
	}),
	({ cover }) => ({ show: cover })
);

/** A projector's locality over a set of images. */
export interface ProjectorSummary {
	readonly name: string;
	/** M */
	readonly tokens: number;
	readonly summary: readonly LocalitySummary[];
}

/** The locality of all projectors of a model over a set of images. */
export interface MeasuredSet {
	readonly subject: Subject;
	readonly set: ImageSet;
	readonly measurement: Measurement;
	readonly projectors: readonly ProjectorSummary[];
}

/** One projector of each family at its M nearest to the subject's, those that offer the method. */
export const localityDistributionStudy: FigureStudy<
	MeasuredSet,
	{ readonly projectors: readonly ProjectorSummary[]; readonly all: readonly string[] }
> = {
	page: 'locality',
	needs: ['model', 'image', 'images'],
	choices: ['method', 'directions', 'layer', 'head'],
	slow: true,
	async measure(work, choices, control) {
		const chosen = required(work.subject, 'image');
		const set = work.set ?? setOfOne(chosen.image);
		const { manifest, projector, tokens } = chosen;
		const { method, directions } = choices;
		const measurement = { method, directions };
		const subjects = oneOfEachFamily(manifest, tokens, projector).map((name) =>
			set.images.flatMap((image) => {
				const subject = subjectIn(chosen, image, name, name === projector ? tokens : undefined);
				return subject && offers(subject.entry, subject.tokens, manifest, method) ? [subject] : [];
			})
		);
		const total = subjects.flat().length;
		let done = 0;
		const projectors: ProjectorSummary[] = [];
		for (const some of subjects) {
			const localities: TokenLocality[][] = [];
			let spread: DirectionSpread | undefined;
			for (const subject of some) {
				control.signal?.throwIfAborted();
				control.onProgress?.({ done: done++, total });
				const measured = await required(work.maps, 'model').get(subject, measurement, {
					signal: control.signal
				});
				const rows = mapRows({ measured, subject, measurement }, choices);
				localities.push(tokenLocalities(rows.map, rows.weighting, rows.homes));
				({ spread } = rows);
			}
			if (localities.length === 0) continue;
			const known = spread;
			const ofOne = known && ((measure: LocalityMeasure) => meanOverDirections(known, measure));
			const { projector: name, tokens: M } = some[0]!;
			projectors.push({ name, tokens: M, summary: summariseLocality(localities, ofOne) });
		}
		return { subject: chosen, set, measurement, projectors };
	},
	show: ({ subject, set, measurement, projectors }, choices) => ({
		rows: { projectors, all: Object.keys(subject.manifest.projectors) },
		provenance: `${subject.manifest.name}: ${projectors.map(({ name, tokens }) => `${subject.manifest.projectors[name]!.title} at M = ${tokens}`).join(', ')} · ${viewsPhrase(set, subject.manifest)} · ${subject.manifest.dtype} on ${subject.backend.backend}`,
		method: methodPhrase(subject.entry, measurement, layerOf(choices), headOf(choices)),
		set: recordedSet(set)
	})
};
