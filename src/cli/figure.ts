import { extname, resolve } from 'node:path';
import { toBase64 } from '../lib/bytes/base64.ts';
import type { View } from '../lib/model/image/processor.ts';
import { projectorStyles } from '../lib/model/projectors/registry.ts';
import { HoneybeeModel } from '../lib/model/runtime/model.ts';
import { openModelFolder } from '../lib/model/runtime/model-folder.ts';
import type { NodeBackendName } from '../lib/model/runtime/types.ts';
import { originOf } from '../lib/study/address.ts';
import { LocalityCache } from '../lib/study/cache.ts';
import { choices as settings, standardChoices, type ChoiceName, type Choices } from '../lib/study/choices.ts';
import { columnsFrom } from '../lib/study/columns.ts';
import {
	makeItem,
	needs,
	optionalNeeds,
	type FigureStudy,
	type Need,
	type Work
} from '../lib/study/figure-study.ts';
import { namesTogether } from '../lib/study/image-set.ts';
import { readComparison } from '../lib/study/comparison-file.ts';
import { studyOf } from '../lib/study/registry.ts';
import { readSeries } from '../lib/study/series-file.ts';
import { subjectIn, type SubjectImage } from '../lib/study/subject.ts';
import { viewsOf } from '../lib/study/views.ts';
import { imageWork } from '../lib/study/work.ts';
import { InputError } from '../lib/tensor/errors.ts';
import {
	exportFile,
	fullMethod,
	printedHeight,
	type Exportable,
	type ExportContext,
	type Format
} from '../lib/viz/export/files.ts';
import { embedInPng, readCapsule } from '../lib/viz/export/embed.ts';
import {
	defaultPrint,
	PAGE_HEIGHT,
	presets,
	type Cells,
	type PrintOptions
} from '../lib/viz/export/print.ts';
import type { FigurePanel } from '../lib/viz/figure.ts';
import { projectorColours } from '../lib/viz/palette.ts';
import { figures } from '../lib/viz/registry.ts';
import { number, parseOptions, positionals, type Command, type Terminal } from './command.ts';
import { deviceHelp, deviceOf, openDevice } from './device.ts';
import { nodeMeans } from './figure/pdf.ts';
import { readImage } from './figure/image.ts';
import { readRuns } from './figure/runs.ts';
import { readScene } from './figure/scene.ts';
import { hashOnDisk } from './hash-on-disk.ts';
import { decodeImage } from './io/decode-image.ts';
import { openFolder } from './io/disk.ts';
import { checkWritable, readTextFile, writeOutput } from './io/output.ts';

/** Bytes of an image file that still travels inside a figure. */
const SMALL_IMAGE = 256 * 1024;

const needOptions: Readonly<Record<Need, string>> = {
	model: '--model DIR',
	image: '--image FILE',
	question: '--question TEXT',
	columns: '--columns LIST',
	images: '--image FILE …',
	scene: '--scene SEED',
	run: '--run DIR',
	runs: '--run DIR …',
	series: '--series FILE',
	comparison: '--comparison FILE'
};

const settingNames = Object.keys(settings) as ChoiceName[];

const formats: Readonly<Record<string, Format>> = {
	'.svg': 'svg',
	'.pdf': 'pdf',
	'.png': 'png',
	'.csv': 'csv',
	'.json': 'json',
	'.npy': 'npy',
	'.tex': 'table.tex'
};

