/** `npm run bench`: `honeybee bench` with the browser's backends. */
import { benchCommand, type Extension } from '../../src/cli/bench/bench.ts';
import { main } from '../../src/cli/main.ts';

// Loaded when wanted: the processes that measure run this file as well, and their memory should be their own.
const browsers: Extension = async (...args) => (await import('./browser.ts')).browsers(...args);

process.exitCode = await main(['bench', ...process.argv.slice(2)], { bench: benchCommand(browsers) });
