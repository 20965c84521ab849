import { principalComponents, project } from '../analysis/pca.ts';
import { gridSide } from '../model/config.ts';
import type { NearestWords } from '../model/runtime/types.ts';
import type { TokenMatrix } from '../analysis/token-similarity.ts';
import { InputError } from '../tensor/errors.ts';
import type { Control } from './control.ts';
import { required, type FigureStudy, type StudyColumn, type Work } from './figure-study.ts';
import { recordedSet, setOfOne, setPhrase, type ImageSet } from './image-set.ts';
import { visualTokens } from './similarity.ts';
import { pictureOf, subjectIn, type Subject } from './subject.ts';
import { tokenGrid } from './tokens.ts';
import { viewTitle } from './views.ts';

/** Components that are kept; two of them are drawn. */
const COMPONENTS = 3;
/** Words for each visual token. */
const WORDS = 3;

/** Visual tokens of several projectors over several pictures, and the words nearest to those of the first picture. */
export interface MeasuredEmbedding {
	readonly set: ImageSet;
	/** Columns of one model. */
	readonly columns: readonly StudyColumn[];
	/** Columns of other models, which are other spaces. */
	readonly left: readonly StudyColumn[];
	/** Column by column, picture by picture. */
	readonly tokens: readonly {
		readonly column: number;
		readonly image: number;
		readonly subject: Subject;
		readonly matrix: TokenMatrix;
	}[];
	/** Of the tokens of the picture that is looked at, column by column. */
	readonly words: NearestWords;
}

/** The picture that is looked at, then the others of the set. */
function picturesOf({ subject, set }: { subject: Subject; set: ImageSet }) {
	return [subject.image, ...set.images.filter(({ id }) => id !== subject.image.id)];
}

/** @throws as `Answerer.trace` and `Answerer.nearestWords` */
export async function measureEmbedding(work: Work, control: Control): Promise<MeasuredEmbedding> {
	const subject = required(work.subject, 'image');
	const all = required(work.columns, 'columns');
	const [first] = all;
	if (!first) throw new InputError('There is no column; choose a projector.');
	const columns = all.filter(({ answerer, subject: own }, place) => {
		const same = (other: StudyColumn) =>
			other.subject.projector === own.projector && other.subject.tokens === own.tokens;
		// A column that shows what an earlier one shows would only lay the same points on each other.
		return answerer === first.answerer && all.findIndex(same) === place;
	});
	const set = work.set ?? setOfOne(subject.image);
	const pictures = picturesOf({ subject, set });
	const total = columns.length * pictures.length + 1;
	const tokens: MeasuredEmbedding['tokens'][number][] = [];
	for (const [column, { answerer, subject: own }] of columns.entries())
		for (const [image, picture] of pictures.entries()) {
			control.onProgress?.({ done: tokens.length, total });
			const of = subjectIn(own, picture, own.projector, own.tokens, image === 0 ? own.view : undefined)!;
			const matrix = await visualTokens(answerer, of.request, of.tokens, { signal: control.signal });
			tokens.push({ column, image, subject: of, matrix });
		}
	control.onProgress?.({ done: total - 1, total });
	const vectors = joined(tokens.filter(({ image }) => image === 0).map(({ matrix }) => matrix));
	const words = await first.answerer.nearestWords(
		{ vectors: vectors.data, words: WORDS },
		{ signal: control.signal }
	);
	control.onProgress?.({ done: total, total });
	return { set, columns, left: all.filter(({ answerer }) => answerer !== first.answerer), tokens, words };
}

function joined(matrices: readonly TokenMatrix[]): TokenMatrix {
	const width = matrices[0]!.width;
	const tokens = matrices.reduce((sum, one) => sum + one.tokens, 0);
	const data = new Float32Array(tokens * width);
	let at = 0;
	for (const one of matrices) {
		data.set(one.data, at);
		at += one.data.length;
	}
	return { tokens, width, data };
}

/** Components of what was measured; they take longer than a choice of colours should. */
const analysed = new WeakMap<MeasuredEmbedding, ReturnType<typeof analyse>>();

