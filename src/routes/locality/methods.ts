import { gridSide } from '$lib/model/config.ts';
import { rollout, type HeadChoice } from '$lib/analysis/attention-maps.ts';
import type { Box } from '$lib/analysis/grid.ts';
import { assignedHomes, type Weighting } from '$lib/analysis/locality.ts';
import { tokenPatchMap, type TokenPatchMap } from '$lib/analysis/map.ts';
import type { ModelManifest, ProjectorEntry } from '$lib/model/manifest.ts';
import type { InnerAttention } from '$lib/model/projectors/definition.ts';
import { projectorOf } from '$lib/model/projectors/registry.ts';
import type { Tensor } from '$lib/tensor/tensor.ts';
import type { ModelClient } from '$lib/workbench/session/client.ts';
import type { Control } from '$lib/study/control.ts';
import type { Subject } from '$lib/workbench/figures/subject.ts';
import { tokenGrid } from '$lib/workbench/session/tokens.ts';

/** How a token → patch map is made. */
export type Method = 'perturbation' | 'occlusion' | 'attention' | 'structural';

/** One layer, or all of them rolled out. */
export type LayerChoice = number | 'rollout';

/** What the worker has to compute: the part of a method's choices that costs time. */
export interface Measurement {
	readonly method: Method;
	/** K, random directions per patch; perturbation only. */
	readonly directions: number;
}

/** What a measurement gives; attention of all layers comes at once, layer and head are only read off it. */
export type Measured =
	| { readonly kind: 'map'; readonly map: TokenPatchMap }
	| { readonly kind: 'attention'; readonly layers: readonly Tensor[] };

/** A map, what its values mean, and against which homes it is measured. */
export interface LocalityRows {
	readonly map: TokenPatchMap;
	readonly label: string;
	readonly unit: string;
	readonly weighting: Weighting;
	/** Absent where tokens lie row-major on the image. */
	readonly homes?: readonly Box[];
}

/** The attention a projector shows, if it has any. */
export function innerAttention(entry: ProjectorEntry): InnerAttention | undefined {
	return projectorOf(entry.config).attention;
}

/** The map that the architecture alone gives, if it gives one. */
export function structuralMap(
	entry: ProjectorEntry,
	tokens: number,
	manifest: ModelManifest
): TokenPatchMap | undefined {
	return projectorOf(entry.config).bins?.(tokens, gridSide(manifest.config.vision_config));
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
	return [subject.key, method, method === 'perturbation' ? directions : ''].join('|');
}

/** Has the worker compute a measurement. @throws as the client; AbortError when stopped */
export async function measure(
	client: ModelClient,
	subject: Subject,
	measurement: Measurement,
	control: Control
): Promise<Measured> {
	const { entry, manifest, tokens } = subject;
	const { method, directions } = measurement;
	if (method === 'structural') {
		const map = structuralMap(entry, tokens, manifest);
		if (!map) throw new Error(`The ${entry.title} has no pooling bins; choose another method.`);
		return { kind: 'map', map };
	}
	if (method === 'attention') {
		const inner = innerAttention(entry);
		if (!inner) throw new Error(`The ${entry.title} has no attention over patches; choose another method.`);
		const names = Array.from({ length: inner.layers }, (_, layer) => inner.output(layer));
		const trace = await client.trace({ ...subject.request, names });
		control.signal?.throwIfAborted();
		return {
			kind: 'attention',
			layers: names.map((name) => {
				const tensor = trace[name];
				if (!tensor) throw new Error(`The model gave no ${name}; convert its checkpoint again.`);
				return tensor;
			})
		};
	}
	const maps = await client.locality(
		{ ...subject.request, method, ...(method === 'perturbation' ? { directions } : {}) },
		control
	);
	const map = maps.visual_embeds;
	if (!map) throw new Error('The model gave no map of its visual tokens.');
	return { kind: 'map', map: withoutEos(map, tokens) };
}

/** Map over the M visual tokens from an output that may end in eos tokens. */
export function withoutEos({ dims, data }: Tensor<'float32'>, tokens: number): TokenPatchMap {
	const patches = dims[1]!;
	return tokenPatchMap(tokens, patches, data.slice(0, tokens * patches));
}

const meanings: Readonly<
	Record<Method, { readonly label: string; readonly unit: string; readonly weighting: Weighting }>
> = {
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
	const placed =
		tokenGrid(subject.entry, subject.tokens, gridSide(subject.manifest.config.vision_config)) !== undefined;
	const homes = placed ? undefined : assignedHomes(map, meaning.weighting);
	return { map, ...meaning, ...(homes && { homes }) };
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

/** The method and its settings in a phrase, for a figure's foot. */
export function methodPhrase(
	entry: ProjectorEntry,
	{ method, directions }: Measurement,
	layer: LayerChoice,
	head: HeadChoice
): string {
	if (method === 'perturbation')
		return `perturbation, K = ${directions} directions per patch, step 0.2 % of the features’ rms`;
	if (method === 'occlusion') return 'occlusion, each patch replaced by the mean feature';
	if (method === 'structural') return 'structure, the pooling bins before any weight is learned';
	const inner = innerAttention(entry);
	const heads = head === 'mean' || head >= (inner?.heads ?? 0) ? 'mean over heads' : `head ${head}`;
	return `${inner?.title.toLowerCase() ?? 'attention'}, ${layer === 'rollout' ? 'all layers rolled out' : `layer ${layer}`}, ${heads}`;
}

/** What a method measures, in a sentence; `step` and noise are in its definition. */
export const definitions: Readonly<Record<Method, string>> = {
	perturbation:
		'Every patch feature is moved a little in K random directions; the map is the root-mean-square answer of each visual token per unit of the move. As K grows it becomes the Frobenius norm of the Jacobian block.',
	occlusion:
		'Every patch feature is replaced by the image’s mean feature; the map is how far each visual token moves. A large, finite change: it sees what small ones do not.',
	attention:
		'The weights with which the projector itself reads the patches, by layer and head. They show where it reads, not how much of that reaches the token.',
	structural:
		'What the architecture alone ties together, before any weight: the bins that patches are pooled in.'
};
