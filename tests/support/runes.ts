import type { Environment } from 'vitest/runtime';

/** Node, with runes compiled as for the page: for tests of state that has effects. Without it effects are left out, as on a server. */
export default {
	name: 'runes',
	viteEnvironment: 'client',
	setup: () => ({ teardown: () => undefined })
} satisfies Environment;
