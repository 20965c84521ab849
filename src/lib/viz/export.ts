import { csvFormatRows } from 'd3';
import type { Figure, FigureOptions } from './figure.ts';

/** Figure as an SVG file: vector cells, images inside the file. Colours and type are attributes already. */
export async function svgFile<Rows, Options extends object>(
	figure: Figure<Rows, Options>,
	rows: Rows,
	options: FigureOptions & Options
): Promise<string> {
	const svg = figure.draw(rows, { ...options, vector: true, emit: undefined });
	svg.querySelectorAll('.frame[visibility="hidden"]').forEach((element) => element.remove());
	for (const image of Array.from(svg.querySelectorAll('image'))) {
		const href = image.getAttribute('href');
		if (href && !href.startsWith('data:')) image.setAttribute('href', await inlined(href));
	}
	return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(svg)}\n`;
}

async function inlined(href: string): Promise<string> {
	const blob = await (await fetch(href)).blob();
	return new Promise((resolve, reject) => {
		const reader = new FileReader();
		reader.onload = () => resolve(String(reader.result));
		reader.onerror = () => reject(reader.error ?? new Error(`The image of the figure cannot be read.`));
		reader.readAsDataURL(blob);
	});
}

/** An SVG file as PNG, `scale` pixels to a CSS pixel, on `paper`. In the browser only. */
export async function pngFile(svg: string, paper: string, scale = 2): Promise<Blob> {
	const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
	try {
		const image = new Image();
		image.src = url;
		await image.decode();
		const canvas = document.createElement('canvas');
		canvas.width = Math.round(image.width * scale);
		canvas.height = Math.round(image.height * scale);
		const context = canvas.getContext('2d');
		if (!context) throw new Error('This browser gives no canvas to draw the PNG on; export SVG instead.');
		context.fillStyle = paper;
		context.fillRect(0, 0, canvas.width, canvas.height);
		context.drawImage(image, 0, 0, canvas.width, canvas.height);
		return await new Promise((resolve, reject) =>
			canvas.toBlob((blob) =>
				blob ? resolve(blob) : reject(new Error('The PNG is too large; export SVG instead.'))
			)
		);
	} finally {
		URL.revokeObjectURL(url);
	}
}

/** The figure's table as CSV (RFC 4180), empty where there is no number. */
export function csvFile<Rows, Options extends object>(figure: Figure<Rows, Options>, rows: Rows): string {
	const table = figure.table(rows);
	const cells = table.rows.map((row) => row.map((cell) => (Number.isNaN(cell) ? '' : `${cell}`)));
	return `${csvFormatRows([[...table.columns], ...cells])}\n`;
}
