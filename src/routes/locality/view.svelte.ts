import { untrack } from 'svelte';
import type { HeadChoice } from '$lib/analysis/attention-maps.ts';
import { tokenLocalities, type TokenLocality } from '$lib/analysis/locality.ts';
import { DIRECTIONS, firstLook, standardChoices, type Choices } from '$lib/study/choices.ts';
import type { Control } from '$lib/study/control.ts';
import { imageSetKey } from '$lib/study/image-set.ts';
import {
	exactDirections,
	innerAttention,
	localityDistributionStudy,
	mapCost,
	mapRows,
	measureMap,
	measurementKey,
	offers,
	tokenPatchMatrixStudy,
	type LayerChoice,
	type MeasuredMap,
	type MeasuredSet,
	type Method
} from '$lib/study/locality.ts';
import { isDirected, standardMethod, type MeasuredMaps } from '$lib/study/measurement.ts';
import { subjectIn } from '$lib/study/subject.ts';
import { coverageTogetherStudy, nothingTogether, type MeasuredViews } from '$lib/study/together.ts';
import { middleToken } from '$lib/study/tokens.ts';
import { getLocalityCache } from '$lib/workbench/figures/locality-cache.ts';
import type { KeptResults } from '$lib/workbench/figures/kept-results.ts';
import { PageSelection } from '$lib/workbench/figures/selection.svelte.ts';
import { Study } from '$lib/workbench/figures/study.svelte.ts';
import { subjectOf } from '$lib/workbench/figures/subject.ts';
import { pageState, Visit } from '$lib/workbench/frame/page-states.svelte.ts';
import { plural } from '$lib/workbench/words/format.ts';
import type { Session } from '$lib/workbench/session/session.ts';

/** Directions that the page offers at most: of a small model all there are. */
export const MOST_DIRECTIONS = 512;

/** State of the locality page: what is measured and how, the map, and what is pointed at. */
export class LocalityView {
	/** As chosen; `method` is what the projector offers of it. */
	chosen = $state<Method>(standardMethod);
	directions = $state(DIRECTIONS);
	layer = $state<LayerChoice>('rollout');
	head = $state<HeadChoice>('mean');
	/** How strongly maps cover their image. */
	opacity = $state(0.7);
	/** Of the maps of all tokens: each its own scale, or one for all. */
	scale = $state<'own' | 'common'>('own');
	/** What the image is filled with. */
	covered = $state<'cover' | 'dominance' | 'effectiveTokens'>('cover');
	readonly visit = new Visit();
	readonly selection = new PageSelection();
	readonly study = new Study<MeasuredMap>(4);
	/** All projectors over a set of images. */
	readonly set = new Study<MeasuredSet>(8);
	/** All views of the picture, where it is cut into tiles. */
	readonly views = new Study<MeasuredViews>(4);
	readonly #session: Session;
	readonly #results: KeptResults | undefined;
	readonly #maps: MeasuredMaps;

	constructor(session: Session, maps: MeasuredMaps, results?: KeptResults) {
		this.#session = session;
		this.#results = results;
		this.#maps = maps;
		$effect(() => {
			if (this.visit.now) this.follow();
			else this.study.cancel();
		});
		$effect(() => {
			if (this.visit.now) void this.recallSet();
		});
	}

