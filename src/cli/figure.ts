import { writeFile } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { dataUrl } from '../lib/bytes/data-url.ts';
import { sha256 } from '../lib/bytes/hash.ts';
import { patchSide, sideOf } from '../lib/analysis/grid.ts';
import { coverage } from '../lib/analysis/locality.ts';
import { tokenPatchMap } from '../lib/analysis/map.ts';
import {
	initialReferencePoints,
	referencePlaces,
	samples,
	samplingDensity,
	samplingNames,
	samplingTrace
} from '../lib/analysis/offsets.ts';
import { gridSide } from '../lib/model/config.ts';
import { projectorOf, projectorStyles } from '../lib/model/projectors/registry.ts';
import type { LocalityMethod } from '../lib/model/probes/locality.ts';
import { HoneybeeModel } from '../lib/model/runtime/model.ts';
import { openModelFolder } from '../lib/model/runtime/model-folder.ts';
import type { ImageInput } from '../lib/model/runtime/types.ts';
import { InputError } from '../lib/tensor/errors.ts';
import { exportFile, type Exportable, type ExportContext, type Format } from '../lib/viz/export/files.ts';
import { embedInPng, readCapsule } from '../lib/viz/export/embed.ts';
import { defaultPrint, presets } from '../lib/viz/export/print.ts';
import { figures } from '../lib/viz/registry.ts';
import { number, parseOptions, positionals, type Command, type Terminal } from './command.ts';
import { hashOnDisk } from './hash-on-disk.ts';
import { decodeImage } from './io/decode-image.ts';
import { openFile, openFolder } from './io/disk.ts';

/** What a figure's rows are made of. */
interface Source {
	readonly model: HoneybeeModel;
	readonly projector: string;
	readonly tokens: number;
	readonly token: number;
	readonly image: ImageInput;
	readonly href: string;
	readonly method: LocalityMethod;
	readonly directions: number;
	readonly terminal: Terminal;
}

const meanings = {
	perturbation: { label: 'Response', unit: 'rms per rms of the patch' },
	occlusion: { label: 'Change', unit: 'rms of the token' }
} as const;

async function mapOf(source: Source) {
	const { model, projector, tokens, image, method, directions, terminal } = source;
	const request = { projector, tokens, image, method, directions };
	const maps = await model.locality(request, {
		signal: terminal.signal,
		onProgress: ({ done, total }) => terminal.progress(`${method}: ${done} of ${total} runs`)
	});
	const map = maps.visual_embeds;
	if (!map) throw new Error('The model gave no map of its visual tokens.');
	const patches = map.dims[1]!;
	return { ...meanings[method], map: tokenPatchMap(tokens, patches, map.data.slice(0, tokens * patches)) };
}

async function sampled({ model, projector, tokens, image }: Source) {
	const { sampler } = projectorOf(model.manifest.projectors[projector]!.config);
	if (!sampler)
		throw new InputError(
			`The projector ${projector} samples nowhere in particular; choose one that samples the image.`
		);
	const trace = await model.trace({ projector, tokens, image, names: samplingNames(sampler) });
	const side = gridSide(model.manifest.config.vision_config);
	const sampling = samplingTrace(sampler, side, (name) => trace[name]!);
	return { side, sampling };
}

const pictureOf = ({ href, image }: Source) => ({ image: { href, name: image.name } });

/** Figures that one image makes, each with how its rows are made. */
const recipes: Readonly<Record<string, (source: Source) => Promise<unknown>>> = {
	'locality-grid': mapOf,
	'token-patch-matrix': mapOf,
	'token-map': async (source) => ({
		...(await mapOf(source)),
		token: source.token,
		weighting: 'energy',
		image: { href: source.href, name: source.image.name }
	}),
	coverage: async (source) => {
		const { map } = await mapOf(source);
		return {
			coverage: coverage(map, 'energy'),
			tokens: map.tokens,
			side: patchSide(map.patches),
			image: { href: source.href, name: source.image.name }
		};
	},
	'sampling-offsets': async (source) => {
		const { side, sampling } = await sampled(source);
		const { tokens, token } = source;
		return { side, tokens, samples: samples(sampling, { layer: 0, token }), ...pictureOf(source) };
	},
	'sampling-density': async (source) => {
		const { side, sampling } = await sampled(source);
		const rows = samples(sampling, { layer: 0 });
		const total = rows.reduce((sum, { weight }) => sum + weight, 0);
		return { density: samplingDensity(rows, side), total, ...pictureOf(source) };
	},
	'reference-points': async (source) => {
		const { side, sampling } = await sampled(source);
		const learned = referencePlaces(sampling);
		const square = sideOf(learned.length) !== undefined;
		const initial = square ? initialReferencePoints(learned.length, side) : learned;
		return { learned, initial, side, ...pictureOf(source) };
	}
};

