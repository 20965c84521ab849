import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { convertCommand } from '../../../../src/cli/convert.ts';
import { decodeImage } from '../../../../src/cli/io/decode-image.ts';
import { openFolder } from '../../../../src/cli/io/disk.ts';
import { createNodeBackend } from '../../../../src/cli/node-backend.ts';
import { memorySource } from '../../../../src/lib/checkpoint/memory.ts';
import { openSafetensors } from '../../../../src/lib/checkpoint/safetensors.ts';
import { editPicture } from '../../../../src/lib/model/image/edit.ts';
import { squareGrid } from '../../../../src/lib/analysis/grid.ts';
import { gridSide } from '../../../../src/lib/model/config.ts';
import { tokenPatchMap, tokenRow } from '../../../../src/lib/analysis/map.ts';
import { checkStructure, joinedPlaces } from '../../../../src/lib/analysis/structure.ts';
import { cellOf, joinedPatches, placesOf } from '../../../../src/lib/model/places.ts';
import { projectorOf } from '../../../../src/lib/model/projectors/registry.ts';
import { HoneybeeModel } from '../../../../src/lib/model/runtime/model.ts';
import { openModelFolder } from '../../../../src/lib/model/runtime/model-folder.ts';
import { greedy } from '../../../../src/lib/model/runtime/sampling.ts';
import { formatTemplate } from '../../../../src/lib/model/text/prompts.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import type { AnswerRequest, LocalityRequest } from '../../../../src/lib/model/runtime/types.ts';
import { silent } from '../../../support/golden-model.ts';

const fixtures = new URL('../../../fixtures/', import.meta.url).pathname;

async function goldenFile(name: string) {
	const bytes = await readFile(join(fixtures, 'families', name, 'golden.safetensors'));
	return openSafetensors(memorySource(name, bytes));
}

/** A golden checkpoint as a model, and a tensor of its golden file, for the time of `use`. */
async function withModel(
	name: string,
	tensor: string,
	use: (model: HoneybeeModel, values: readonly number[]) => Promise<void>
): Promise<void> {
	const set = join(fixtures, 'families', name);
	const { data } = await (await goldenFile(name)).read(tensor);
	const folder = await mkdtemp(join(tmpdir(), 'honeybee-structure-'));
	const about = JSON.parse(await readFile(join(set, 'golden.json'), 'utf8')) as Record<string, string>;
	const { config_dir: home = '', tower_dir: tower } = about;
	const vision = tower === undefined ? [] : ['--vision', join(set, tower)];
	await convertCommand.run([join(set, home), folder, ...vision], silent);
	const source = await openFolder(folder);
	const backend = createNodeBackend(folder);
	const model = await HoneybeeModel.load({ backend, folder: await openModelFolder(source), decodeImage });
	try {
		await use(model, Array.from(data, Number));
	} finally {
		await model.dispose();
		await source.close();
		await rm(folder, { recursive: true });
	}
}

function correlation(a: readonly number[], b: readonly number[]): number {
	const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
	const [ma, mb] = [mean(a), mean(b)];
	const [x, y] = [a.map((value) => value - ma), b.map((value) => value - mb)];
	const dot = (u: readonly number[], v: readonly number[]) =>
		u.reduce((sum, value, i) => sum + value * v[i]!, 0);
	return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
}

/** How much each patch moves each token, where its features are replaced by their mean: [M, N]. */
async function occlusion(model: HoneybeeModel): Promise<Float32Array> {
	const picture = join(fixtures, 'golden/images/scene_200x150.png');
	const request: LocalityRequest = {
		projector: Object.keys(model.manifest.projectors)[0]!,
		image: { id: picture, name: picture, bytes: new Uint8Array(await readFile(picture)) },
		method: 'occlusion'
	};
	return (await model.locality(request)).visual_embeds!.data;
}