export const figure: Command = {
	synopsis: 'FIGURE [--model DIR --image FILE | --run DIR | --series FILE] --out FILE [options]',
	summary: 'Make a figure without a browser.',
	details: [
		'FIGURE                its id; --list tells all of them, with what each one needs',
		'--list                list the figures, what each needs and which settings it takes',
		'--model DIR           model folder made by honeybee convert',
		'--image FILE          PNG, JPEG, WebP, GIF, AVIF or BMP; further ones make the set of figures over several images',
		'--set NAME            what the set of images is called in the figure’s words (the files’ names)',
		'--out FILE            .svg, .pdf, .png, .csv, .json, .npy or .tex (a booktabs table); may be given several times',
		'--projector NAME      projector to use (the first of the model)',
		"--tokens M            visual tokens per image (the projector's own number)",
		'--view N              of a picture that the model cuts into tiles: the view in the order of its tokens, from 0 (the whole)',
		'--question TEXT       asked about the image, where the figure is about an answer',
		'--columns LIST        what is compared, e.g. d-abs:36,resampler (two projectors of the model)',
		...deviceHelp,
		'--scene SEED          scene of the embedded model\u2019s world that is swept (0)',
		'--run DIR             results of honeybee eval; may be given several times',
		'--series FILE         what honeybee series wrote',
		'--comparison FILE     what training.convergence.evidence wrote, such as the embedded model’s comparison.json',
		...settingNames.map((name) => `--${name}`.padEnd(22) + settings[name].about),
		`--width NAME          ${presets.map(({ id }) => id).join(', ')}, or inches (single)`,
		'--dpi N               of a PNG (300)',
		'--letter A            panel letter',
		'--panels LIST         panels that are printed, by id, e.g. inside,drift (all)',
		'--cells KIND          of maps: image (one pixel image, no seams) or shapes, to be edited (image)'
	],
	async run(args, terminal) {
		const { values, positionals: rest } = parseOptions({
			args: [...args],
			allowPositionals: true,
			options: {
				list: { type: 'boolean' },
				model: { type: 'string' },
				image: { type: 'string', multiple: true },
				set: { type: 'string' },
				out: { type: 'string', multiple: true },
				projector: { type: 'string' },
				tokens: { type: 'string' },
				view: { type: 'string' },
				question: { type: 'string' },
				columns: { type: 'string' },
				scene: { type: 'string' },
				device: { type: 'string' },
				run: { type: 'string', multiple: true },
				series: { type: 'string' },
				comparison: { type: 'string' },
				width: { type: 'string', default: 'single' },
				dpi: { type: 'string', default: '300' },
				letter: { type: 'string', default: '' },
				cells: { type: 'string', default: defaultPrint.cells },
				panels: { type: 'string' },
				...Object.fromEntries(settingNames.map((name) => [name, { type: 'string' as const }]))
			}
		});
		if (values.list) {
			positionals(rest);
			for (const line of list()) terminal.write(`${line}\n`);
			return true;
		}
		const [id] = positionals(rest, 'FIGURE');
		const study = studyOf(id);
		const drawn = figures.find((one) => one.id === id);
		if (!study || !drawn)
			throw new InputError(`"${id}" is not a figure; there are ${figures.map((one) => one.id).join(', ')}.`);
		const { out, model: path } = values;
		const given = {
			model: path,
			image: values.image,
			run: values.run,
			runs: values.run,
			series: values.series,
			comparison: values.comparison
		};
		for (const need of study.needs)
			if (need in given && given[need as keyof typeof given] === undefined)
				throw new InputError(`${needOptions[need]} is missing: ${id} needs ${needs[need]}. See --help.`);
		if (out === undefined) throw new InputError('--out FILE is missing. See --help.');
		for (const one of out)
			if (!formats[extname(one)])
				throw new InputError(`--out ${one}: the name ends in none of ${Object.keys(formats).join(', ')}.`);
		for (const one of out) await checkWritable(one);
		const chosen = readChoices(id, study, values);
		const preset = presets.find((one) => one.id === values.width);
		const paper: PrintOptions = {
			...defaultPrint,
			inches: preset?.inches ?? positive('--width', number('--width', values.width, 'number')),
			points: preset?.points ?? defaultPrint.points,
			dpi: positive('--dpi', number('--dpi', values.dpi)),
			letter: values.letter,
			cells: cellsOf(values.cells)
		};
		const pngs = out.filter((one) => formats[extname(one)] === 'png');
		// Nobody has to wait for a model to be told of a width; the height is known when the figure is drawn.
		for (const one of pngs) checkPixels(one, paper, 0);
		const device = deviceOf(values.device);
		const images = await Promise.all((values.image ?? []).map(readImage));
		const runs = values.run && (await readRuns(values.run));
		const opened =
			path === undefined
				? undefined
				: await openModel(path, { projector: values.projector, device }, terminal);
		try {
			const work: Work = {
				...(runs && { runs }),
				...(values.series !== undefined && {
					series: readSeries(await readTextFile(values.series, '--series'), values.series)
				}),
				...(values.comparison !== undefined && {
					comparison: readComparison(await readTextFile(values.comparison, '--comparison'), values.comparison)
				}),
				...(values.question !== undefined && { question: values.question }),
				...(study.needs.includes('scene') && {
					scene: await readScene(number('--scene', values.scene ?? '0'))
				}),
				...(opened && workOf(opened.model, images, study, values))
			};
			const item = await makeItem(study, work, chosen, {
				signal: terminal.signal,
				onProgress: ({ done, total }) => terminal.progress(`${id}: ${done} of ${total}`)
			});
			terminal.progress('');
			const [image] = images;
			const document = await makeDocument();
			const exportable: Exportable = {
				figure: drawn,
				rows: item.rows,
				options: { ...item.options, projectors: projectorStyles, document },
				selection: {},
				set: item.set,
				provenance: item.provenance,
				method: fullMethod(drawn, item.method, opened?.model.manifest.provenance.caveat),
				ordinal: 0
			};
			const panels = drawn.panels?.(item.rows as never) ?? [];
			const print = {
				...paper,
				...(values.panels !== undefined && { panels: panelsOf(values.panels, id, panels) })
			};
			const origin = originOf(study, work, chosen);
			const context: ExportContext = {
				print,
				application: 'command line',
				pdf: nodeMeans(document),
				origin: {
					...origin,
					...(origin.image &&
						image && {
							image: {
								...origin.image,
								...(image.bytes.length <= SMALL_IMAGE && { base64: toBase64(image.bytes) })
							}
						})
				}
			};
			const higher = printedHeight(exportable, print);
			for (const one of pngs) checkPixels(one, print, higher);
			if (higher > PAGE_HEIGHT)
				terminal.warn(
					`The figure is ${higher.toFixed(1)} in high, more than a page; choose more --width${panels.length > 1 ? ' or fewer --panels' : ''}.`
				);
			for (const one of out)
				await writeOutput(one, await bytesOf(exportable, formats[extname(one)]!, context));
			terminal.write(`${out.join(', ')}: ${drawn.title}\n`);
			return true;
		} finally {
			await opened?.close();
		}
	}
};

