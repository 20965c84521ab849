import { LocalityCache } from '../../study/cache.ts';
import { pageState } from '../frame/page-states.svelte.ts';

/** The maps measured on all pages; they outlive the page that asked for them. */
export const getLocalityCache = pageState(({ session }) => new LocalityCache(session.client));
