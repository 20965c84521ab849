import { httpSource } from '$lib/browser/model-source.ts';
import { blobSource } from '$lib/checkpoint/memory.ts';
import type { SourceFolder } from '$lib/checkpoint/source.ts';
import type { Benchmark } from '$lib/benchmarks/benchmark.ts';
import type { AtlasIndex } from '$lib/scenes/index.ts';
import { InputError } from '$lib/tensor/errors.ts';

/** The files that come with the workbench. @param base the site's root (an absolute URL with a trailing slash) */
export function builtInData({ builtIn }: Benchmark, base: string): SourceFolder | undefined {
	return builtIn && httpSource(new URL(`${builtIn.folder}/`, base).href);
}

/**
 * A folder chosen on the page, or files chosen one by one. The name of the chosen folder itself is not part of the paths, as on the
 * command line.
 * @throws InputError when nothing was chosen
 */
export function chosenData(files: readonly File[]): SourceFolder {
	const first = files[0];
	if (first === undefined)
		throw new InputError('The folder is empty; choose the one with the benchmark’s official files.');
	const [top] = first.webkitRelativePath.split('/');
	const byPath = new Map(
		files.map((file) => [file.webkitRelativePath.split('/').slice(1).join('/') || file.name, file])
	);
	return {
		name: first.webkitRelativePath ? top! : first.name,
		list: async () => [...byPath.keys()],
		async open(path) {
			const file = byPath.get(path);
			return file && blobSource(path, file);
		}
	};
}

/** Names of the scenes' classes, by index; none when the sprites are not there. */
export async function sceneClasses(base: string): Promise<string[]> {
	const response = await fetch(new URL('scenes/atlas.json', base)).catch(() => undefined);
	if (!response?.ok) return [];
	const index = (await response.json()) as AtlasIndex;
	return index.classes.map(({ name }) => name);
}
