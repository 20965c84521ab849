import { tokenChoices } from '../../model/tokens.ts';
import { transparencyOf } from '../../model/image/transparency.ts';
import { gridSide } from '../../model/config.ts';
import { networksOf, type ModelManifest } from '../../model/manifest.ts';
import { InputError } from '../../tensor/errors.ts';
import type { Benchmark } from '../benchmark.ts';
import type { RunIdentity } from './record.ts';

/** A projector at M tokens. */
export interface TargetChoice {
	readonly projector: string;
	/** M */
	readonly tokens: number;
}

/** Folder of a target's run below that of its benchmark. */
export const targetName = ({ projector, tokens }: TargetChoice) => `${projector}-m${tokens}`;

/** The M a projector can be run at, ascending. */
export function tokensOf(manifest: ModelManifest, projector: string): number[] {
	return tokenChoices(manifest.projectors[projector]!, gridSide(manifest.config.vision_config));
}

/** Words for M instead of numbers: each projector's own, every one it was trained at, every one it can be run at. */
export const tokenWords = ['own', 'trained', 'all'] as const;
export type TokensChoice = readonly number[] | (typeof tokenWords)[number];

/** The M of one projector that a choice means, ascending; none when it can give none of the numbers. */
export function tokensChosen(manifest: ModelManifest, projector: string, choice: TokensChoice): number[] {
	const possible = tokensOf(manifest, projector);
	const { num_query_tokens, trained_tokens } = manifest.projectors[projector]!;
	if (choice === 'all') return possible;
	const wanted =
		choice === 'own'
			? [num_query_tokens]
			: choice === 'trained'
				? [num_query_tokens, ...trained_tokens]
				: choice;
	return possible.filter((M) => wanted.includes(M));
}

/**
 * Every projector asked for at every M asked for that it can give.
 * @param names All of the model's when absent.
 * @throws InputError when the model has no such projector, or nothing is left
 */
export function chooseTargets(
	manifest: ModelManifest,
	names: readonly string[] | undefined,
	tokens: TokensChoice
): TargetChoice[] {
	const chosen = names ?? Object.keys(manifest.projectors);
	const targets = [...new Set(chosen)].flatMap((projector) => {
		if (!Object.hasOwn(manifest.projectors, projector))
			throw new InputError(
				`The model ${manifest.name} has no projector "${projector}"; it has ${Object.keys(manifest.projectors).join(', ')}.`
			);
		return tokensChosen(manifest, projector, tokens).map((M) => ({ projector, tokens: M }));
	});
	if (targets.length === 0)
		throw new InputError(
			`None of the projectors ${chosen.join(', ')} gives ${String(tokens)} visual tokens; leave the numbers out for their own.`
		);
	return targets;
}

/** All that may change an answer, as the manifest of a run keeps it. */
export function identify(
	benchmark: Benchmark,
	manifest: ModelManifest,
	run: TargetChoice & Pick<RunIdentity, 'data' | 'backend' | 'versions' | 'wording'>
): RunIdentity {
	const { vision, embedding, language } = manifest.graphs;
	const graphs = [vision, embedding, ...language, ...networksOf(manifest.projectors[run.projector]!)];
	const used = new Set([...graphs.flatMap(({ graph, weights }) => [graph, ...weights]), manifest.tokenizer]);
	const files = manifest.files.filter(({ path }) => used.has(path));
	return {
		benchmark: benchmark.name,
		data: run.data,
		generation: benchmark.generation,
		...(run.wording && { wording: run.wording }),
		model: {
			name: manifest.name,
			files: Object.fromEntries(files.map(({ path, sha256 }) => [path, sha256]))
		},
		...(transparencyOf(manifest.image) === 'white' && { transparency: 'white' as const }),
		projector: run.projector,
		tokens: run.tokens,
		dtype: manifest.dtype,
		backend: run.backend,
		versions: run.versions,
		seed: 0
	};
}
