import { planConversion } from '../../src/lib/model/convert/plan.ts';
import { graphFiles, type Part } from '../../src/lib/model/convert/part.ts';
import { kvType } from '../../src/lib/model/language/graph.ts';
import type { DTypePreset, ModelManifest } from '../../src/lib/model/manifest.ts';
import { parseConfig } from '../../src/lib/model/families/honeybee/parse-config.ts';
import { familyNamed } from '../../src/lib/model/families/registry.ts';
import { projectorDefinition } from '../../src/lib/model/projectors/registry.ts';
import { StateDict } from '../../src/lib/model/state-dict.ts';
import { officialConfig } from '../fullsize/shapes.ts';

/** A state dict that has every tensor in the shape asked for, and no values. */
export class ShapesOnly extends StateDict {
	constructor() {
		super({ entries: new Map(), read: () => Promise.reject(new Error('There are no values here.')) });
	}
	override has() {
		return true;
	}
	override expect() {
		return undefined;
	}
}

const text13B = {
	hidden_size: 5120,
	intermediate_size: 13824,
	num_hidden_layers: 40,
	num_attention_heads: 40,
	num_key_value_heads: 40
};

/** The manifest that the conversion of an official checkpoint writes, from its shapes alone; the hashes are nobody's. */
export function officialManifest(size: '7B' | '13B', dtype: DTypePreset): ModelManifest {
	const official = officialConfig('c-abs', 1);
	const large = size === '13B';
	const config = parseConfig({
		...official,
		projector_config: { ...official.projector_config, ...(large && { output_hidden_size: 5120 }) },
		text_config: { ...official.text_config, ...(large && text13B) }
	});
	const { image_size, image_mean, image_std } = config.vision_config;
	const about = {
		family: 'honeybee',
		views: 'one' as const,
		image: { size: image_size, mean: image_mean, std: image_std },
		prompt: { template: 'free-form' }
	};
	const sources = [
		{
			projector: 'c-abs',
			config,
			state: new ShapesOnly(),
			trainedTokens: [144],
			definition: familyNamed('honeybee'),
			about,
			notes: [],
			followed: []
		}
	];
	const { dtypes, vision, embedding, language, lens, attention, cache, projectors, parts, shards } =
		planConversion(sources, { dtype });
	const { text_config, vision_config } = config;
	const kv_dtype = kvType(dtypes.language);
	const sha256 = ''.padStart(64, '0');
	const weights = shards.reduce((sum, shard) => sum + shard.size, 0);
	const projector = projectors[0]!.networks[0];
	return {
		format: 'honeybee-model',
		format_version: 2,
		...about,
		name: `C-${size}-M144-${dtype}`,
		provenance: { converter: '1', sources: [] },
		config: { vision_config, text_config, lm_config: config.lm_config },
		dtype,
		dtypes,
		kv_dtype,
		tokenizer: 'tokenizer.json',
		graphs: {
			vision: graphFiles(vision),
			embedding: graphFiles(embedding),
			language: language.map((one) => ({ ...graphFiles(one), layers: one.layers })),
			attention: graphFiles(attention),
			lens: graphFiles(lens),
			cache: graphFiles(cache)
		},
		projectors: {
			'c-abs': {
				type: 'c-abs',
				title: 'C-Abstractor',
				num_query_tokens: 144,
				num_eos_tokens: 0,
				feature_layers: [-1],
				trained_tokens: [144],
				tokens_by: 'squares',
				most_tokens: 576,
				token_places: projectorDefinition('c-abs').places,
				config: config.projector_config,
				...graphFiles(projector)
			}
		},
		memory: {
			weights,
			kv_per_token:
				2 *
				text_config.num_hidden_layers *
				text_config.num_key_value_heads *
				text_config.head_dim *
				(kv_dtype === 'float16' ? 2 : 4)
		},
		files: [
			...shards.map(({ path, size }) => ({ path, size, sha256 })),
			...parts.map(({ path }: Part) => ({ path, size: 1, sha256 })),
			{ path: 'tokenizer.json', size: 1, sha256 }
		]
	};
}