function analyse({ tokens, words }: MeasuredEmbedding) {
	const all = joined(tokens.map(({ matrix }) => matrix));
	const points = { n: all.tokens, width: all.width, data: all.data };
	const pca = principalComponents(points, COMPONENTS);
	const embeds = { n: words.embeds.data.length / all.width, width: all.width, data: words.embeds.data };
	return {
		explained: [...pca.explained],
		at: project(pca, points, COMPONENTS),
		wordsAt: project(pca, embeds, COMPONENTS),
		norms: Float32Array.from({ length: all.tokens }, (_, t) =>
			Math.sqrt(
				all.data.subarray(t * all.width, (t + 1) * all.width).reduce((sum, value) => sum + value * value, 0)
			)
		)
	};
}

export const tokenEmbeddingStudy = {
	page: 'compare',
	needs: ['model', 'image', 'columns', 'images'],
	choices: ['colour', 'axes'],
	slow: true,
	measure: (work, _choices, control) => measureEmbedding(work, control),
	show: (of, { colour, axes }) => {
		const { set, columns, left, tokens, words } = of;
		const known = analysed.get(of) ?? analyse(of);
		analysed.set(of, known);
		const { explained, at, wordsAt, norms } = known;
		const [first, second] = axes.split('-').map((axis) => Number(axis) - 1) as [number, number];
		const pictures = tokens.filter(({ column }) => column === 0).map(({ subject }) => pictureOf(subject));
		const looked = tokens[0]!.subject;
		let next = 0;
		let word = 0;
		const nearest = new Map<string, { x: number; y: number; count: number }>();
		const points = tokens.flatMap(({ column, image, subject, matrix }) => {
			const side = gridSide(subject.manifest.config.vision_config);
			const grid = tokenGrid(subject.entry, subject.tokens, side);
			return Array.from({ length: matrix.tokens }, (_, token) => {
				const row = next++;
				const mine = image === 0 ? words.words[word] : undefined;
				if (mine?.[0] !== undefined) {
					const known = nearest.get(mine[0]);
					nearest.set(mine[0], {
						x: wordsAt[word * COMPONENTS + first]!,
						y: wordsAt[word * COMPONENTS + second]!,
						count: (known?.count ?? 0) + 1
					});
				}
				const cosine = image === 0 ? words.cosines[word]?.[0] : undefined;
				if (image === 0) word++;
				return {
					...{ column, image, token, norm: norms[row]! },
					...{ x: at[row * COMPONENTS + first]!, y: at[row * COMPONENTS + second]! },
					...(grid && {
						place: [
							((token % grid.columns) + 0.5) / grid.columns,
							(Math.floor(token / grid.columns) + 0.5) / grid.rows
						] as const,
						grid: { rows: grid.rows, columns: grid.columns }
					}),
					...(mine && { words: mine.map((one) => one.trim()), cosine: cosine! })
				};
			});
		});
		return {
			rows: {
				...{ points, colour },
				axes: [first, second].map((axis) => ({
					component: axis + 1,
					explained: explained[axis] ?? 0
				})) as unknown as readonly [
					{ readonly component: number; readonly explained: number },
					{ readonly component: number; readonly explained: number }
				],
				columns: columns.map(({ name, colour }) => ({ name, colour })),
				pictures,
				words: [...nearest]
					.map(([text, place]) => ({ word: text.trim(), ...place }))
					.sort((a, b) => b.count - a.count)
			},
			// Of the picture that is looked at it is the chosen view, of the others the whole.
			provenance: `${columns.map(({ subject, letter }) => `${letter}: ${subject.entry.title}, M = ${subject.tokens}`).join('; ')} · ${columns[0]!.subject.manifest.name} · ${looked.views.length > 1 ? `${setPhrase(set)}, ${viewTitle(looked.views[looked.view]!)}${pictures.length > 1 ? ` of ${looked.image.name}` : ''}` : setPhrase(set)} · ${columns[0]!.subject.manifest.dtype} on ${columns[0]!.subject.backend.backend}`,
			method: `${points.length} visual tokens of ${columns.length === 1 ? '1 projector' : `${columns.length} projectors`} over ${pictures.length === 1 ? '1 picture' : `${pictures.length} pictures`}${left.length > 0 ? `; ${left.map(({ letter }) => letter).join(', ')} of another model left out` : ''}`,
			set: recordedSet({
				name: set.name,
				images: tokens.filter(({ column }) => column === 0).map(({ subject }) => subject.image)
			})
		};
	}
} satisfies FigureStudy<MeasuredEmbedding>;
