import { defaultColumns, studyColumns, type ColumnChoice } from './columns.ts';
import type { Answerer } from './answerer.ts';
import type { FigureStudy, Work } from './figure-study.ts';
import type { MeasuredMaps } from './measurement.ts';
import type { ImageSet } from './image-set.ts';
import type { Subject } from './subject.ts';

export interface WorkParts {
	readonly answerer: Answerer;
	/** Maps measured before. */
	readonly maps: MeasuredMaps;
	/** The image through the projector at M. */
	readonly subject: Subject;
	/** The set that intervals are taken over. */
	readonly set: ImageSet;
	readonly question?: string | undefined;
	/** What is compared; `defaultColumns` when absent. */
	readonly columns?: readonly ColumnChoice[] | undefined;
	/** Of the model's projectors, by name. */
	readonly colours: Readonly<Record<string, string>>;
}

/** What a figure of one image is made of, with columns where it compares some: the same on the command line and in the gallery. */
export function imageWork({ needs }: Pick<FigureStudy, 'needs'>, parts: WorkParts): Work {
	const { answerer, maps, subject, set, question, colours } = parts;
	const { manifest, backend } = subject;
	return {
		...{ model: { manifest, backend }, answerer, maps, subject, set },
		...(question !== undefined && { question }),
		...(needs.includes('columns') && {
			columns: studyColumns(parts.columns ?? defaultColumns(manifest), { subject, answerer, maps }, colours)
		})
	};
}
