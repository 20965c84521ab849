/** What families with an image processor of their own have in common in its file. */
import type { JsonObject } from '../../bytes/json.ts';
import { InputError } from '../../tensor/errors.ts';
import { ConfigFields } from '../config-fields.ts';

export const PROCESSOR_FILE = 'preprocessor_config.json';

/** PIL's numbers for its filters. */
export const filters = {
	lanczos: { number: 1, word: 'Lanczos' },
	bicubic: { number: 3, word: 'bicubic' }
} as const;

interface ProcessorKind {
	/** `image_processor_type` where the file says none. */
	readonly type: string;
	/** The types that it may say. */
	readonly types: RegExp;
	/** Steps that are always done beside resizing, rescaling and normalising. */
	readonly steps?: readonly string[];
	readonly filter: (typeof filters)[keyof typeof filters];
	/** Which file is looked for, as a subject; PROCESSOR_FILE when absent. */
	readonly sought?: string;
}

/**
 * Fields of an image processor's settings that are this family's.
 * @param name the checkpoint's, for messages
 * @param where the settings stand
 * @throws InputError when there are none, or they are another model's or ask for what is not served
 */
export function processorFields(
	name: string,
	file: JsonObject | undefined,
	where: string,
	{ type, types, steps = [], filter, sought = where }: ProcessorKind
): ConfigFields {
	if (!file)
		throw new InputError(
			`${name} does not say how pictures are prepared: ${sought} is missing; copy it from where the model is published.`
		);
	const fields = new ConfigFields(file, where);
	const said = fields.string('image_processor_type', type);
	if (!types.test(said))
		throw new InputError(
			`${where} in ${name} is of another model (image_processor_type ${said}); give the one that was published with this model.`
		);
	for (const step of ['do_resize', 'do_rescale', 'do_normalize', ...steps])
		if (!fields.boolean(step, true))
			throw new InputError(`${where}.${step} is false, which is not served; set it to true.`);
	const resample = fields.integer('resample', filter.number);
	if (resample !== filter.number)
		throw new InputError(
			`${where}.resample is ${resample}, which is not served for this family; its models are made for ${filter.number} (${filter.word}).`
		);
	return fields;
}
