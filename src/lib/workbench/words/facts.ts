import { transparencyOf } from '../../model/image/transparency.ts';
import { gridSide } from '../../model/config.ts';
import { familyOf } from '../../model/families/registry.ts';
import type { BackendInfo } from '../../model/runtime/types.ts';
import type { ModelManifest, ProjectorEntry, TokenRule } from '../../model/manifest.ts';
import { projectorOf } from '../../model/projectors/registry.ts';
import { familyInWords } from '../../model/words.ts';
import { towerOf } from '../../model/vision/towers.ts';
import { bytes, count, row } from './format.ts';

/** A line of the model's description: what, and its value in words. */
export interface Fact {
	readonly term: string;
	readonly value: string;
}

/** What the manifest says of the model, as lines to read. Everything here comes from the manifest. */
export function modelFacts(manifest: ModelManifest): Fact[] {
	const { vision_config: vision, text_config: text } = manifest.config;
	const side = gridSide(manifest.config.vision_config);
	const grouped =
		text.num_key_value_heads === text.num_attention_heads ? '' : `, ${text.num_key_value_heads} for keys`;
	return [
		{
			term: 'Family',
			value: familyInWords(familyOf(manifest).title, manifest.spelling)
		},
		...(manifest.reference === undefined ? [] : [{ term: 'Follows', value: manifest.reference }]),
		{
			term: 'Vision tower',
			value:
				`${towerOf(vision).title}, ${vision.num_hidden_layers} layers, width ${count(vision.hidden_size)}, ` +
				`${vision.num_attention_heads} heads; ${vision.image_size} px images in patches of ${vision.patch_size} px, ` +
				`${side}\u00a0×\u00a0${side} = ${side * side}; ${manifest.dtypes.vision}`
		},
		{
			term: 'Language model',
			value:
				`LLaMA, ${text.num_hidden_layers} layers, width ${count(text.hidden_size)}, ` +
				`${text.num_attention_heads} heads${grouped}, ${count(text.vocab_size)} tokens, ` +
				`${count(text.max_position_embeddings)} positions; ${manifest.dtypes.language}`
		},
		...(transparencyOf(manifest.image) === 'white'
			? [{ term: 'Transparent pictures', value: 'laid on white' }]
			: []),
		{ term: 'Prompt', value: manifest.prompt.template.replaceAll('_', ' ') },
		{
			term: 'Memory',
			value: `${bytes(manifest.memory.weights)} of weights, ${bytes(manifest.memory.kv_per_token)} of cache per position`
		}
	];
}

/** What the manifest says of a kind of projector; those of one family differ in M only and share a line. */
export interface ProjectorFact extends Fact {
	/** The first of them, which its colour goes by. */
	readonly projector: string;
}

/** What is said of other M than the trained ones. */
const moreTokens: Readonly<Record<TokenRule, string>> = {
	fixed: '',
	squares: '; runs at any other square M, too',
	prefix: '; runs at any other M up to the largest, too',
	picture: ', that of the largest square picture; how many, the picture decides'
};

export function projectorFacts({ projectors }: Pick<ModelManifest, 'projectors'>): ProjectorFact[] {
	const lines = Map.groupBy(
		Object.entries(projectors),
		([name, entry]) => `${entry.family ?? name}: ${inside(entry)}`
	);
	return [...lines.values()].map((members) => {
		const [projector, entry] = members[0]!;
		const trained = members.flatMap(([, { trained_tokens, num_query_tokens }]) =>
			trained_tokens.length > 0 ? trained_tokens : [num_query_tokens]
		);
		const Ms = row([...new Set(trained)].sort((a, b) => a - b));
		const rest = moreTokens[entry.tokens_by];
		return { projector, term: entry.title, value: `${inside(entry)}; trained at M = ${Ms}${rest}; float32` };
	});
}

function inside({ config, feature_layers, num_eos_tokens }: ProjectorEntry): string {
	const description = projectorOf(config).description.replace(/\d+/g, (digits) => count(Number(digits)));
	const eos = num_eos_tokens === 0 ? '' : `; ${num_eos_tokens} end token after the visual ones`;
	return (
		`${description}; from ${feature_layers.length === 1 ? 'layer' : 'layers'} ${feature_layers.join(', ')} of the vision tower, ` +
		`width ${count(config.encoder_hidden_size)} to ${count(config.output_hidden_size)}${eos}`
	);
}

/** Where the model came from. */
export function provenanceFacts(manifest: ModelManifest): Fact[] {
	const { provenance } = manifest;
	const sources = provenance.sources.map(({ checkpoint, projector }) =>
		checkpoint.split('/').includes(projector) ? checkpoint : `${checkpoint} (${projector})`
	);
	return [
		{ term: 'Made from', value: [...new Set(sources)].join(', ') },
		{ term: 'Converter', value: `honeybee convert, version ${provenance.converter}` },
		{ term: 'Licence', value: provenance.licence ?? 'not stated by the checkpoint' },
		...(provenance.caveat === undefined ? [] : [{ term: 'Caveat', value: provenance.caveat }]),
		...(provenance.followed ?? []).map((value) => ({ term: 'Followed', value })),
		...(provenance.knows === undefined ? [] : [{ term: 'Knows', value: provenance.knows }])
	];
}

/** The backend in a few words, as an answer's line and the left pane name it. */
export function backendName(backend: BackendInfo['backend']): string {
	return {
		webgpu: 'WebGPU',
		wasm: 'WASM',
		'wasm-int8': 'WASM in 8 bits',
		'wasm-q4': 'WASM in 4 bits',
		node: 'Node',
		'node-int8': 'Node in 8 bits',
		'node-q4': 'Node in 4 bits'
	}[backend];
}

/** What a backend's way of computing costs, in a sentence (`docs/SPEED.md` has the measurement); '' where it costs nothing. */
export function backendCost(backend: BackendInfo['backend']): string {
	if (backend === 'wasm-int8')
		return 'Multiplied in 8 bits: the logits of SmolLM2-135M in q4 move by 4 to 13 % of the largest, so that long answers can come out otherwise; WASM multiplies as stored, at about a tenth of the speed.';
	if (backend === 'wasm-q4')
		return 'What the language model multiplies its weights with is rounded to 8 bits by blocks of 32: the logits of SmolLM2-135M in q4 move by 2 to 4 % of the largest, so that long answers can come out otherwise; WASM multiplies as stored, at a small part of the speed.';
	if (backend === 'node-int8')
		return 'Multiplied in 8 bits: the features of a vision tower in 8 bits move by 1 to 2 % of the largest, the logits of a language model in 4 bits by 2 to 3 %, so that long answers can come out otherwise; Node multiplies as stored, in about twice the time.';
	if (backend === 'node-q4')
		return 'What the language model multiplies its weights with is rounded to 8 bits by blocks of 32, and a vision tower in 8 bits is multiplied in them: the logits of SmolLM2-135M in q4 move by 2 to 4 % of the largest, features by 1 to 2 %, so that long answers can come out otherwise; Node multiplies as stored, at half of the speed or less.';
	return '';
}