describe('what of the picture a token reads', () => {
	it.each(['mobilevlm-v2', 'tokenpacker'])('%s: exactly the patches of the reference’s Jacobian', (name) =>
		withModel(name, 'main.locality.jacobian_norm', async (model, jacobian) => {
			const moved = await occlusion(model);
			expect(moved.length).toBe(jacobian.length);
			const differing = jacobian.flatMap((norm, i) => ((norm === 0) === (moved[i] === 0) ? [] : [i]));
			expect(differing).toEqual([]);
			expect(jacobian.filter((norm) => norm === 0).length).toBeGreaterThan(0);
		})
	);

	it('mobilevlm-v1: its gates give every patch a share', () =>
		withModel('mobilevlm-v1', 'main.locality.jacobian_norm', async (model, jacobian) => {
			expect(jacobian.every((norm) => norm > 0)).toBe(true);
			expect((await occlusion(model)).every((value) => value > 0)).toBe(true);
		}));

	it('tokenpacker: bins and places are the reference’s table of patches', () =>
		withModel('tokenpacker', 'main.token_patches', async ({ manifest }, table) => {
			const [entry] = Object.values(manifest.projectors);
			const { num_query_tokens: M } = entry!;
			const side = gridSide(manifest.config.vision_config);
			const bins = projectorOf(entry!.config).bins!(M, squareGrid(side))!;
			const size = { width: 300, height: 200 };
			const places = placesOf(manifest, entry!, M, size)!;
			const square = { x: 0, y: -50, width: 300, height: 300 };
			for (let token = 0; token < M; token++) {
				const patches = [0, 1, 2, 3].map((i) => {
					const [row = 0, column = 0] = table.slice((token * 4 + i) * 2);
					return row * side + column;
				});
				const row = bins.data.subarray(token * side * side, (token + 1) * side * side);
				expect([...row].flatMap((share, patch) => (share > 0 ? [patch] : []))).toEqual(
					patches.sort((a, b) => a - b)
				);
				const [first, last] = [patches[0]!, patches[3]!].map((patch) => cellOf(square, side, patch));
				const top = Math.max(0, first!.y);
				const bottom = Math.min(size.height, last!.y + last!.height);
				const { regions } = places[token]!;
				const [region] = regions;
				if (bottom <= top) expect(regions).toEqual([]);
				else {
					expect(region!.x).toBeCloseTo(first!.x);
					expect(region!.y).toBeCloseTo(top);
					expect(region!.x + region!.width).toBeCloseTo(last!.x + last!.width);
					expect(region!.y + region!.height).toBeCloseTo(bottom);
				}
			}
		}));
});

describe('an exact map', () => {
	it('smolvlm-256m: a token moves with the patches of its block and with no other', () =>
		withModel('smolvlm-256m', 'main.visual_embeds', async (model) => {
			const [entry] = Object.values(model.manifest.projectors);
			const side = gridSide(model.manifest.config.vision_config);
			const tokens = entry!.num_query_tokens;
			const bins = projectorOf(entry!.config).bins!(tokens, squareGrid(side))!;
			const check = checkStructure(bins, tokenPatchMap(tokens, side ** 2, await occlusion(model)));
			expect(check).toMatchObject({ tied: side ** 2, moved: side ** 2, outside: 0, largestOutside: 0 });
		}));
});

describe('tokens that join patches apart from each other', () => {
	it('kanana-v: bins on the picture are the reference’s table, for each shape of picture', () =>
		withModel('kanana-v', 'main.token_patches', async ({ manifest }) => {
			const [entry] = Object.values(manifest.projectors);
			const file = await goldenFile('kanana-v');
			for (const name of ['main', 'columns4', 'small']) {
				const read = async (tensor: string) =>
					Array.from((await file.read(`${name}.${tensor}`)).data, Number);
				const [, rows = 0, columns = 0] = await read('grid_thw');
				const table = await read('token_patches');
				const map = joinedPatches(manifest, entry!.config, { grid: { rows, columns } });
				// As the notebook about structures counts them.
				const joins = Array.from({ length: map.tokens }, (_, token) => joinedPlaces(map, token));
				expect(new Set(joins.map(({ length }) => length))).toEqual(new Set([2]));
				const far = joins.map(([a, b]) => Math.abs(a!.x - b!.x) * columns);
				expect(Math.min(...far)).toBeGreaterThan(columns / 2 - 1.01);
				expect(Math.max(...far)).toBeLessThan(columns / 2 + 1.01);
				for (let token = 0; token < map.tokens; token++) {
					const patches = [0, 1, 2, 3].map((i) => {
						const [row = 0, column = 0] = table.slice((token * 4 + i) * 2);
						return row * columns + column;
					});
					const joined = [...tokenRow(map, token)].flatMap((share, patch) => (share > 0 ? [patch] : []));
					expect(joined).toEqual(patches.sort((a, b) => a - b));
				}
			}
		}));

	it.each(['gradient', 'perturbation'] as const)(
		'kanana-v: maps are in the picture’s order, as the reference’s Jacobian is (%s)',
		(method) =>
			withModel('kanana-v', 'main.locality.jacobian_norm', async (model, jacobian) => {
				const picture = join(fixtures, 'golden/images/scene_200x150.png');
				const { visual_embeds: map } = await model.locality({
					projector: Object.keys(model.manifest.projectors)[0]!,
					image: { id: picture, name: picture, bytes: new Uint8Array(await readFile(picture)) },
					method,
					directions: 8
				});
				expect(map!.dims).toEqual([35, 140]);
				// Root mean square over 96 components against the Frobenius norm, by 8 of 64 or 96 directions.
				const measured = Array.from(map!.data, (value) => value * Math.sqrt(96));
				expect(correlation(measured, jacobian)).toBeGreaterThan(0.98);
				const backwards = jacobian.map((_, i) => jacobian[Math.floor(i / 140) * 140 + 139 - (i % 140)]!);
				expect(correlation(measured, backwards)).toBeLessThan(0.9);
			})
	);
});

