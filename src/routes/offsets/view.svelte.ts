import { untrack } from 'svelte';
import { pageState, Visit } from '$lib/workbench/frame/page-states.svelte.ts';
import type { KeptResults } from '$lib/workbench/figures/kept-results.ts';
import { PageSelection } from '$lib/workbench/figures/selection.svelte.ts';
import type { Session } from '$lib/workbench/session/session.ts';
import { Study } from '$lib/workbench/figures/study.svelte.ts';
import { subjectOf } from '$lib/workbench/figures/subject.ts';
import { contentShare, samples, splitOffsets, summariseSamples } from '$lib/analysis/offsets.ts';
import { standardChoices, type Choices } from '$lib/study/choices.ts';
import {
	measureSampling,
	offsetSplitStudy,
	samplerOf,
	samplingOffsetsStudy,
	type MeasuredSampling,
	type MeasuredSamplingSet
} from '$lib/study/sampling.ts';
import { imageSetKey } from '$lib/study/image-set.ts';
import { middleToken, oneOfEachFamily } from '$lib/study/tokens.ts';

/** State of the offsets page: which layer, head and token, and the way from one layer to the next. */
export class OffsetsView {
	/** How strongly the density covers the image. */
	opacity = $state(0.7);
	readonly visit = new Visit();
	readonly selection = new PageSelection();
	readonly study = new Study<MeasuredSampling>(12);
	/** The same projector over the set of images. */
	readonly set = new Study<MeasuredSamplingSet>(4);
	/** May lie between two layers while the layers are played. */
	position = $state(0);
	head = $state<number | 'all'>('all');
	/** Only the token chosen, or all. */
	only = $state<'all' | 'one'>('one');
	readonly #session: Session;
	readonly #results: KeptResults | undefined;

	constructor(session: Session, results?: KeptResults) {
		this.#session = session;
		this.#results = results;
		$effect(() => {
			if (this.visit.now) this.follow();
			else this.study.cancel();
		});
		$effect(() => {
			if (this.visit.now) void this.recallSet();
		});
	}

	readonly subject = $derived.by(() => subjectOf(this.#session));
	readonly sampler = $derived.by(() => this.subject && samplerOf(this.subject.entry));
	/** Projectors of the model that have sampling offsets, one of each family. */
	readonly others = $derived.by(() => {
		const { manifest, tokens } = this.#session.models;
		if (!manifest) return [];
		return oneOfEachFamily(manifest, tokens ?? 0).flatMap((name) => {
			const entry = manifest.projectors[name]!;
			return samplerOf(entry) ? [[name, entry] as const] : [];
		});
	});
	/** Images that habit and content are taken over. */
	readonly images = $derived.by(() => this.#session.sets.chosen);

	readonly layers = $derived.by(() => this.study.value?.sampler.layers ?? this.sampler?.layers ?? 1);
	/** The layer shown, or the nearer one on the way. */
	readonly layer = $derived.by(() => Math.min(this.layers - 1, Math.round(this.position)));
	readonly tokens = $derived.by(() => this.study.value?.subject.tokens ?? 0);
	/** The one token shown alone. */
	readonly token = $derived.by(() => {
		const { token } = this.selection.now;
		return token !== undefined && token < this.tokens ? token : middleToken(this.tokens);
	});
	/** As figures are made with now, the whole way between two layers included. */
	readonly choices = $derived.by((): Choices => ({
		...standardChoices,
		...{ layer: this.position, only: this.only },
		...(this.head !== 'all' && { head: this.head })
	}));
	/** The same of one token, where only one is shown. */
	readonly tokenChoices = $derived.by((): Choices =>
		this.only === 'one' ? { ...this.choices, token: this.token } : this.choices
	);
	/** The samples that are drawn. */
	readonly offsets = $derived.by(
		() => this.study.value && samplingOffsetsStudy.show(this.study.value, this.tokenChoices)
	);
	/** All samples of the layer. */
	readonly whole = $derived.by(() => {
		const trace = this.study.value?.trace;
		return trace && samples(trace, { layer: this.layer });
	});

	/** Numbers of every layer for this image, and the content-driven part where the set was measured. */
	readonly numbers = $derived.by(() => {
		const { value } = this.study;
		if (!value) return undefined;
		const { setNow: set } = this;
		return Array.from({ length: value.sampler.layers }, (_, layer) => ({
			layer,
			...summariseSamples(samples(value.trace, { layer })),
			content: set ? contentShare(splitOffsets(set.trace, { layer })) : NaN
		}));
	});

	readonly setKey = $derived.by(() => {
		const { subject, images } = this;
		if (!subject || !images) return undefined;
		const { manifest, projector, backend, tokens } = subject;
		return [manifest.name, manifest.dtype, backend.backend, projector, tokens, imageSetKey(images)].join('|');
	});
	/** The set as it was measured, when it is of the projector and images of now. */
	readonly setNow = $derived.by(() =>
		this.set.value && this.set.valueKey === this.setKey ? this.set.value : undefined
	);

	/** What is shown is of something else than chosen now. */
	readonly stale = $derived.by(
		() => this.study.value !== undefined && this.study.valueKey !== this.subject?.key
	);

	/** Samples what is looked at now, and again when that changes. */
	follow(): void {
		const { subject, sampler } = this;
		if (!subject || !sampler) return;
		untrack(
			() =>
				void this.study.run(subject.key, (control) =>
					measureSampling({ answerer: this.#session.client, subject }, standardChoices, control)
				)
		);
	}

	/** Shows what was sampled of the set before the page was loaded. */
	async recallSet(): Promise<void> {
		const { setKey, subject, sampler, images } = this;
		if (
			setKey === undefined ||
			!subject ||
			!sampler ||
			!images ||
			untrack(() => this.set.valueKey) === setKey
		)
			return;
		await untrack(() =>
			this.#results?.recall(this.set, setKey, subject.manifest, (value) => ({
				...(value as Omit<MeasuredSamplingSet, 'subject' | 'sampler' | 'set'>),
				...{ subject, sampler, set: images }
			}))
		);
	}

	async measureSet(): Promise<void> {
		const { setKey, sampler, subject, images } = this;
		if (setKey === undefined || !sampler || !subject || !images) return;
		await this.set.run(setKey, (control) =>
			offsetSplitStudy.measure(
				{ answerer: this.#session.client, subject, set: images },
				standardChoices,
				control
			)
		);
		await this.#results?.keep(
			this.set,
			setKey,
			subject.manifest,
			({ subject: _, sampler: __, set: ___, ...value }) => value
		);
	}
}

/** Kept from one visit to the next, with what was measured. */
export const getOffsetsView = pageState(({ session, results }) => new OffsetsView(session, results));
