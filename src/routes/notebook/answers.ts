import { Lru } from '$lib/bytes/lru.ts';
import { encode } from 'fast-png';
import { shownUrl } from '$lib/model/image/shown.ts';
import { samples } from '$lib/analysis/offsets.ts';
import { tokenLocalities } from '$lib/analysis/locality.ts';
import { greedy } from '$lib/model/runtime/sampling.ts';
import type { Call, NotebookSubject } from '$lib/notebook/protocol.ts';
import { callKey } from '$lib/notebook/saved.ts';
import { generateScene, questions, renderScene } from '$lib/scenes/index.ts';
import { InputError } from '$lib/tensor/errors.ts';
import type { AnswerResult, ImageInput } from '$lib/model/runtime/types.ts';
import { openImage, type SessionImage } from '$lib/workbench/session/images.ts';
import { LocalityCache } from '$lib/study/cache.ts';
import { choices as settings, standardChoices, type Choices } from '$lib/study/choices.ts';
import { makeItem, missing, needs } from '$lib/study/figure-study.ts';
import { setOfOne } from '$lib/study/image-set.ts';
import { studies, studyOf } from '$lib/study/registry.ts';
import { imageWork } from '$lib/study/work.ts';
import { coloursOf } from '$lib/workbench/words/projectors.ts';
import { measureMap, tokenPatchMatrixStudy } from '$lib/study/locality.ts';
import { methods, standardMethod } from '$lib/study/measurement.ts';
import { measureSampling, referencePointsStudy, samplerOf } from '$lib/study/sampling.ts';
import { loadAtlas } from '$lib/workbench/session/samples.ts';
import type { Session } from '$lib/workbench/session/session.ts';
import { ask } from '$lib/study/ask.ts';
import type { Control } from '$lib/study/control.ts';
import { questionRequest } from '$lib/study/question.ts';
import { pictureOf } from '$lib/study/subject.ts';
import { pageState } from '$lib/workbench/frame/page-states.svelte.ts';
import { subjectOf, type Subject } from '$lib/workbench/figures/subject.ts';

/** Scenes that one call gives at most. */
const MOST_SCENES = 200;
/** Answers that are kept for a saved notebook. */
const MOST_KEPT = 300;

/** Answers what cells ask of the model. Everything that comes in is from a frame that is not trusted, and checked. */
export class NotebookAnswers {
	/** The last answers that cells were given, by `callKey`. */
	readonly given = new Lru<string, unknown>(MOST_KEPT);
	readonly #session: Session;
	readonly #maps: LocalityCache;
	readonly #base: string;
	/** Images made for cells, by name. */
	readonly #images = new Map<string, SessionImage>();
	/** Those that are being made; cells may ask for the same at once. */
	readonly #coming = new Map<string, Promise<SessionImage>>();

	/** @param base the site's root, an absolute URL with a trailing slash */
	constructor(session: Session, base: string) {
		this.#session = session;
		this.#maps = new LocalityCache(session.client);
		this.#base = base;
	}

