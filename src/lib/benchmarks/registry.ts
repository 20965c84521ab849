import { InputError } from '../tensor/errors.ts';
import type { Benchmark } from './benchmark.ts';
import { llavabench } from './llavabench.ts';
import { mmbench } from './mmbench.ts';
import { mme } from './mme.ts';
import { mmmu } from './mmmu.ts';
import { mmvet } from './mmvet.ts';
import { owleval } from './owleval.ts';
import { pope } from './pope.ts';
import { scenes, scenesSize, scenesStyle } from './scenes.ts';
import { seed } from './seed.ts';
import { sqa } from './sqa.ts';

/** All benchmarks; page, runner, command line and plots read this list. */
export const benchmarks: readonly Benchmark[] = [
	scenes,
	scenesStyle,
	scenesSize,
	mme,
	mmbench,
	seed,
	pope,
	sqa,
	mmmu,
	llavabench,
	mmvet,
	owleval
];

/** @throws InputError when there is no benchmark of that name. */
export function findBenchmark(name: string): Benchmark {
	const found = benchmarks.find((benchmark) => benchmark.name === name);
	if (!found)
		throw new InputError(
			`There is no benchmark "${name}"; there are ${benchmarks.map((benchmark) => benchmark.name).join(', ')}.`
		);
	return found;
}
