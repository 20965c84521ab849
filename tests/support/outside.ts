import { execFileSync, spawnSync } from 'node:child_process';
import sharp from 'sharp';
import { needProgram } from './apt.ts';

/** How far two pictures are from each other, in shares of black. */
export interface Distance {
	/** Mean over all pixels. */
	readonly mean: number;
	/** Largest difference of the mean ink of a tile; a label that is missing or elsewhere shows here. */
	readonly tile: number;
}

/** Sides of a tile, pixels. */
const TILE = 16;

/** Distance of two pictures on white, both at the size of the first. */
export async function distance(a: string | Buffer, b: string | Buffer): Promise<Distance> {
	const { width, height } = await sharp(a).metadata();
	const [one, two] = await Promise.all(
		[a, b].map((picture) =>
			sharp(picture)
				.flatten({ background: '#ffffff' })
				.resize(width, height, { fit: 'fill' })
				.greyscale()
				.blur(1)
				.raw()
				.toBuffer()
		)
	);
	let sum = 0;
	let largest = 0;
	for (let top = 0; top < height; top += TILE)
		for (let left = 0; left < width; left += TILE) {
			let ink = 0;
			let count = 0;
			for (let y = top; y < Math.min(top + TILE, height); y++)
				for (let x = left; x < Math.min(left + TILE, width); x++) {
					const difference = one![y * width + x]! - two![y * width + x]!;
					sum += Math.abs(difference);
					ink += difference;
					count++;
				}
			// Tiles cut by the edge are too small to tell ink from a shift of half a pixel.
			if (count === TILE * TILE) largest = Math.max(largest, Math.abs(ink) / count / 255);
		}
	return { mean: sum / one!.length / 255, tile: largest };
}

/** An SVG file as librsvg draws it, PNG. */
export function drawnByLibrsvg(path: string, dpi: number): Buffer {
	needProgram('rsvg-convert', 'librsvg2-bin', 'fonts-liberation');
	return execFileSync('rsvg-convert', ['-d', `${dpi}`, '-p', `${dpi}`, '-b', 'white', path], {
		maxBuffer: 1 << 28
	});
}

/** What poppler says of a PDF: its size, the pictures in it, the page as PNG, its fonts, its text, its attachments. */
export function readByPoppler(path: string, dpi: number) {
	needProgram('pdftoppm', 'poppler-utils', 'fonts-liberation');
	const run = (program: string, ...args: string[]) =>
		execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
	const [head = '', , ...lines] = run('pdffonts', path).trimEnd().split('\n');
	const embedded = head.indexOf('emb');
	const [, width, height] = /^Page size: +([\d.]+) x ([\d.]+) pts/m.exec(run('pdfinfo', path)) ?? [];
	return {
		inches: { width: Number(width) / 72, height: Number(height) / 72 },
		images: run('pdfimages', '-list', path).trimEnd().split('\n').length - 2,
		picture: execFileSync('pdftoppm', ['-r', `${dpi}`, '-png', '-singlefile', path], {
			maxBuffer: 1 << 28,
			stdio: ['ignore', 'pipe', 'ignore']
		}),
		fonts: lines.map((line) => ({
			name: line.split(' ')[0]!.replace(/^[A-Z]{6}\+/, ''),
			embedded: line.slice(embedded, embedded + 3) === 'yes'
		})),
		text: run('pdftotext', '-layout', path, '-'),
		attachments: run('pdfdetach', '-list', path)
	};
}

/** What pdfLaTeX says of a document. */
export interface Typeset {
	/** Errors and what does not fit, each a line of the log. */
	readonly complaints: readonly string[];
	readonly pages: number;
	readonly text: string;
}

/** Sets `<name>.tex` of a folder in pdfLaTeX, as often as its references need. */
export function typeset(folder: string, name: string): Typeset {
	needProgram('pdflatex', 'texlive-latex-base', 'texlive-latex-recommended');
	needProgram('pdftotext', 'poppler-utils');
	const options = ['-interaction=nonstopmode', '-file-line-error', '-no-shell-escape', name];
	let log = '';
	for (let run = 0; run < 3; run++)
		log = spawnSync('pdflatex', options, {
			cwd: folder,
			encoding: 'utf8',
			maxBuffer: 1 << 28,
			// Lines of the log are broken otherwise.
			env: { ...process.env, max_print_line: '1000' }
		}).stdout;
	return {
		complaints: log
			.split('\n')
			.filter((line) =>
				/^\S+:\d+: |^! |^Overfull|too large|multiply|undefined|Missing character|Fatal/.test(line)
			),
		pages: Number(/Output written on .*\((\d+) pages?/.exec(log)?.[1] ?? 0),
		text: execFileSync('pdftotext', ['-layout', `${name}.pdf`, '-'], { cwd: folder, encoding: 'utf8' })
	};
}

/**
 * Columns of pixels that are more than 12 of 255 brighter than both neighbours in many of the rows of a picture's upper part: seams.
 * @param size of the part, pixels
 */
async function seams(picture: Buffer, size: number): Promise<number> {
	const { data, info } = await sharp(picture)
		.flatten({ background: '#ffffff' })
		.extract({ left: 0, top: 0, width: size, height: size })
		.greyscale()
		.raw()
		.toBuffer({ resolveWithObject: true });
	const at = (x: number, y: number) => data[y * info.width + x]!;
	let count = 0;
	for (let x = 1; x < size - 1; x++) {
		let rows = 0;
		for (let y = 0; y < size; y++) if (at(x, y) - Math.max(at(x - 1, y), at(x + 1, y)) > 12) rows++;
		if (rows > size / 7) count++;
	}
	return count;
}

/** Seams of `<name>.svg` in librsvg and of `<name>.pdf` in poppler. */
export async function seamsOutside(
	name: string,
	dpi: number,
	size: number
): Promise<{ readonly svg: number; readonly pdf: number }> {
	return {
		svg: await seams(drawnByLibrsvg(`${name}.svg`, dpi), size),
		pdf: await seams(readByPoppler(`${name}.pdf`, dpi).picture, size)
	};
}

/** What other programs make of the files of one figure. */
export interface Outside {
	/** SVG in librsvg against Chromium's PNG. */
	readonly svg: Distance;
	/** PDF in poppler against Chromium's PNG. */
	readonly pdf: Distance;
	/** SVG in librsvg against a screenshot of the figure on the page. */
	readonly page: Distance;
	/** Of the PDF. */
	readonly inches: { readonly width: number; readonly height: number };
	/** Pixel images in the PDF. */
	readonly images: number;
	readonly fonts: readonly { readonly name: string; readonly embedded: boolean }[];
	readonly text: string;
	readonly attachments: string;
}

/** @param screenshot PNG, as wide as the figure is drawn before it is scaled to paper */
export async function seenOutside(name: string, dpi: number, screenshot: Buffer): Promise<Outside> {
	const librsvg = drawnByLibrsvg(`${name}.svg`, dpi);
	const { picture, ...poppler } = readByPoppler(`${name}.pdf`, dpi);
	const [svg, pdf, page] = await Promise.all([
		distance(`${name}.png`, librsvg),
		distance(`${name}.png`, picture),
		distance(screenshot, librsvg)
	]);
	return { svg, pdf, page, ...poppler };
}
