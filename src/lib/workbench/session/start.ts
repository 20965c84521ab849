import { backendChoices } from '../../../workers/model/api.ts';
import { indexedRecords } from '../../browser/records.ts';
import { linkedMemory, readView } from '../frame/address.ts';
import type { ExchangeRecord } from '../chat/exchange-record.ts';
import { createModelClient } from './client.ts';
import type { SetRecord } from './image-sets.svelte.ts';
import { openImage } from './images.ts';
import { keepImage, keptImage } from './kept-images.ts';
import { linkedImage } from './linked-image.ts';
import { listModels } from './model-list.ts';
import { sampleScenes } from './samples.ts';
import { Session } from './session.ts';
import { browserMemory, oneOf } from './storage.ts';

/**
 * The session of this page, with the real worker behind it.
 * @param address the page's address; `?backend=webgpu|wasm` forces the backend
 * @param base the site's root, where `models/` and `scenes/` lie (an absolute URL with a trailing slash)
 */
export function createSession(address: URL, base: string): Session {
	const backend = address.searchParams.get('backend');
	const known = oneOf(...backendChoices);
	const linked = readView(address.searchParams);
	return new Session({
		client: createModelClient(),
		memory: linkedMemory(browserMemory(), linked),
		linked,
		listModels: () => listModels(base),
		openImage,
		sampleScenes: () => sampleScenes(base),
		ruledScenes: (rule) => sampleScenes(base, rule),
		keptSets: indexedRecords<SetRecord>('honeybee-sets', 'word'),
		linkedImage,
		...(linked.image !== undefined && { linkedWord: linked.image }),
		keeping: {
			exchanges: indexedRecords<ExchangeRecord>('honeybee-conversation', 'id'),
			keepImage,
			keptImage
		},
		...(known(backend) ? { forcedBackend: backend } : {})
	});
}
