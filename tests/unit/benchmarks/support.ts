import type { Benchmark, Example } from '../../../src/lib/benchmarks/benchmark.ts';
import { memoryFolder } from '../../../src/lib/checkpoint/memory.ts';

export type Files = Record<string, string | Uint8Array>;

/** All examples of a benchmark whose folder holds these files. */
export async function examplesOf(benchmark: Benchmark, files: Files): Promise<Example[]> {
	const examples: Example[] = [];
	for await (const example of benchmark.examples(memoryFolder('data', files))) examples.push(example);
	return examples;
}
