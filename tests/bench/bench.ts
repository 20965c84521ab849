/** `npm run bench`: `honeybee bench` with the browser's backends, what its pages wait for, and conversion; with --lm, language models; with --vlm, a small vision-language model. */
import { benchCommand, type Extension } from '../../src/cli/bench/bench.ts';
import { main } from '../../src/cli/main.ts';

// Loaded when wanted: the processes that measure run this file as well, and their memory should be their own.
const browsers: Extension = async (...args) => {
	const measured = await (await import('./browser.ts')).browsers(...args);
	const { views, missing } = await (await import('./views.ts')).views(...args);
	const { conversions } = await (await import('./conversions.ts')).conversions(...args);
	return { ...measured, views, conversions, missing: [...measured.missing, ...missing] };
};

const args = process.argv.slice(2);
if (args.includes('--lm')) await (await import('./lm/lm.ts')).lm(args);
else if (args.includes('--vlm')) await (await import('./vlm/vlm.ts')).vlm(args);
else process.exitCode = await main(['bench', ...args], { bench: benchCommand(browsers) });
