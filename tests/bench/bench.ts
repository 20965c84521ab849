/** `npm run bench`: `honeybee bench` with the browser's backends. */
import { benchCommand } from '../../src/cli/bench/bench.ts';
import { main } from '../../src/cli/main.ts';
import { browsers } from './browser.ts';

process.exitCode = await main(['bench', ...process.argv.slice(2)], { bench: benchCommand(browsers) });