/** The page of the workbench that shows the same figure. */
const pageOf = (id: string) => (/^(sampling|reference)-/.test(id) ? 'offsets' : 'locality');

const formats: Readonly<Record<string, Format>> = {
	'.svg': 'svg',
	'.png': 'png',
	'.csv': 'csv',
	'.json': 'json',
	'.npy': 'npy',
	'.tex': 'table.tex'
};

export const figure: Command = {
	synopsis: 'FIGURE --model DIR --image FILE --out FILE [options]',
	summary: 'Make a figure of one image without a browser.',
	details: [
		`FIGURE                ${Object.keys(recipes).join(', ')}`,
		'--model DIR           model folder made by honeybee convert',
		'--image FILE          PNG, JPEG or WebP',
		'--out FILE            .svg, .png, .csv, .json, .npy or .tex (a booktabs table); may be given several times',
		'--projector NAME      projector to use (the first of the model)',
		"--tokens M            visual tokens per image (the projector's own number)",
		'--token N             visual token of figures that show one (the middle one)',
		'--method NAME         perturbation or occlusion (perturbation)',
		'--directions K        random directions per patch (4)',
		`--width NAME          ${presets.map(({ id }) => id).join(', ')}, or inches (single)`,
		'--dpi N               of a PNG (300)',
		'--letter A            panel letter'
	],
	async run(args, terminal) {
		const { values, positionals: rest } = parseOptions({
			args: [...args],
			allowPositionals: true,
			options: {
				model: { type: 'string' },
				image: { type: 'string' },
				out: { type: 'string', multiple: true },
				projector: { type: 'string' },
				tokens: { type: 'string' },
				token: { type: 'string' },
				method: { type: 'string', default: 'perturbation' },
				directions: { type: 'string', default: '4' },
				width: { type: 'string', default: 'single' },
				dpi: { type: 'string', default: '300' },
				letter: { type: 'string', default: '' }
			}
		});
		const [id] = positionals(rest, 'FIGURE');
		const recipe = Object.hasOwn(recipes, id) ? recipes[id] : undefined;
		const drawn = figures.find((one) => one.id === id);
		if (!recipe || !drawn)
			throw new InputError(
				`"${id}" is not a figure of one image; there are ${Object.keys(recipes).join(', ')}.`
			);
		const { model: path, image: file, out, method } = values;
		if (path === undefined) throw new InputError('--model DIR is missing. See --help.');
		if (file === undefined) throw new InputError('--image FILE is missing. See --help.');
		if (out === undefined) throw new InputError('--out FILE is missing. See --help.');
		for (const one of out)
			if (!formats[extname(one)])
				throw new InputError(`--out ${one}: the name ends in none of ${Object.keys(formats).join(', ')}.`);
		if (method !== 'perturbation' && method !== 'occlusion')
			throw new InputError(`--method is "${method}"; it is perturbation or occlusion.`);
		const preset = presets.find((one) => one.id === values.width);
		const print = {
			...defaultPrint,
			inches: preset?.inches ?? number('--width', values.width, 'number'),
			points: preset?.points ?? defaultPrint.points,
			dpi: number('--dpi', values.dpi),
			letter: values.letter
		};
		const directions = number('--directions', values.directions);
		const image = await readImage(file);

		const folder = await openFolder(path);
		let model: HoneybeeModel | undefined;
		try {
			const root = resolve(path);
			const { createNodeBackend } = await import('./node-backend.ts');
			model = await HoneybeeModel.load({
				backend: createNodeBackend(root),
				folder: await openModelFolder(folder, { hashInPlace: hashOnDisk(root) }),
				decodeImage,
				...(values.projector !== undefined && { projector: values.projector })
			});
			const { manifest } = model;
			const projector = values.projector ?? Object.keys(manifest.projectors)[0]!;
			const entry = manifest.projectors[projector];
			if (!entry)
				throw new InputError(
					`The model has no projector "${projector}"; it has ${Object.keys(manifest.projectors).join(', ')}.`
				);
			const tokens = values.tokens === undefined ? entry.num_query_tokens : number('--tokens', values.tokens);
			const token = values.token === undefined ? Math.floor(tokens / 2) : number('--token', values.token);
			if (token < 0 || token >= tokens)
				throw new InputError(`--token ${token}: there are tokens 0 to ${tokens - 1}.`);
			const href = dataUrl(image.bytes);
			const rows = await recipe({
				...{ model, projector, tokens, token, image, href, method, directions, terminal }
			});
			terminal.progress('');
			const item: Exportable = {
				figure: drawn,
				rows,
				options: { document: await makeDocument(), projectors: projectorStyles },
				selection: {},
				provenance: `${manifest.name} · ${entry.title}, M = ${tokens} · ${image.name} · ${manifest.dtype} on node`,
				method: `${pageOf(id) === 'offsets' ? 'layer 0, all heads' : method === 'perturbation' ? `perturbation, K = ${directions}` : method}. ${drawn.method}`,
				ordinal: 0
			};
			const context: ExportContext = {
				print,
				application: 'command line',
				origin: {
					address: `${pageOf(id)}?${new URLSearchParams({
						projector,
						tokens: `${tokens}`,
						select: `token.${token}`,
						...(pageOf(id) === 'locality' && { method, directions: `${directions}` })
					})}`,
					model: {
						name: manifest.name,
						dtype: manifest.dtype,
						files: Object.fromEntries(manifest.files.map(({ path, sha256 }) => [path, sha256]))
					},
					backend: 'node',
					projector,
					tokens,
					image: { id: image.id, name: image.name }
				}
			};
			for (const one of out) await write(one, await bytesOf(item, formats[extname(one)]!, context), terminal);
			return true;
		} finally {
			await model?.dispose();
			await folder.close();
		}
	}
};

