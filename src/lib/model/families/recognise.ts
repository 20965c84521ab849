import type { JsonObject } from '../../bytes/json.ts';
import { InputError } from '../../tensor/errors.ts';
import type { FamilyDefinition } from './definition.ts';
import { families } from './registry.ts';

/** The family whose config.json this is. @throws InputError saying what it is instead */
export function recogniseFamily(config: JsonObject, folder: string): FamilyDefinition {
	const family = families.find((candidate) => candidate.recognise(config));
	if (!family)
		throw new InputError(
			`config.json in ${folder} is of no family that is served; these are: ${families.map(({ title }) => title).join(', ')}.`
		);
	return family;
}
