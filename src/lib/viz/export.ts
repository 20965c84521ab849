import type { Figure, FigureOptions } from './figure.ts';
import { csvText } from './export/numbers.ts';
import { defaultPrint } from './export/print.ts';
import { printedFigure, svgText } from './export/svg-file.ts';

/** Figure as an SVG file, as wide as a column of a paper. The export menu offers more (`export/files.ts`). */
export async function svgFile<Rows, Options extends object>(
	figure: Figure<Rows, Options>,
	rows: Rows,
	options: FigureOptions & Options
): Promise<string> {
	return svgText(await printedFigure(figure, rows, options, defaultPrint));
}

/** The figure's table as CSV. */
export function csvFile<Rows, Options extends object>(figure: Figure<Rows, Options>, rows: Rows): string {
	return csvText(figure.table(rows));
}
