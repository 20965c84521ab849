import { isObject, type JsonObject } from '../../bytes/json.ts';
import { InputError } from '../../tensor/errors.ts';
import type { VisionConfig } from '../config.ts';
import { ConfigFields } from '../config-fields.ts';
import { cropped, padColour, padded, squashed } from '../image/fit.ts';
import type { ImageProcessor } from '../image/processor.ts';
import { clipNormalization } from '../image/preprocess.ts';
import type { ImageSettings } from '../manifest.ts';
import type { FamilyFolder } from './definition.ts';

/** How families with a CLIP tower make pictures ready: `fit` says which way, `shorter` the shorter side before cropping. */
export type Fit = 'crop' | 'pad' | 'squash';

/** Kinds of processor that do what CLIP's does; LLaVA's own can pad. */
const served = /^(CLIP|Llava)ImageProcessor(Fast|Pil)?$/;

/**
 * The image settings of a folder, from `preprocessor_config.json` or, as transformers 5 writes them, in `processor_config.json`; CLIP's own
 * where there are none.
 * @param fit that the family asks for; what the file says when absent
 * @throws InputError when the file is another model's
 */
export function clipImageSettings(
	{ name, json }: Pick<FamilyFolder, 'name' | 'json'>,
	{ image_size }: Pick<VisionConfig, 'image_size'>,
	fit?: Fit
): ImageSettings {
	const { mean, std } = clipNormalization;
	const nested = json['processor_config.json']?.image_processor;
	const said = json['preprocessor_config.json'] ?? (isObject(nested) ? nested : undefined);
	if (!said) return { size: image_size, mean, std, fit: fit ?? 'crop' };
	const where = json['preprocessor_config.json'] ? 'preprocessor_config.json' : 'processor_config.json';
	const refuse = (what: string): never => {
		throw new InputError(`${where} in ${name} ${what}; give the file that belongs to this model.`);
	};
	const kind = said.image_processor_type ?? said.feature_extractor_type;
	if (typeof kind === 'string' && !served.test(kind) && kind !== 'CLIPFeatureExtractor')
		refuse(`is of a ${kind}, which makes other pictures than a CLIP tower takes`);
	const fields = new ConfigFields(said, where);
	const settings = {
		size: image_size,
		mean: fields.numbers('image_mean', 3, mean),
		std: fields.numbers('image_std', 3, std)
	};
	if (fields.integer('resample', 3) !== 3)
		refuse(`resizes by another filter than bicubic (${String(said.resample)})`);
	const side = sideOf(said.do_center_crop === false ? said.size : (said.crop_size ?? said.size));
	if (side !== undefined && side !== image_size)
		refuse(`makes pictures of ${side} pixels, and the vision tower takes ${image_size}`);
	if (fit !== undefined) return { ...settings, fit };
	if (fields.boolean('do_pad', false)) return { ...settings, fit: 'pad' };
	if (said.do_center_crop === false) return { ...settings, fit: 'squash' };
	const shorter = sideOf(said.size) ?? image_size;
	if (shorter < image_size) refuse(`resizes to ${shorter} pixels before it cuts ${image_size} out`);
	return { ...settings, fit: 'crop', ...(shorter !== image_size && { shorter }) };
}

/** A size is a whole number, or an object with it, by which name ever. */
export function sideOf(size: unknown): number | undefined {
	if (typeof size === 'number') return size;
	if (!isObject(size)) return undefined;
	const side = size.shortest_edge ?? size.height;
	return typeof side === 'number' ? side : undefined;
}

export function clipImageProcessor(settings: ImageSettings): ImageProcessor {
	if (settings.fit === 'pad') return padded(settings, padColour(settings));
	if (settings.fit === 'squash') return squashed(settings);
	return cropped(settings, typeof settings.shorter === 'number' ? settings.shorter : settings.size);
}

/** The tower's section of a CLIP's config.json: of a whole one, or of the vision tower alone. */
export function towerSection(config: JsonObject): JsonObject {
	return isObject(config.vision_config) ? config.vision_config : config;
}