	/** What is chosen at the left, with the image as the frame can show it. */
	subject(): NotebookSubject | undefined {
		const subject = subjectOf(this.#session);
		if (!subject) return undefined;
		const { manifest, projector, tokens, image } = subject;
		return {
			model: manifest.name,
			projector,
			projectors: Object.keys(manifest.projectors),
			tokens,
			image: { name: image.name, href: dataHref(image.bytes), width: image.width, height: image.height }
		};
	}

	/** Calls of several cells wait in the model's own queue. @throws InputError for what cannot be answered */
	async answer(name: Call, args: readonly unknown[], control: Control): Promise<unknown> {
		control.signal?.throwIfAborted();
		const value = await this.#answer(name, args, control);
		this.given.set(callKey(name, args), value);
		return value;
	}

	#answer(name: Call, args: readonly unknown[], control: Control): Promise<unknown> {
		const [first, second, third] = args;
		switch (name) {
			case 'ask':
				return this.#ask(text(first, 'model.ask takes a question'), optionsOf(second), control.signal);
			case 'trace':
				return this.#trace(first, optionsOf(second), control);
			case 'figure':
				return this.#figure(text(first, 'model.figure takes the id of a figure'), optionsOf(second), control);
			case 'file':
				return this.#file(text(first, 'model.file takes the name of a file'));
			case 'locality':
				return this.#locality(optionsOf(first), control);
			case 'offsets':
				return this.#offsets(optionsOf(first), control);
			case 'compare':
				return this.#compare(
					listOf(first),
					text(second, 'compare takes projectors and a question'),
					optionsOf(third),
					control
				);
			case 'sweep':
				return this.#sweep(
					text(first, 'sweep takes a projector, a list of M and a question'),
					second,
					text(third, 'sweep takes a question as its third value'),
					optionsOf(args[3]),
					control
				);
			case 'scenes':
				return this.#scenes(first, optionsOf(second));
		}
	}

	async #ask(
		question: string,
		options: Options,
		signal: AbortSignal | undefined
	): Promise<AnswerResult & { projector: string; tokens: number }> {
		const subject = this.#subject(options);
		const request = {
			...questionRequest(subject.request, question),
			sampling: { ...greedy, max_new_tokens: numberOf(options['max_new_tokens'], 1, 1024) ?? 64 }
		};
		const result = await ask(this.#session.client, request, { signal });
		return { ...result, projector: subject.projector, tokens: subject.tokens };
	}

	#trace(names: unknown, options: Options, { signal }: Control) {
		const wanted = names === undefined ? undefined : typeof names === 'string' ? [names] : listOf(names);
		const subject = this.#subject(options);
		return this.#session.client.trace({ ...subject.request, ...(wanted && { names: wanted }) }, { signal });
	}

	/** Any figure's rows by its study, as its page and the command line make them. */
	async #figure(id: string, options: Options, control: Control) {
		const study = studyOf(id);
		if (!study)
			throw new InputError(`There is no figure “${id}”; there are ${Object.keys(studies).join(', ')}.`);
		const chosen: Record<string, unknown> = { ...standardChoices };
		const { question } = options;
		for (const [name, value] of Object.entries(options)) {
			if (['projector', 'tokens', 'image', 'question'].includes(name)) continue;
			const known = study.choices.find((one) => one === name);
			if (known === undefined)
				throw new InputError(
					`The figure ${id} has no setting “${name}”; it takes ${study.choices.join(', ') || 'none'}.`
				);
			chosen[name] = settings[known].read(name, String(value));
		}
		const subject = this.#subject(options);
		const work = imageWork(study, {
			...{ answerer: this.#session.client, maps: this.#maps, subject, set: setOfOne(subject.image) },
			question: question === undefined ? undefined : text(question, 'The question is text'),
			colours: coloursOf(Object.keys(subject.manifest.projectors))
		});
		const need = missing(study, work);
		if (need !== undefined)
			throw new InputError(`The figure ${id} needs ${needs[need]}, which cells cannot give.`);
		const { rows, ...rest } = await makeItem(study, work, chosen as Choices, control);
		// A picture's address on the page is none in the frame.
		const drawn = rows as { readonly image?: object };
		const { set: _set, ...item } = rest;
		return {
			...item,
			rows: drawn.image ? { ...drawn, image: { ...drawn.image, href: dataHref(subject.image.bytes) } } : rows
		};
	}

	async #locality(options: Options, control: Control) {
		const subject = this.#subject(options);
		const method = methods.find((one) => one === (options['method'] ?? standardMethod));
		if (!method) throw new InputError(`locality has the methods ${methods.join(', ')}.`);
		const directions = numberOf(options['directions'], 1, 4096) ?? standardChoices.directions;
		const choices = { ...standardChoices, method, directions };
		const measured = await measureMap({ maps: this.#maps, subject }, choices, control);
		const { rows, provenance } = tokenPatchMatrixStudy.show(measured, choices);
		return {
			...rows,
			projector: subject.projector,
			provenance,
			measures: tokenLocalities(rows.map, rows.weighting, rows.homes),
			image: { ...pictureOf(subject), href: dataHref(subject.image.bytes) }
		};
	}

	async #offsets(options: Options, { signal }: Control) {
		const { projectors } = this.#manifest();
		const named =
			options['projector'] ?? Object.keys(projectors).find((name) => samplerOf(projectors[name]!));
		const subject = this.#subject({ ...options, projector: named });
		const measured = await measureSampling({ answerer: this.#session.client, subject }, standardChoices, {
			signal
		});
		const { trace, sampler } = measured;
		const { rows, provenance } = referencePointsStudy.show(measured, standardChoices);
		return {
			samples: samples(trace),
			references: rows.learned,
			tokens: subject.tokens,
			side: trace.side,
			layers: sampler.layers,
			heads: sampler.heads,
			points: sampler.points,
			image: { ...pictureOf(subject), href: dataHref(subject.image.bytes) },
			provenance
		};
	}

	async #compare(projectors: readonly string[], question: string, options: Options, control: Control) {
		const results = [];
		for (const projector of projectors) {
			results.push(await this.#ask(question, { ...options, projector, tokens: undefined }, control.signal));
			control.onProgress?.({ done: results.length, total: projectors.length });
		}
		return results;
	}

	async #sweep(projector: string, Ms: unknown, question: string, options: Options, control: Control) {
		if (!Array.isArray(Ms)) throw new InputError('sweep takes a list of M as its second value.');
		const results = [];
		for (const tokens of Ms) {
			results.push(await this.#ask(question, { ...options, projector, tokens }, control.signal));
			control.onProgress?.({ done: results.length, total: Ms.length });
		}
		return results;
	}

	async #scenes(count: unknown, options: Options) {
		const wanted = numberOf(count, 1, MOST_SCENES);
		if (wanted === undefined) throw new InputError(`scenes takes a number from 1 to ${MOST_SCENES}.`);
		const from = numberOf(options['from'], 0, 2 ** 27) ?? 0;
		const atlas = await loadAtlas(this.#base);
		const made = [];
		for (let seed = from; seed < from + wanted; seed++) {
			const scene = generateScene(seed, 'test');
			const name = `Scene ${seed}`;
			const image = await this.#made(name, () => {
				const { width, height, data } = renderScene(scene, atlas);
				return openImage(
					new Blob([new Uint8Array(encode({ width, height, data, channels: 4, depth: 8 }))]),
					name
				);
			});
			made.push({
				name,
				objects: scene.objects,
				questions: questions(scene, atlas.index).map(({ task, question, answer }) => ({
					task,
					question,
					answer
				})),
				image: { name, href: dataHref(image.bytes) }
			});
		}
		return made;
	}

	/** The image of that name, made once. */
	async #made(name: string, make: () => Promise<SessionImage>): Promise<SessionImage> {
		const known = this.#images.get(name);
		if (known) return known;
		const coming = this.#coming.get(name) ?? make();
		this.#coming.set(name, coming);
		try {
			const image = await coming;
			this.#images.set(name, image);
			return image;
		} finally {
			this.#coming.delete(name);
		}
	}

	async #file(name: string): Promise<unknown> {
		const { listing } = this.#session.models;
		if (!/^[\w.-]+\.json$/.test(name) || listing?.location.kind !== 'url')
			throw new InputError(
				'model.file reads JSON files of a model that the site serves, e.g. "evaluation.json".'
			);
		const response = await fetch(new URL(name, listing.location.url));
		if (!response.ok || !/json/.test(response.headers.get('content-type') ?? ''))
			throw new InputError(`The model has no file ${name}.`);
		return response.json();
	}

	#manifest() {
		const { manifest } = this.#session.models;
		if (!manifest) throw new InputError('No model is loaded yet; run the cell again when it is ready.');
		return manifest;
	}

	#subject(options: Options): Subject {
		const { projectors } = this.#manifest();
		const projector = options['projector'];
		if (projector !== undefined && (typeof projector !== 'string' || !Object.hasOwn(projectors, projector)))
			throw new InputError(
				`There is no projector “${typeof projector === 'string' ? projector : JSON.stringify(projector)}”; there are ${Object.keys(projectors).join(', ')}.`
			);
		const tokens = numberOf(options['tokens'], 1, 65536);
		const image = this.#image(options['image']);
		const subject = subjectOf(this.#session, {
			...(projector !== undefined && { projector }),
			...(tokens !== undefined && { tokens }),
			...(image && { image })
		});
		if (!subject)
			throw new InputError('No model is loaded, or no image chosen; run the cell again when they are.');
		return subject;
	}

	/** An image by name: one that `scenes` gave, or one of the workbench. */
	#image(value: unknown): SessionImage | undefined {
		if (value === undefined) return undefined;
		const named = typeof value === 'object' && value !== null && 'name' in value ? value.name : value;
		const { images } = this.#session;
		const found =
			typeof named === 'string'
				? (this.#images.get(named) ?? images.all.find(({ name }) => name === named))
				: undefined;
		if (!found)
			throw new InputError(
				`There is no image “${String(named)}”; give one that scenes() made, or the chosen one.`
			);
		return found;
	}
}

