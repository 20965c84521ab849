import { isDeepStrictEqual } from 'node:util';
import { resolve } from 'node:path';
import type { Example } from '../../lib/benchmarks/benchmark.ts';
import { findBenchmark } from '../../lib/benchmarks/registry.ts';
import { openRun } from '../../lib/benchmarks/run/record.ts';
import { squashTo } from '../../lib/benchmarks/run/prepare.ts';
import { transparencyOf } from '../../lib/model/image/transparency.ts';
import { hashExamples, runBenchmark } from '../../lib/study/run.ts';
import { memoryStorage } from '../../lib/benchmarks/run/storage.ts';
import { identify } from '../../lib/benchmarks/run/target.ts';
import { wordingOf } from '../../lib/benchmarks/run/wording.ts';
import { HoneybeeModel } from '../../lib/model/runtime/model.ts';
import { openModelFolder } from '../../lib/model/runtime/model-folder.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import type { Terminal } from '../command.ts';
import { deviceOf, openDevice } from '../device.ts';
import { hashOnDisk } from '../hash-on-disk.ts';
import { decodeImage } from '../io/decode-image.ts';
import { openFolder } from '../io/disk.ts';
import { ImageThread } from '../io/image-thread.ts';
import { readExamples, readVersions } from './prepare.ts';
import type { ShardJob, ShardResults } from './queue.ts';

/** Where this machine has what the coordinator names otherwise. */
export interface ShardPlaces {
	readonly model: string | undefined;
	readonly data: string | undefined;
}

/** Answers shards with a model and data that stay loaded as long as the next shard needs the same. */
export class ShardAnswerer {
	readonly #places: ShardPlaces;
	readonly #terminal: Terminal;
	#model:
		| {
				readonly path: string;
				readonly device: string;
				readonly model: HoneybeeModel;
				readonly images: ImageThread;
				readonly close: () => Promise<void>;
		  }
		| undefined;
	#data:
		| {
				readonly key: string;
				readonly examples: readonly Example[];
				readonly hash: ShardJob['identity']['data'];
		  }
		| undefined;

	constructor(places: ShardPlaces, terminal: Terminal) {
		this.#places = places;
		this.#terminal = terminal;
	}

	/** @throws InputError when the model or the data here is not what the run was begun with */
	async answer(job: ShardJob): Promise<ShardResults> {
		const benchmark = findBenchmark(job.identity.benchmark);
		const { model, images } = await this.#load(job);
		const { examples, hash } = await this.#read(job);
		const { projector, tokens } = job.identity;
		const wording = wordingOf(benchmark, model.manifest, job.identity.wording ? 'own' : 'honeybee');
		const identity = identify(benchmark, model.manifest, {
			...{ projector, tokens, data: hash, backend: model.backend.backend, versions: await readVersions() },
			...(wording && { wording: wording.recorded })
		});
		if (!isDeepStrictEqual(JSON.parse(JSON.stringify(identity)), job.identity))
			throw new InputError(
				`A worker has another model, data or version than the run of ${benchmark.title} was begun with, or a processor that cannot compute in the same way; give it the same.`
			);
		const record = await openRun(memoryStorage(), identity, benchmark);
		const wanted = new Set(job.ids);
		await runBenchmark({
			benchmark,
			examples: examples.filter(({ id }) => wanted.has(id)),
			targets: [{ projector, tokens, record }],
			...(wording && { wording }),
			model,
			prepare: images.prepare
		});
		return { results: [...record.results.values()], skipped: [...record.skipped.values()] };
	}

	async dispose(): Promise<void> {
		await this.#model?.close();
		this.#model = undefined;
	}

	async #load(job: ShardJob): Promise<{ readonly model: HoneybeeModel; readonly images: ImageThread }> {
		const path = resolve(this.#places.model ?? job.model);
		const device = deviceOf(job.identity.backend);
		if (this.#model?.path === path && this.#model.device === device) return this.#model;
		await this.dispose();
		const folder = await openFolder(path);
		const modelFolder = await openModelFolder(folder, { hashInPlace: hashOnDisk(path) });
		const model = await HoneybeeModel.load({
			backend: await openDevice(device, path, modelFolder.manifest),
			folder: modelFolder,
			decodeImage,
			projector: job.identity.projector
		});
		const images = new ImageThread(squashTo(model.manifest), transparencyOf(model.manifest.image));
		const close = async () => {
			await images.close();
			await model.dispose();
			await folder.close();
		};
		this.#model = { path, device, model, images, close };
		return this.#model;
	}

	async #read(job: ShardJob) {
		const path = this.#places.data ?? job.data;
		const key = `${job.identity.benchmark} ${path ?? ''}`;
		if (this.#data?.key === key) return this.#data;
		const benchmark = findBenchmark(job.identity.benchmark);
		const examples = await readExamples(benchmark, path, this.#terminal);
		this.#data = { key, examples, hash: await hashExamples(benchmark, examples) };
		return this.#data;
	}
}
