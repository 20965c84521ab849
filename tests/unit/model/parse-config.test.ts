import { expect, it } from 'vitest';
import { parseConfig } from '../../../src/lib/model/families/honeybee/parse-config.ts';
import { smallConfig } from '../../support/random-checkpoint.ts';

it('a delta of the language model changes nothing: the checkpoint holds the sum', () => {
	const json = smallConfig();
	const lm_config = { ...json.lm_config, delta_model_name_or_path: 'vicuna-7b-delta-v0' };
	expect(parseConfig({ ...json, lm_config })).toEqual(parseConfig(json));
});