it('gradients are those of the picture’s own grid, also after one with as many patches', () =>
	withModel('kanana-v', 'main.locality.jacobian_norm', async (model) => {
		const projector = Object.keys(model.manifest.projectors)[0]!;
		const picture = join(fixtures, 'golden/images/scene_200x150.png');
		const wide = await decodeImage(new Uint8Array(await readFile(picture)), picture, 'white');
		// Its rows as columns.
		const high = editPicture(wide, [{ kind: 'turn', orientation: 5 }]);
		const map = async (method: LocalityRequest['method'], pixels: typeof wide) => {
			const image = { id: `${pixels.width}`, name: picture, bytes: new Uint8Array(), pixels };
			const { visual_embeds: made } = await model.locality({ projector, image, method, directions: 16 });
			return made!;
		};
		const [before, after] = [await map('gradient', wide), await map('gradient', high)];
		expect(after.dims).toEqual(before.dims);
		const moved = await map('perturbation', high);
		expect(correlation([...after.data], [...moved.data])).toBeGreaterThan(0.97);
		expect(correlation([...after.data], [...before.data])).toBeLessThan(0.9);
	}));

describe('two networks, one for the crops and one for the whole', () => {
	it('360vl: tokens lie as in the reference’s table, twice over the picture', () =>
		withModel('360vl', 'main.token_cells', async ({ manifest }, table) => {
			const [entry] = Object.values(manifest.projectors);
			expect(entry!.networks).toHaveLength(1);
			// Padded to a square: the picture is its middle.
			const places = placesOf(manifest, entry!, 16, { width: 200, height: 200 })!;
			expect(places).toHaveLength(table.length / 3);
			places.forEach(({ view, regions }, token) => {
				const [map, row = 0, column = 0] = table.slice(token * 3);
				expect(view).toBe(map);
				expect(regions).toEqual([{ x: column * 50, y: row * 50, width: 50, height: 50 }]);
			});
			const tall = placesOf(manifest, entry!, 16, { width: 100, height: 200 })!;
			expect(tall[0]!.regions).toEqual([]);
			expect(tall[17]!.regions).toEqual([{ x: 0, y: 0, width: 50, height: 50 }]);
		}));

	it('360vl: each view’s map is over its own patches, through its own network', () =>
		withModel('360vl', 'main.token_cells', async (model) => {
			const picture = join(fixtures, 'golden/images/scene_200x150.png');
			const [projector] = Object.keys(model.manifest.projectors);
			const image = { id: picture, name: picture, bytes: new Uint8Array(await readFile(picture)) };
			const request = { projector: projector!, image, method: 'occlusion' } as const;
			const whole = await model.locality({ ...request, view: 1 });
			expect(whole.visual_embeds!.dims).toEqual([16, 64]);
			const crops = await model.locality({ ...request, view: 0 });
			expect(crops.visual_embeds!.dims).toEqual([16, 256]);
		}));
});

