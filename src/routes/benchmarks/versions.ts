import { env } from 'onnxruntime-common';
import { version } from '../../../package.json';

/** Of the workbench and the runtime, as a run's manifest keeps them. */
export const versions: Readonly<Record<string, string>> = {
	honeybee: version,
	onnxruntime: env.versions.web ?? env.versions.common
};
