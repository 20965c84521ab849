import { benchCommand } from './bench/bench.ts';

/** `honeybee bench`: what Node alone can measure. `npm run bench` adds the browser. */
export const bench = benchCommand();
