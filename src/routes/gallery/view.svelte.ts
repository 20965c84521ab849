import { untrack } from 'svelte';
import { Mutex } from '$lib/model/runtime/mutex.ts';
import { addressOf } from '$lib/study/address.ts';
import { standardChoices } from '$lib/study/choices.ts';
import type { Control } from '$lib/study/control.ts';
import { missing, needs, showAt, type FigureStudy, type Work } from '$lib/study/figure-study.ts';
import { imageSetKey, setOfOne } from '$lib/study/image-set.ts';
import type { MeasuredMaps } from '$lib/study/measurement.ts';
import { studies, studyOf } from '$lib/study/registry.ts';
import { imageWork } from '$lib/study/work.ts';
import type { Figure } from '$lib/viz/figure.ts';
import { figures } from '$lib/viz/registry.ts';
import { getLocalityCache } from '$lib/workbench/figures/locality-cache.ts';
import { PageSelection } from '$lib/workbench/figures/selection.svelte.ts';
import { Study } from '$lib/workbench/figures/study.svelte.ts';
import { subjectOf } from '$lib/workbench/figures/subject.ts';
import { pageState } from '$lib/workbench/frame/page-states.svelte.ts';
import type { Session } from '$lib/workbench/session/session.ts';
import { coloursOf } from '$lib/workbench/words/projectors.ts';

/** State of the gallery: every figure that has a study, and what they share. */
export class GalleryView {
	/** All figures, or only those that can be made here. */
	show = $state<'all' | 'here'>('all');
	readonly selection = new PageSelection();
	/** In the order of the registry. */
	readonly entries: readonly GalleryEntry[];
	readonly #session: Session;
	readonly #maps: MeasuredMaps;

	constructor(session: Session, maps: MeasuredMaps) {
		this.#session = session;
		this.#maps = maps;
		const queue = new Mutex();
		this.entries = Object.keys(studies).map((id) => {
			const study = studyOf(id)!;
			const figure = figures.find((one) => one.id === id);
			if (!figure) throw new Error(`The study ${id} makes no figure.`);
			return new GalleryEntry(figure, study, this.selection, () => this.workFor(study), queue);
		});
	}

	readonly shown = $derived.by(() =>
		this.entries.filter(({ lacks }) => this.show === 'all' || lacks === undefined)
	);
	readonly subject = $derived.by(() => subjectOf(this.#session));
	/** What there is to make a figure of: the model, the image, the question asked last. */
	workFor(study: FigureStudy): Work {
		const { subject } = this;
		const { models, client, conversation, sets } = this.#session;
		if (!subject) return models.loaded ? { model: models.loaded, answerer: client, maps: this.#maps } : {};
		return imageWork(study, {
			...{ answerer: client, maps: this.#maps, subject, set: sets.chosen ?? setOfOne(subject.image) },
			question: conversation.exchanges.at(-1)?.question,
			colours: coloursOf(Object.keys(subject.manifest.projectors))
		});
	}
}

/** One figure of the gallery. It is made when it is looked at, and again when that changes; a slow one when it is asked for. */
export class GalleryEntry {
	readonly figure: Figure<unknown>;
	readonly study: FigureStudy;
	readonly run = new Study<{ readonly work: Work; readonly measured: unknown }>(4);
	/** Scrolled into view. */
	inView = $state(false);
	/** Key that a slow figure was asked for with. */
	#asked = $state<string | undefined>();
	readonly #selection: PageSelection;
	readonly #work: () => Work;
	readonly #queue: Mutex;

	/** @param queue figures are made one after the other: what one has measured another need not measure again */
	constructor(
		figure: Figure<unknown>,
		study: FigureStudy,
		selection: PageSelection,
		work: () => Work,
		queue: Mutex
	) {
		this.figure = figure;
		this.study = study;
		this.#selection = selection;
		this.#work = work;
		this.#queue = queue;
		$effect(() => {
			const key = this.#wanted;
			if (key === undefined) return;
			untrack(() => this.make());
			return () => this.run.cancel();
		});
	}

	readonly work = $derived.by(() => this.#work());
	/** Why it is not made here, a phrase after "needs" or a sentence; undefined when it can be, or as soon as a model is there. */
	readonly lacks = $derived.by((): { readonly need?: string; readonly obstacle?: string } | undefined => {
		const { work, study } = this;
		const need = missing(study, work);
		// The page says by itself that model or image are not there yet.
		if (need !== undefined) return need === 'model' || need === 'image' ? undefined : { need: needs[need] };
		const obstacle = study.obstacle?.(work);
		return obstacle === undefined ? undefined : { obstacle };
	});
	/** Names all that it is made of; undefined when something is missing. */
	readonly key = $derived.by((): string | undefined => {
		const { work, study, figure } = this;
		const { model, subject, question, columns, set } = work;
		if (!model || missing(study, work) !== undefined || this.lacks) return undefined;
		const has = (need: FigureStudy['needs'][number]) => study.needs.includes(need);
		return JSON.stringify([
			...[figure.id, model.manifest.name, model.manifest.dtype, model.backend.backend],
			...[has('image') && subject?.key, has('question') && question],
			...[has('images') && set && imageSetKey(set), columns?.map((column) => column.subject.key)]
		]);
	});
	readonly #wanted = $derived.by(() => {
		if (this.study.slow) return this.#asked === this.key ? this.key : undefined;
		return this.inView ? this.key : undefined;
	});
	/** The figure with the selection of now, as it is drawn and exported; of the subject before while the new one is made. */
	readonly shown = $derived.by(() => {
		const { study, run } = this;
		if (!run.value || this.lacks) return undefined;
		const { work, measured } = run.value;
		const selected = study.choices.some((name) => name === 'token' || name === 'word')
			? this.#selection.now
			: {};
		const { item, choices } = showAt(study, measured, selected);
		return { ...item, address: addressOf(study, work, choices) };
	});
	/** What is drawn is of another image, projector or question than chosen now. */
	readonly stale = $derived.by(() => this.run.value !== undefined && this.run.valueKey !== this.key);

	/** Makes a slow figure of what is chosen now. */
	ask(): void {
		this.#asked = this.key;
	}

	/** Makes it, as far as it is not made. */
	make(): void {
		const { key, work, study } = this;
		if (key === undefined) return;
		void this.run.run(key, async (control: Control) => {
			const done = await this.#queue.acquire('now', control.signal);
			try {
				const measured = await study.measure(work, standardChoices, control);
				control.signal?.throwIfAborted();
				// What cannot be shown fails here, where it is told.
				study.show(measured, standardChoices);
				return { work, measured };
			} finally {
				done();
			}
		});
	}
}

/** Kept from one visit to the next, with the figures that were made. */
export const getGalleryView = pageState(({ session }) => new GalleryView(session, getLocalityCache()));
