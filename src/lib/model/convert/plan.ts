import type { SourceFolder } from '../../checkpoint/source.ts';
import { InputError } from '../../tensor/errors.ts';
import { featureLayers as layersOf, gridSide, type HoneybeeConfig } from '../config.ts';
import { attentionGraph } from '../language/attention.ts';
import { cacheGraph, embeddingGraph, kvType, lensGraph } from '../language/graph.ts';
import type { DTypePreset, ModelManifest, SubModelDTypes } from '../manifest.ts';
import { projectorOf } from '../projectors/registry.ts';
import { towerOf } from '../vision/towers.ts';
import { PREFIX } from '../projectors/parts.ts';
import { dtypePresets, subModelDTypes } from './dtypes.ts';
import { planLanguage, type LanguagePart } from './language-parts.ts';
import { graphPart, sharedPart, type Part } from './part.ts';
import type { Shard } from './shards.ts';
import { tellUnused, unusedTensors, type UnusedTensors } from './unused.ts';
import { openSources, type ConversionSource } from './source.ts';
import type { FolderResolver } from './pick.ts';

/** Every file that a conversion will write, before the first byte. */
export interface ConversionPlan {
	readonly config: HoneybeeConfig;
	readonly dtypes: SubModelDTypes;
	readonly vision: Part;
	readonly embedding: Part;
	readonly language: readonly LanguagePart[];
	readonly lens: Part;
	readonly attention: Part;
	readonly cache: Part;
	/** One part for all views, or one for each. */
	readonly projectors: readonly {
		readonly source: ConversionSource;
		readonly networks: readonly [Part, ...Part[]];
	}[];
	/** All of the above, in the order in which they are written. */
	readonly parts: readonly Part[];
	/** The weight files of all parts, each once. */
	readonly shards: readonly Shard[];
	/** Tensors of the checkpoint that are in none of the parts. */
	readonly unused: readonly UnusedTensors[];
	/** What the user should know of the checkpoint, in whole sentences. */
	readonly notes: readonly string[];
}

interface PlanOptions {
	readonly dtype: DTypePreset;
	/** The model that the projectors are added to. */
	readonly existing?: ModelManifest | undefined;
	readonly languageLimit?: number | undefined;
}

/** Builds every graph, which checks every tensor's presence and shape. @throws InputError */
export function planConversion(
	sources: readonly ConversionSource[],
	{ dtype, existing, languageLimit }: PlanOptions
): ConversionPlan {
	const [first] = sources;
	if (!first) throw new InputError('There is no projector to convert.');
	const { config, state } = first;
	const { vision_config, text_config } = config;
	const dtypes = subModelDTypes(dtype, text_config.hidden_size);
	const featureLayers = [
		...new Set([
			...Object.values(existing?.projectors ?? {}).flatMap((entry) => entry.feature_layers),
			...sources.flatMap((source) => layersOf(source.config))
		])
	].sort((a, b) => a - b);

	const tower = towerOf(vision_config);
	const vision = graphPart(tower.graph(state, featureLayers, dtypes.vision), 'vision');
	const embedding = graphPart(embeddingGraph(text_config, state, dtypes.embedding), 'embedding');
	const language = planLanguage(
		text_config,
		state,
		dtypes.language,
		languageLimit,
		existing?.graphs.language.map(({ layers }) => layers)
	);
	// Another view of the same weights: they lie in the language model's shards.
	const lens = sharedPart(
		lensGraph(text_config, state, dtypes.language),
		'lens',
		language.flatMap(({ shards }) => shards)
	);
	const attention = graphPart(attentionGraph(text_config, kvType(dtypes.language)), 'attention');
	const cache = graphPart(cacheGraph(text_config, kvType(dtypes.language)), 'cache');
	const projectors = sources.map((source) => ({ source, networks: projectorParts(source) }));
	const parts = [
		vision,
		embedding,
		...language,
		lens,
		attention,
		cache,
		...projectors.flatMap((p) => p.networks)
	];
	const last = Math.max(...featureLayers);
	const idle = (projectorOf(config.projector_config).unused ?? []).map((key) => `${PREFIX}.${key}`);
	const unused = first.converted
		? []
		: unusedTensors(
				{ used: state.used, unused: state.unused() },
				{
					expected: (key) => tower.unread(key, last) || idle.includes(key),
					projector: `${PREFIX}.`
				}
			);
	const left = tellUnused(unused);
	return {
		config,
		dtypes,
		vision,
		embedding,
		language,
		lens,
		attention,
		cache,
		projectors,
		parts,
		shards: [...new Set(parts.flatMap((p) => p.shards))],
		unused,
		notes: [...state.notes, ...first.notes, ...(left === undefined ? [] : [left])]
	};
}

function projectorParts({ projector, config, state }: ConversionSource): readonly [Part, ...Part[]] {
	const { graph, networks = 1 } = projectorOf(config.projector_config);
	const side = gridSide(config.vision_config);
	const more = Array.from({ length: networks - 1 }, (_, i) =>
		graphPart(graph(state, side, i + 1), `projector.${projector}.view${i + 1}`)
	);
	return [graphPart(graph(state, side, 0), `projector.${projector}`), ...more];
}

/** What a checkpoint would become, without reading its weights. */
export interface ConversionForecast {
	readonly sources: readonly ConversionSource[];
	/** Bytes of weights by type. */
	readonly sizes: Readonly<Record<DTypePreset, number>>;
	/** What the user should know of the checkpoint, in whole sentences. */
	readonly notes: readonly string[];
}

/** @throws InputError when the checkpoint cannot be converted */
export async function forecastConversion(
	checkpoint: SourceFolder,
	resolve: FolderResolver
): Promise<ConversionForecast> {
	const sources = await openSources(checkpoint, resolve);
	const plans = dtypePresets.map((dtype) => [dtype, planConversion(sources, { dtype })] as const);
	const sizes = Object.fromEntries(
		plans.map(([dtype, { shards }]) => [dtype, shards.reduce((sum, { size }) => sum + size, 0)])
	) as Record<DTypePreset, number>;
	return { sources, sizes, notes: plans[0]?.[1].notes ?? [] };
}
