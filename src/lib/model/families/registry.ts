import { InputError } from '../../tensor/errors.ts';
import type { ModelManifest } from '../manifest.ts';
import { vl360 } from './360vl/definition.ts';
import type { FamilyDefinition } from './definition.ts';
import { honeybee } from './honeybee/definition.ts';
import { hyperclovaxVision } from './hyperclovax-vision/definition.ts';
import { kananaV } from './kanana-v/definition.ts';
import { llava } from './llava/definition.ts';
import { mobilevlm } from './mobilevlm/definition.ts';
import { mqtLlava } from './mqt-llava/definition.ts';
import { nanovlm } from './nanovlm/definition.ts';
import { smolvlm } from './smolvlm/definition.ts';
import { tokenpacker } from './tokenpacker/definition.ts';

/** Every family there is: one folder, one line. The first one is that of model folders written before there were others. */
export const families: readonly FamilyDefinition[] = [
	honeybee,
	mobilevlm,
	mqtLlava,
	tokenpacker,
	llava,
	smolvlm,
	nanovlm,
	hyperclovaxVision,
	kananaV,
	vl360
];

/** The family of that name. @throws InputError when this version has none */
export function familyNamed(name: string): FamilyDefinition {
	const family = families.find((candidate) => candidate.name === name);
	if (!family)
		throw new InputError(
			`The model is of the family "${name}", which this version does not know; it knows ${families.map((f) => f.name).join(', ')}.`
		);
	return family;
}

/** The family of a model folder. */
export const familyOf = (manifest: Pick<ModelManifest, 'family'>): FamilyDefinition =>
	familyNamed(manifest.family);
