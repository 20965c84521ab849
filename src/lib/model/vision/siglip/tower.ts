import type { VisionConfig } from '../../config.ts';
import type { Tower } from '../towers.ts';
import type { SiglipConfig } from './config.ts';
import { afterFeatures, siglipGraph } from './graph.ts';

/** @param vision its config, which says that it is one */
export function siglip(vision: VisionConfig): Tower {
	const config = vision as SiglipConfig;
	return {
		classTokens: 0,
		title: 'SigLIP ViT',
		graph: (state, layers, dtype) => siglipGraph(config, state, layers, dtype),
		unread: (key, last) => afterFeatures(config, key, last)
	};
}
