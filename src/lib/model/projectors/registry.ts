import { InputError } from '../../tensor/errors.ts';
import type { ProjectorConfig } from '../config.ts';
import { cAbs } from './c-abs/definition.ts';
import { dAbs } from './d-abs/definition.ts';
import { dynamicCAbs } from './dynamic-c-abs/definition.ts';
import type { Projector, RegisteredProjector, Variant } from './definition.ts';
import { ldpNet } from './ldpnet/definition.ts';
import { ldpNetV2 } from './ldpnet-v2/definition.ts';
import { matryQuery } from './matry-query/definition.ts';
import { mlp } from './mlp/definition.ts';
import { pixelShuffle } from './pixel-shuffle/definition.ts';
import { resampler } from './resampler/definition.ts';
import { tokenPacker } from './token-packer/definition.ts';

/** Every projector there is: one folder, one line. */
export const projectors: readonly RegisteredProjector[] = [
	mlp,
	resampler,
	cAbs,
	dAbs,
	pixelShuffle,
	ldpNet,
	ldpNetV2,
	matryQuery,
	tokenPacker,
	dynamicCAbs
];

/** The definition for upstream's `projector_type`. */
export function projectorDefinition(type: string): RegisteredProjector {
	const definition = projectors.find((candidate) => candidate.type === type);
	if (!definition)
		throw new InputError(
			`projector_config.projector_type is "${type}", which is unknown; known types are ${projectors.map((p) => p.type).join(', ')}.`
		);
	return definition;
}

/** The projector of a config. */
export function projectorOf(config: ProjectorConfig): Projector {
	return projectorDefinition(config.projector_type).of(config);
}

/** How projectors are called and drawn, by name. */
export const projectorStyles: Readonly<Record<string, Variant>> = Object.fromEntries(
	projectors.flatMap(({ variants }) => Object.entries<Variant>(variants))
);