	readonly subject = $derived.by(() => subjectOf(this.#session));
	readonly method = $derived.by((): Method => {
		const { subject, chosen } = this;
		return subject && !offers(subject.entry, subject.tokens, subject.manifest, chosen)
			? standardMethod
			: chosen;
	});
	/** All directions there are, where a map of them is exact and is not too long in coming. */
	readonly allDirections = $derived.by(() => {
		const { subject, method } = this;
		const all = subject && exactDirections(subject.entry, method);
		return all !== undefined && all <= MOST_DIRECTIONS ? all : undefined;
	});
	/** What a map takes, in words. */
	readonly runs = $derived.by(() => {
		const { subject, method, directions } = this;
		return subject && `${plural(...mapCost(subject, method, directions))} a map`;
	});
	readonly inner = $derived.by(() => this.subject && innerAttention(this.subject.entry));

	/** As figures are made with now. */
	readonly choices = $derived.by((): Choices => {
		const { method, directions, layer, head } = this;
		return {
			...standardChoices,
			...{ method, directions },
			...(layer !== 'rollout' && { layer }),
			...(head !== 'mean' && { head })
		};
	});

	/** The map shown now, with its numbers. */
	readonly rows = $derived.by(() => this.study.value && mapRows(this.study.value, this.choices));
	readonly localities = $derived.by((): readonly TokenLocality[] | undefined => {
		const { rows } = this;
		return rows && tokenLocalities(rows.map, rows.weighting, rows.homes);
	});
	/** What was measured, for the figures' feet. */
	readonly phrase = $derived.by(
		() => this.study.value && tokenPatchMatrixStudy.show(this.study.value, this.choices).method
	);
	/** The token shown large: the one pointed at, else one in the middle. */
	readonly token = $derived.by(() => {
		const M = this.rows?.map.tokens ?? 1;
		const { token } = this.selection.now;
		if (token !== undefined && token < M) return token;
		return middleToken(M, this.rows?.map.grid);
	});

	/** Images that intervals are taken over. */
	readonly images = $derived.by(() => this.#session.sets.chosen);

	/** Names the map that is to be shown. */
	readonly key = $derived.by(() => this.subject && measurementKey(this.subject, this.choices));
	/** What is shown is of something else than chosen now. */
	readonly stale = $derived.by(() => this.study.value !== undefined && !this.study.isOf(this.key));

	/** Measures what is looked at now, and again when that changes. */
	follow(): void {
		const { subject, choices, key } = this;
		if (!subject || key === undefined) return;
		const measureBy = (by: Choices) => (control: Control) =>
			measureMap({ maps: this.#maps, subject }, by, control);
		const look = isDirected(choices.method) ? firstLook(choices) : undefined;
		untrack(() => {
			const { value } = this.study;
			// Another K of the same is a better one.
			const isKnown =
				this.#maps.has(subject, choices) ||
				(value?.subject.key === subject.key && value.measurement.method === choices.method);
			const first =
				look && !isKnown ? { key: measurementKey(subject, look), compute: measureBy(look) } : undefined;
			void this.study.run(key, measureBy(choices), first);
		});
	}

	/** Key of the set's study for the choices made now. */
	readonly setKey = $derived.by(() => {
		const { subject, method, directions, layer, head, images } = this;
		if (!subject || !images) return undefined;
		const measurement = { method, directions };
		return [
			measurementKey(subject, measurement),
			...(method === 'attention' ? [layer, head] : []),
			imageSetKey(images)
		].join('|');
	});

	/** Shows what was measured of the set before the page was loaded. */
	async recallSet(): Promise<void> {
		const { setKey, subject, images } = this;
		if (setKey === undefined || !subject || !images || untrack(() => this.set.valueKey) === setKey) return;
		await untrack(() =>
			this.#results?.recall(this.set, setKey, subject.manifest, (value) => ({
				...(value as Omit<MeasuredSet, 'subject' | 'set'>),
				...{ subject, set: images }
			}))
		);
	}

	/** Whether the picture has several views, to be laid on it together. */
	readonly severalViews = $derived.by(() => {
		const { subject } = this;
		return subject !== undefined && nothingTogether({ subject }) === undefined;
	});
	/** Names the maps of all views. */
	readonly viewsKey = $derived.by(() => {
		const { subject, choices, severalViews } = this;
		if (!subject || !severalViews) return undefined;
		const { image, projector, tokens } = subject;
		// The same whichever view the other figures show.
		const first = subjectIn(subject, image, projector, tokens, 0);
		return first && measurementKey(first, choices);
	});
	readonly together = $derived.by(
		() => this.views.value && coverageTogetherStudy.show(this.views.value, this.choices)
	);

	/** Measures every view of the picture. */
	async measureViews(): Promise<void> {
		const { viewsKey, subject, choices } = this;
		if (viewsKey === undefined || !subject) return;
		await this.views.run(viewsKey, (control) =>
			coverageTogetherStudy.measure({ maps: this.#maps, subject }, choices, control)
		);
	}

	/** Measures every projector that offers the method on every image. */
	async measureSet(): Promise<void> {
		const { setKey, subject, choices, images } = this;
		if (setKey === undefined || !subject || !images) return;
		await this.set.run(setKey, (control) =>
			localityDistributionStudy.measure({ maps: this.#maps, subject, set: images }, choices, control)
		);
		await this.#results?.keep(
			this.set,
			setKey,
			subject.manifest,
			({ subject: _, set: __, ...value }) => value
		);
	}
}

/** Kept from one visit to the next, with what was measured. */
export const getLocalityView = pageState(
	({ session, results }) => new LocalityView(session, getLocalityCache(), results)
);