/** @throws InputError for 0 and less */
function positive(option: string, value: number): number {
	if (value > 0) return value;
	throw new InputError(`${option} is ${value}; give more than 0.`);
}

/** What sharp makes of an SVG at most: pixels on a side, and in all. */
const MOST_SIDE = 32_767;
const MOST_PIXELS = 16_383 ** 2;

/** @param height of the figure, inches @throws InputError for a PNG that is too large to be drawn */
function checkPixels(
	file: string,
	{ inches, dpi }: Pick<PrintOptions, 'inches' | 'dpi'>,
	height: number
): void {
	const [width, high] = [Math.round(inches * dpi), Math.round(height * dpi)];
	if (Math.max(width, high) <= MOST_SIDE && width * high <= MOST_PIXELS) return;
	const count = (pixels: number) => pixels.toLocaleString('en');
	throw new InputError(
		`${file} would be ${count(width)} pixels wide${high > 0 ? ` and ${count(high)} high` : ''} (${inches} in at ${dpi} pixels to the inch), ` +
			`and a PNG has ${count(MOST_SIDE)} on a side and ${count(MOST_PIXELS)} in all at most; give less --width or --dpi, or write .svg or .pdf.`
	);
}

function cellsOf(word: string): Cells {
	if (word === 'image' || word === 'shapes') return word;
	throw new InputError(`--cells is "${word}"; it is image or shapes.`);
}

/** Ids or titles of panels. @throws InputError for one that the figure does not have */
function panelsOf(words: string, id: string, panels: readonly FigurePanel[]): readonly string[] {
	return words.split(',').map((word) => {
		const found = panels.find((panel) => panel.id === word.trim() || panel.title === word.trim());
		if (!found)
			throw new InputError(
				`--panels: ${id} has no panel "${word.trim()}"; it has ${panels.map((panel) => panel.id).join(', ') || 'none'}.`
			);
		return found.id;
	});
}