/** PNG is made of the SVG by librsvg; everything else is the same code as in the browser. */
async function bytesOf(item: Exportable, format: Format, context: ExportContext): Promise<Uint8Array> {
	if (format !== 'png') return exportFile(item, format, context);
	const svg = await exportFile(item, 'svg', context);
	const { default: sharp } = await import('sharp');
	const { dpi, inches } = context.print;
	// sharp scales by density / 72 what librsvg already makes density pixels to the inch.
	const png = await sharp(svg, { density: Math.sqrt(72 * dpi) })
		.resize({ width: Math.round(inches * dpi) })
		.flatten({ background: '#ffffff' })
		.png()
		.toBuffer();
	return embedInPng(png, readCapsule(svg), dpi);
}

/** Figures are drawn with the means of a browser's document. */
/** jsdom and not the lighter linkedom (0.18), which has no XMLSerializer and so makes no SVG file. */
async function makeDocument(): Promise<Document> {
	const { JSDOM } = await import('jsdom');
	return new JSDOM('').window.document;
}

async function write(path: string, bytes: Uint8Array, terminal: Terminal): Promise<void> {
	try {
		await writeFile(path, bytes);
		terminal.note(path);
	} catch (error) {
		throw new InputError(
			`The figure cannot be written to ${path} (${(error as NodeJS.ErrnoException).code}); choose another file.`
		);
	}
}

async function readImage(path: string): Promise<ImageInput> {
	const file = await openFile(path);
	try {
		const bytes = await file.read(0, file.size);
		return { id: await sha256(bytes), bytes, name: basename(path) };
	} finally {
		await file.close();
	}
}
