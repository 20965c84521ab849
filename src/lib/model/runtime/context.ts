import type { ModelManifest } from '../manifest.ts';

/** The manifest of a model that has memory for fewer positions than it was made for. */
export function withContext(manifest: ModelManifest, context = Infinity): ModelManifest {
	const { text_config } = manifest.config;
	if (context >= text_config.max_position_embeddings) return manifest;
	return {
		...manifest,
		config: { ...manifest.config, text_config: { ...text_config, max_position_embeddings: context } }
	};
}