/** Every figure with what it needs, one a line. */
function list(): string[] {
	return figures.map(({ id, title }) => {
		const study = studyOf(id);
		if (!study) throw new Error(`The figure ${id} has no study.`);
		const parts = study.needs.map((need) =>
			optionalNeeds.includes(need) ? `[${needOptions[need]}]` : needOptions[need]
		);
		const takes = study.choices.map((name) => `[--${name}]`);
		return `${id.padEnd(22)} ${title}\n${' '.repeat(23)}${[...parts, ...takes].join(' ')}`;
	});
}

/** @throws InputError for a setting that the figure does not take */
function readChoices(id: string, study: FigureStudy, given: Readonly<Record<string, unknown>>): Choices {
	const chosen: Record<string, unknown> = { ...standardChoices };
	for (const name of settingNames) {
		const word = given[name];
		if (typeof word !== 'string') continue;
		if (!study.choices.includes(name))
			throw new InputError(
				`--${name} is no setting of ${id}; it takes ${study.choices.map((one) => `--${one}`).join(', ') || 'none'}.`
			);
		chosen[name] = settings[name].read(`--${name}`, word);
	}
	return chosen as Choices;
}

interface Opened {
	readonly model: HoneybeeModel;
	close(): Promise<void>;
}

async function openModel(
	path: string,
	{ projector, device }: { readonly projector: string | undefined; readonly device: NodeBackendName },
	terminal: Terminal
): Promise<Opened> {
	const root = resolve(path);
	const folder = await openFolder(path);
	try {
		const modelFolder = await openModelFolder(folder, { hashInPlace: hashOnDisk(root) });
		const model = await HoneybeeModel.load({
			backend: await openDevice(device, root, modelFolder.manifest, terminal),
			folder: modelFolder,
			decodeImage,
			...(projector !== undefined && { projector }),
			onProgress: ({ what }) => terminal.progress(`loading ${what} …`)
		});
		return {
			model,
			async close() {
				await model.dispose();
				await folder.close();
			}
		};
	} catch (error) {
		await folder.close();
		throw error;
	}
}

/** @throws InputError for a view that the picture has not */
function viewIn(views: readonly View[], word: string | undefined): number | undefined {
	if (word === undefined) return undefined;
	const view = number('--view', word);
	if (view < 0 || view >= views.length)
		throw new InputError(
			`--view is ${view}, but the model sees this picture in ${views.length === 1 ? 'one view' : `views 0 to ${views.length - 1}`}.`
		);
	return view;
}

/** The model, and the images through it. @throws InputError for a projector or columns that it does not have */
function workOf(
	model: HoneybeeModel,
	images: readonly SubjectImage[],
	study: FigureStudy,
	values: {
		readonly projector?: string | undefined;
		readonly tokens?: string | undefined;
		readonly view?: string | undefined;
		readonly columns?: string | undefined;
		readonly set?: string | undefined;
	}
): Partial<Work> {
	const { manifest } = model;
	const maps = new LocalityCache(model);
	const projector = values.projector ?? Object.keys(manifest.projectors)[0]!;
	if (!Object.hasOwn(manifest.projectors, projector))
		throw new InputError(
			`The model has no projector "${projector}"; it has ${Object.keys(manifest.projectors).join(', ')}.`
		);
	const shown = { manifest, backend: model.backend };
	const [image] = images;
	if (!image) return { model: shown, answerer: model, maps };
	const tokens = values.tokens === undefined ? undefined : number('--tokens', values.tokens);
	return imageWork(study, {
		...{ answerer: model, maps },
		set: { name: values.set ?? namesTogether(images.map(({ name }) => name)), images },
		subject: subjectIn(shown, image, projector, tokens, viewIn(viewsOf(manifest, image), values.view))!,
		columns: values.columns === undefined ? undefined : columnsFrom(values.columns, manifest),
		colours: projectorColours(Object.keys(manifest.projectors), projectorStyles)
	});
}

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

/**
 * Figures are drawn with the means of a browser's document: jsdom's, not that of the lighter linkedom (0.18), which has no
 * XMLSerializer and so makes no SVG file.
 */
async function makeDocument(): Promise<Document> {
	const { JSDOM, VirtualConsole } = await import('jsdom');
	// It tells of canvases, which nobody needs here, on the console.
	return new JSDOM('', { virtualConsole: new VirtualConsole() }).window.document;
}
