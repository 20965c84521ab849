import type { SessionImage } from './images.ts';

/** The sample scenes: none before the generator lands. */
export async function sampleScenes(_base: string): Promise<SessionImage[]> {
	return [];
}