describe('places', () => {
	it('of tokens that have none of their own are not made up', () =>
		withModel('mqt-llava', 'main.visual_embeds', async ({ manifest }) => {
			const [entry] = Object.values(manifest.projectors);
			expect(placesOf(manifest, entry!, 16, { width: 10, height: 10 })).toBeUndefined();
		}));
});

describe('nested queries', () => {
	it('m tokens are exactly the first m of all, at any m', () =>
		withModel('mqt-llava', 'main.visual_embeds', async (model, all) => {
			const picture = join(fixtures, 'golden/images/scene_200x150.png');
			const image = { id: picture, name: picture, bytes: new Uint8Array(await readFile(picture)) };
			const [projector] = Object.keys(model.manifest.projectors);
			expect(model.manifest.projectors[projector!]).toMatchObject({
				...{ tokens_by: 'prefix', most_tokens: 256, num_query_tokens: 256 }
			});
			for (const tokens of [1, 7, 100, 255]) {
				const { visual_embeds } = await model.trace({ projector: projector!, tokens, image });
				const width = visual_embeds!.dims[2]!;
				expect(visual_embeds!.dims).toEqual([1, tokens, width]);
				const scale = Math.max(...all.map(Math.abs));
				const off = Array.from(visual_embeds!.data as Float32Array, (value, i) => Math.abs(value - all[i]!));
				expect(Math.max(...off) / scale).toBeLessThanOrEqual(1e-5);
			}
			await expect(model.trace({ projector: projector!, tokens: 257, image })).rejects.toThrow(
				'choose a whole number from 1 to 256'
			);
		}));
});

describe('a prompt of a benchmark', () => {
	it('is asked within the family’s own template', () =>
		withModel('mobilevlm-v1', 'main.visual_embeds', async (model) => {
			const picture = join(fixtures, 'golden/images/scene_200x150.png');
			const images = [{ id: picture, name: picture, bytes: new Uint8Array(await readFile(picture)) }];
			const idsOf = async (request: Pick<AnswerRequest, 'turns' | 'raw_prompt' | 'own_template'>) => {
				const projector = Object.keys(model.manifest.projectors)[0]!;
				for await (const event of model.answer({
					...{ projector, ...request },
					sampling: { ...greedy, max_new_tokens: 1 }
				}))
					if (event.type === 'done') return event.result.prompt_ids;
				return [];
			};
			const raw_prompt = formatTemplate('mme', [{ question: 'Is it dark?' }], { imageCount: 1 });
			const question = 'Answer the question using a single word or phrase. Is it dark?';
			const asked = await idsOf({ turns: [{ question: '', images }], raw_prompt, own_template: true });
			const own = await idsOf({ turns: [{ question, images }] });
			expect(asked).toEqual(own);
			// As it stands it is another prompt.
			expect(await idsOf({ turns: [{ question: '', images }], raw_prompt })).not.toEqual(own);
		}));

	it('has pictures within the question and begins the answer where its words say so', () =>
		withModel('smolvlm-256m', 'main.visual_embeds', async (model) => {
			const picture = join(fixtures, 'golden/images/scene_200x150.png');
			const images = [{ id: picture, name: picture, bytes: new Uint8Array(await readFile(picture)) }];
			const projector = Object.keys(model.manifest.projectors)[0]!;
			const asked = async (request: Partial<AnswerRequest> & Pick<AnswerRequest, 'turns'>) => {
				const sampling = { ...greedy, max_new_tokens: 2 };
				for await (const event of model.answer({ projector, sampling, ...request }))
					if (event.type === 'done') return event.result;
				throw new Error('no answer');
			};
			const question = 'Question: <image 1>:<image>\nWhat is it?';
			const worded = await asked({
				...{ turns: [{ question, images }], pictures_within: true, answer_begins: ' Answer:' }
			});
			const raw_prompt = `<|im_start|>User: ${question}<end_of_utterance>\nAssistant: Answer:`;
			const whole = await asked({ turns: [{ question: '', images }], raw_prompt });
			expect(worded.prompt_ids).toEqual(whole.prompt_ids);
			expect(worded.text).toBe(whole.text);
			// Unasked for, a placeholder in a question is one too many.
			await expect(asked({ turns: [{ question, images }] })).rejects.toThrow(InputError);
		}));
});
