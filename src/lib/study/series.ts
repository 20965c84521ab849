import { localityMeasures, type LocalityMeasure } from '../analysis/locality.ts';
import type { Benchmark, Example } from '../benchmarks/benchmark.ts';
import type { ImagePreparer } from '../model/image/prepare.ts';
import { openRun } from '../benchmarks/run/record.ts';
import { scoreRun } from '../benchmarks/run/scored.ts';
import { memoryStorage } from '../benchmarks/run/storage.ts';
import { identify } from '../benchmarks/run/target.ts';
import { InputError } from '../tensor/errors.ts';
import type { Answerer } from './answerer.ts';
import { LocalityCache } from './cache.ts';
import { standardChoices, type Choices } from './choices.ts';
import type { Control } from './control.ts';
import { required, type FigureStudy } from './figure-study.ts';
import { recordedSet, setPhrase, type ImageSet } from './image-set.ts';
import { directionsPhrase, localityDistributionStudy } from './locality.ts';
import { standardMethod } from './measurement.ts';
import { hashExamples, runBenchmark } from './run.ts';
import type {
	Series,
	SeriesCheckpoint,
	SeriesProjector,
	SeriesSettings,
	SeriesValue
} from './series-file.ts';
import { subjectIn, type SubjectModel } from './subject.ts';

export interface CheckpointWork {
	readonly answerer: Answerer;
	readonly model: SubjectModel;
	readonly set: ImageSet;
	readonly directions: number;
	readonly benchmark?: {
		readonly benchmark: Benchmark;
		readonly examples: readonly Example[];
		readonly prepare?: ImagePreparer;
	};
}

/** Locality over the set and the benchmark's score, of one projector of each family. @throws as `Answerer` */
export async function measureCheckpoint(
	{ answerer, model, set, directions, benchmark }: CheckpointWork,
	control: Control = {}
): Promise<Pick<SeriesCheckpoint, 'model' | 'projectors'>> {
	const [image] = set.images;
	if (!image) throw new InputError('Locality is measured on pictures; give one at least.');
	const { manifest } = model;
	const first = Object.keys(manifest.projectors)[0]!;
	const subject = subjectIn(model, image, first)!;
	const work = { model, answerer, maps: new LocalityCache(answerer), subject, set };
	const choices: Choices = { ...standardChoices, method: standardMethod, directions };
	const measured = await localityDistributionStudy.measure(work, choices, control);
	const projectors: SeriesProjector[] = [];
	for (const { name, tokens, summary } of measured.projectors) {
		const locality: Partial<Record<LocalityMeasure, SeriesValue>> = {};
		for (const { measure, estimate, over } of summary) {
			const { value, low, high } = estimate;
			locality[measure] = { value, low, high, over, n: over === 'images' ? set.images.length : directions };
		}
		const score = benchmark && (await scoreOf(work, { projector: name, tokens }, benchmark, control));
		const { title } = manifest.projectors[name]!;
		projectors.push({ name, title, tokens, locality, ...(score && { score }) });
	}
	return { model: manifest.name, projectors };
}

async function scoreOf(
	{ answerer, model }: { readonly answerer: Answerer; readonly model: SubjectModel },
	target: { readonly projector: string; readonly tokens: number },
	{ benchmark, examples, prepare }: NonNullable<CheckpointWork['benchmark']>,
	{ signal, onProgress }: Control
): Promise<SeriesProjector['score']> {
	const data = await hashExamples(benchmark, examples);
	const identity = identify(benchmark, model.manifest, {
		...{ ...target, data, versions: {}, backend: model.backend.backend }
	});
	const record = await openRun(memoryStorage(), identity, benchmark);
	await runBenchmark({
		...{ benchmark, examples, targets: [{ ...target, record }], model: answerer },
		...(prepare && { prepare }),
		...(signal && { signal }),
		onProgress: ({ done, total }) => onProgress?.({ done, total })
	});
	signal?.throwIfAborted();
	const { report, interval, results } = scoreRun('', benchmark, record.manifest, record.results.values());
	const [headline] = report.scores;
	if (!headline) return undefined;
	const { value, unit } = headline;
	const most = { '%': 100, share: 1, points: undefined }[unit];
	const { low, high } = interval ?? { low: value, high: value };
	return { value, low, high, over: 'answers', n: results.length, ...(most !== undefined && { most }) };
}

/** What a series is measured by. */
export async function seriesSettings(
	{
		set,
		directions,
		benchmark,
		backend
	}: Pick<CheckpointWork, 'set' | 'directions' | 'benchmark'> & Pick<SeriesSettings, 'backend'>,
	score: string
): Promise<SeriesSettings> {
	return {
		...{ set: recordedSet(set), directions, method: standardMethod },
		...(backend !== undefined && { backend }),
		...(benchmark && {
			benchmark: {
				...{ name: benchmark.benchmark.name, score, examples: benchmark.examples.length },
				sha256: (await hashExamples(benchmark.benchmark, benchmark.examples)).sha256
			}
		})
	};
}

export const checkpointSeriesStudy = {
	page: 'benchmarks',
	needs: ['series'],
	choices: ['trend'],
	measure: (work) => Promise.resolve(required(work.series, 'series')),
	show: (series, { trend }) => {
		const { settings, checkpoints } = series;
		const { benchmark, set, directions, method = 'perturbation', backend } = settings;
		if (checkpoints.length === 0) throw new InputError('The series has no checkpoint yet.');
		if (trend === 'accuracy' && benchmark === undefined)
			throw new InputError(
				'The series has no accuracy; make it with "honeybee series --benchmark NAME", or choose a measure of locality.'
			);
		const points = checkpoints.flatMap(({ step, name, projectors }) =>
			projectors.flatMap((projector) => {
				const value = trend === 'accuracy' ? projector.score : projector.locality[trend];
				return value === undefined
					? []
					: [{ step, checkpoint: name, projector: projector.name, tokens: projector.tokens, ...value }];
			})
		);
		if (points.length === 0)
			throw new InputError(`No checkpoint of the series has a value of ${trend}; choose another measure.`);
		const unit = trend === 'accuracy' ? '' : localityMeasures[trend].unit;
		const most =
			trend === 'accuracy'
				? checkpoints[0]!.projectors.find(({ score }) => score)?.score?.most
				: unit === 'share'
					? 1
					: undefined;
		const images = { name: set.name, images: set.members } as unknown as ImageSet;
		return {
			rows: {
				points,
				measure:
					trend === 'accuracy'
						? benchmark!.score
						: `${localityMeasures[trend].title}${unit === '' ? '' : ` (${unit})`}`,
				projectors: [...new Set(points.map(({ projector }) => projector))],
				...(most !== undefined && { most })
			},
			provenance: `${[...new Set(checkpoints.map(({ model }) => model))].join(', ')} · ${checkpoints.length} checkpoints · ${setPhrase(images)}${benchmark ? ` · ${benchmark.name}, ${benchmark.examples} examples` : ''}${backend ? ` · ${backend}` : ''}`,
			method:
				trend === 'accuracy'
					? `${benchmark!.name}, greedy, the first ${benchmark!.examples} examples`
					: directionsPhrase(method, directions),
			set
		};
	}
} satisfies FigureStudy<Series>;
