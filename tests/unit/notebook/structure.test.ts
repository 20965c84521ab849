import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInThisContext } from 'node:vm';
import * as d3 from 'd3';
import { describe, expect, it } from 'vitest';
import { convertCommand } from '../../../src/cli/convert.ts';
import { decodeImage } from '../../../src/cli/io/decode-image.ts';
import { openFolder } from '../../../src/cli/io/disk.ts';
import { createNodeBackend } from '../../../src/cli/node-backend.ts';
import * as structure from '../../../src/lib/analysis/structure.ts';
import { openModelFolder } from '../../../src/lib/model/runtime/model-folder.ts';
import { HoneybeeModel } from '../../../src/lib/model/runtime/model.ts';
import { LocalityCache } from '../../../src/lib/study/cache.ts';
import { standardChoices } from '../../../src/lib/study/choices.ts';
import { measureMap, tokenPatchMatrixStudy, type Method } from '../../../src/lib/study/locality.ts';
import { subjectIn } from '../../../src/lib/study/subject.ts';
import { silent } from '../../support/golden-model.ts';

const root = new URL('../../../', import.meta.url).pathname;
const pictures = ['scene_200x150.png', 'odd_97x113.png'] as const;

interface Options {
	readonly method?: Method;
	readonly tokens?: number;
	readonly image: string;
}

/** The module cells of the notebook, one after the other, as an async function of the names that a notebook's frame gives. */
function cellsAsFunction(names: readonly string[]) {
	const text = readFileSync(join(root, 'static/notebooks/structure.html'), 'utf8');
	const cells = [...text.matchAll(/<script id="\d+" type="module"[^>]*>\n(.*?)\n {2}<\/script>/gs)].map(
		([, code = '']) => code
	);
	expect(cells.length).toBeGreaterThan(8);
	// Cells are expressions or statements; the last one here is an expression.
	return runInThisContext(`async (${names.join(', ')}) => {\n${cells.join(';\n')}\n}`) as (
		...values: readonly unknown[]
	) => Promise<void>;
}

/** What the notebook says of a golden checkpoint of a family, and its last table. */
async function told(name: string): Promise<{ readonly says: readonly string[]; readonly table: unknown }> {
	const set = join(root, 'tests/fixtures/families', name);
	const { config_dir, tower_dir } = JSON.parse(await readFile(join(set, 'golden.json'), 'utf8')) as Record<
		string,
		string
	>;
	const folder = await mkdtemp(join(tmpdir(), 'honeybee-notebook-'));
	const vision = tower_dir === undefined ? [] : ['--vision', join(set, tower_dir)];
	await convertCommand.run([join(set, config_dir!), folder, ...vision], silent);
	const source = await openFolder(folder);
	const backend = createNodeBackend(folder);
	const model = await HoneybeeModel.load({ backend, folder: await openModelFolder(source), decodeImage });
	try {
		const [projector = ''] = Object.keys(model.manifest.projectors);
		const maps = new LocalityCache(model);
		const imageOf = async (file: string) => {
			const bytes = new Uint8Array(await readFile(join(root, 'tests/fixtures/golden/images', file)));
			return { id: file, name: file, bytes, url: '' };
		};
		const subjectOf = async ({ image, tokens }: Options) =>
			subjectIn(
				{ manifest: model.manifest, backend: model.backend },
				await imageOf(image),
				projector,
				tokens
			)!;
		const locality = async (options: Options) => {
			const subject = await subjectOf(options);
			const choices = { ...standardChoices, method: options.method ?? standardChoices.method };
			const measured = await measureMap({ maps, subject }, choices, {});
			return tokenPatchMatrixStudy.show(measured, choices).rows;
		};
		const trace = async (names: string, options: Options) =>
			model.trace({ ...(await subjectOf(options)).request, names: [names] });
		const says: string[] = [];
		let table: unknown;
		const given = {
			subject: {
				...{ projector, projectors: [projector], image: { name: pictures[0] } },
				tokens: (await subjectOf({ image: pictures[0] })).tokens
			},
			...{ locality, model: { trace }, analysis: structure, d3 },
			scenes: async () => [{ image: { name: pictures[1] } }],
			md: (_: readonly string[], text: string) => text,
			display: (value: unknown) => void (typeof value === 'string' && says.push(value)),
			view: (value: unknown) => value,
			Inputs: { range: () => 0, table: (rows: unknown) => (table = rows) },
			...{ draw: () => ({}), width: 640 },
			document: { createElement: () => ({ style: '', append: () => undefined }) }
		};
		await cellsAsFunction(Object.keys(given))(...Object.values(given));
		return { says, table };
	} finally {
		await model.dispose();
		await source.close();
		await rm(folder, { recursive: true });
	}
}

/** Claims by what the notebook found, in the order of its table. */
const found = (table: unknown) => (table as readonly { readonly here: string }[]).map(({ here }) => here);

describe('the notebook on what architectures tie together says what was measured', () => {
	it('of a pixel shuffle: an exact map, and nothing of attention', async () => {
		const { says, table } = await told('smolvlm-256m');
		expect(found(table)).toEqual(['exact', 'one', 'another model', 'another model']);
		expect(says[0]).toContain('and in 0 of the others: on this picture the map is **exact**');
		expect(says[3]).toContain('and no other number. Load MQT-LLaVA.');
	});
	it('of TokenPacker: windows that are exact, attention that depends on the picture', async () => {
		const { table } = await told('tokenpacker');
		expect(found(table)).toEqual(['exact', 'one', 'depends on the picture', 'another model']);
	});
	it('of MQT-LLaVA: the same attention for every picture, and nested tokens', async () => {
		const { says, table } = await told('mqt-llava');
		expect(found(table)).toEqual(['another model', 'another model', 'the same', 'nested']);
		expect(says[2]).toContain('**the same** to the last digit');
	});
	it('of Kanana-1.5-v: two places, about half a picture apart, where tokens begin', async () => {
		const { says, table } = await told('kanana-v');
		expect(found(table)).toEqual([
			'where it begins',
			'35 tokens join several',
			'another model',
			'another model'
		]);
		// 14 columns: 6 or 8 from one strip to the other.
		expect(says[1]).toBe(
			'35 of 35 tokens join **2** places. From one to the other it is 48.98% of the picture’s width on average, 42.86% to 57.14%.'
		);
	});
});