/** A saved notebook has the answers of before the reader looked at another page, too. */
export const getNotebookAnswers = pageState(({ session, base }) => new NotebookAnswers(session, base));

type Options = Readonly<Record<string, unknown>>;

function optionsOf(value: unknown): Options {
	if (value === undefined || value === null) return {};
	if (typeof value !== 'object' || Array.isArray(value))
		throw new InputError('Options are an object such as {projector: subject.projector, tokens: 36}.');
	return value as Options;
}

function text(value: unknown, words: string): string {
	if (typeof value !== 'string' || value.trim() === '') throw new InputError(`${words}.`);
	return value;
}

function listOf(value: unknown): readonly string[] {
	if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
		throw new InputError('A list of names is needed, such as subject.projectors.');
	return value;
}

function numberOf(value: unknown, low: number, high: number): number | undefined {
	if (value === undefined || value === null) return undefined;
	if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high)
		throw new InputError(
			`${typeof value === 'number' ? value : JSON.stringify(value)} is not a whole number from ${low} to ${high}.`
		);
	return value;
}

const hrefs = new WeakMap<Uint8Array, string>();

/** The image as a data: URL; the frame cannot fetch. */
function dataHref(bytes: ImageInput['bytes']): string {
	const known = hrefs.get(bytes);
	if (known !== undefined) return known;
	const href = shownUrl(bytes);
	hrefs.set(bytes, href);
	return href;
}
