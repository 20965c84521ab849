import { familyOf } from '../../model/families/registry.ts';
import type { ModelManifest } from '../../model/manifest.ts';

/** The side that a model's images may be squashed to before it sees them; undefined where it needs them as they are. */
export const squashTo = (manifest: ModelManifest): number | undefined =>
	familyOf(manifest).imageProcessor(manifest.image).squash;
