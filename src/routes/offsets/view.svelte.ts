import { untrack } from 'svelte';
import type { SessionImage } from '$lib/workbench/session/images.ts';
import { PageSelection } from '$lib/workbench/figures/selection.svelte.ts';
import type { Session } from '$lib/workbench/session/session.svelte.ts';
import { Study } from '$lib/workbench/figures/study.svelte.ts';
import { subjectOf, type Subject } from '$lib/workbench/figures/subject.ts';
import {
	betweenLayers,
	contentShare,
	initialReferencePoints,
	referencePlaces,
	samples,
	samplingDensity,
	splitOffsets,
	summariseSamples,
	type SampleFilter,
	type SamplingTrace
} from '$lib/analysis/offsets.ts';
import { sideOf } from '$lib/analysis/grid.ts';
import { oneOfEachFamily } from '$lib/workbench/session/tokens.ts';
import type { Sampler } from '$lib/model/projectors/definition.ts';
import { sample, samplerOf, sampleSet } from './sampling.ts';

/** Sampling of one image, with what it was made of. */
interface Shown {
	readonly subject: Subject;
	readonly sampler: Sampler;
	readonly trace: SamplingTrace;
}

/** State of the offsets page: which layer, head and token, and the way from one layer to the next. */
export class OffsetsView {
	readonly selection = new PageSelection();
	readonly study = new Study<Shown>(12);
	/** The same projector over the set of images. */
	readonly set = new Study<SamplingTrace>(4);
	/** May lie between two layers while the layers are played. */
	position = $state(0);
	head = $state<number | 'all'>('all');
	/** Only the token chosen, or all. */
	only = $state<'all' | 'one'>('one');
	readonly #session: Session;

	constructor(session: Session) {
		this.#session = session;
	}

	readonly subject = $derived.by(() => subjectOf(this.#session));
	readonly sampler = $derived.by(() => this.subject && samplerOf(this.subject.entry));
	/** Projectors of the model that have sampling offsets, one of each family. */
	readonly others = $derived.by(() => {
		const { manifest, tokens } = this.#session;
		if (!manifest) return [];
		return oneOfEachFamily(manifest, tokens ?? 0).flatMap((name) => {
			const entry = manifest.projectors[name]!;
			return samplerOf(entry) ? [[name, entry] as const] : [];
		});
	});
	readonly images = $derived.by((): readonly SessionImage[] => [
		...(this.#session.scenes ?? []),
		...this.#session.images
	]);

	readonly layers = $derived.by(() => this.study.value?.sampler.layers ?? this.sampler?.layers ?? 1);
	/** The layer shown, or the nearer one on the way. */
	readonly layer = $derived.by(() => Math.min(this.layers - 1, Math.round(this.position)));
	readonly tokens = $derived.by(() => this.study.value?.subject.tokens ?? 0);
	/** The one token shown alone. */
	readonly token = $derived.by(() => {
		const { token } = this.selection.now;
		const side = sideOf(this.tokens) ?? 1;
		return token !== undefined && token < this.tokens ? token : Math.floor(side / 2) * (side + 1);
	});
	readonly filter = $derived.by((): SampleFilter => ({
		...(this.head === 'all' ? {} : { head: this.head }),
		...(this.only === 'all' ? {} : { token: this.token })
	}));

	/** Samples drawn: of the layer, or between two of them. */
	readonly shown = $derived.by(() => {
		const trace = this.study.value?.trace;
		if (!trace) return undefined;
		const position = Math.min(this.layers - 1, this.position);
		const [from, part] = [Math.floor(position), position % 1];
		const at = (layer: number) => samples(trace, { ...this.filter, layer });
		return part === 0 ? at(from) : betweenLayers(at(from), at(from + 1), part);
	});
	/** All samples of the layer. */
	readonly whole = $derived.by(() => {
		const trace = this.study.value?.trace;
		return trace && samples(trace, { layer: this.layer });
	});
	readonly density = $derived.by(() => {
		const { value } = this.study;
		if (!value) return undefined;
		const rows = samples(value.trace, {
			layer: this.layer,
			...(this.head === 'all' ? {} : { head: this.head })
		});
		return {
			density: samplingDensity(rows, value.trace.side),
			total: rows.reduce((sum, { weight }) => sum + weight, 0)
		};
	});
	readonly reference = $derived.by(() => {
		const { value } = this.study;
		if (!value) return undefined;
		const learned = referencePlaces(value.trace);
		const square = sideOf(learned.length) !== undefined;
		return {
			learned,
			initial: square ? initialReferencePoints(learned.length, value.trace.side) : learned,
			side: value.trace.side
		};
	});

	/** Numbers of every layer for this image, and the content-driven part where the set was measured. */
	readonly numbers = $derived.by(() => {
		const { value } = this.study;
		if (!value) return undefined;
		const set = this.setTrace;
		return Array.from({ length: value.sampler.layers }, (_, layer) => ({
			layer,
			...summariseSamples(samples(value.trace, { layer })),
			content: set ? contentShare(splitOffsets(set, { layer })) : NaN
		}));
	});

	readonly setKey = $derived.by(() => {
		const { subject } = this;
		if (!subject) return undefined;
		const { manifest, projector, backend } = subject;
		return [
			manifest.name,
			manifest.dtype,
			backend.backend,
			projector,
			...this.images.map(({ id }) => id)
		].join('|');
	});
	/** The set's trace when it is of the projector and images of now. */
	readonly setTrace = $derived.by(() =>
		this.set.value && this.set.valueKey === this.setKey ? this.set.value : undefined
	);
	readonly split = $derived.by(
		() => this.setTrace && splitOffsets(this.setTrace, { ...this.filter, layer: this.layer })
	);

	/** Samples what is looked at now; call it in an effect. */
	follow(): void {
		const { subject, sampler } = this;
		if (!subject || !sampler) return;
		untrack(
			() =>
				void this.study.run(subject.key, async () => ({
					subject,
					sampler,
					trace: await sample(this.#session.client, subject, sampler)
				}))
		);
	}

	async measureSet(): Promise<void> {
		const { setKey, sampler } = this;
		if (setKey === undefined || !sampler) return;
		const subjects = this.images.flatMap((image) => subjectOf(this.#session, { image }) ?? []);
		await this.set.run(setKey, (control) => sampleSet(this.#session.client, subjects, sampler, control));
	}
}
