import { untrack } from 'svelte';
import type { HeadChoice } from '$lib/analysis/attention-maps.ts';
import {
	coverage,
	summariseLocality,
	tokenLocalities,
	type LocalitySummary,
	type TokenLocality
} from '$lib/analysis/locality.ts';
import type { SessionImage } from '$lib/workbench/session/images.ts';
import { PageSelection } from '$lib/workbench/figures/selection.svelte.ts';
import type { Session } from '$lib/workbench/session/session.svelte.ts';
import { Study } from '$lib/workbench/figures/study.svelte.ts';
import { subjectOf, type Subject } from '$lib/workbench/figures/subject.ts';
import { oneOfEachFamily } from '$lib/workbench/session/tokens.ts';
import type { LocalityCache } from './cache.ts';
import {
	innerAttention,
	localityRows,
	measurementKey,
	methodPhrase,
	offers,
	type LayerChoice,
	type Measured,
	type Measurement,
	type Method
} from './methods.ts';

/** A measurement with what it was made of: it stays on the page while the next one is made. */
interface Shown {
	readonly measured: Measured;
	readonly subject: Subject;
	readonly measurement: Measurement;
}

/** A projector's locality over a set of images. */
export interface ProjectorSummary {
	readonly name: string;
	readonly summary: readonly LocalitySummary[];
}

/** State of the locality page: what is measured and how, the map, and what is pointed at. */
export class LocalityView {
	/** As chosen; `method` is what the projector offers of it. */
	chosen = $state<Method>('perturbation');
	directions = $state(2);
	layer = $state<LayerChoice>('rollout');
	head = $state<HeadChoice>('mean');
	readonly selection = new PageSelection();
	readonly study = new Study<Shown>(4);
	/** All projectors over a set of images. */
	readonly set = new Study<readonly ProjectorSummary[]>(8);
	readonly #session: Session;
	readonly #cache: LocalityCache;

	constructor(session: Session, cache: LocalityCache) {
		this.#session = session;
		this.#cache = cache;
	}

	readonly subject = $derived.by(() => subjectOf(this.#session));
	readonly method = $derived.by((): Method => {
		const { subject, chosen } = this;
		return subject && !offers(subject.entry, subject.tokens, subject.manifest, chosen)
			? 'perturbation'
			: chosen;
	});
	readonly inner = $derived.by(() => this.subject && innerAttention(this.subject.entry));

	/** The map shown now, with its numbers. */
	readonly rows = $derived.by(() => {
		const { value } = this.study;
		return (
			value && localityRows(value.measured, value.subject, value.measurement.method, this.layer, this.head)
		);
	});
	readonly localities = $derived.by((): readonly TokenLocality[] | undefined => {
		const { rows } = this;
		return rows && tokenLocalities(rows.map, rows.weighting, rows.homes);
	});
	readonly coverage = $derived.by(() => {
		const { rows } = this;
		return rows && coverage(rows.map, rows.weighting);
	});
	/** What was measured, for the figures' feet. */
	readonly phrase = $derived.by(() => {
		const { value } = this.study;
		return value && methodPhrase(value.subject.entry, value.measurement, this.layer, this.head);
	});
	/** The token shown large: the one pointed at, else one in the middle. */
	readonly token = $derived.by(() => {
		const M = this.rows?.map.tokens ?? 1;
		const { token } = this.selection.now;
		if (token !== undefined && token < M) return token;
		const side = Math.round(Math.sqrt(M));
		return Math.min(M - 1, Math.floor(side / 2) * side + Math.floor(side / 2));
	});

	/** Images that intervals are taken over: the sample scenes and what was put in. */
	readonly images = $derived.by((): readonly SessionImage[] => [
		...(this.#session.scenes ?? []),
		...this.#session.images
	]);

	/** Measures what is looked at now; call it in an effect. */
	follow(): void {
		const { subject, method, directions } = this;
		if (!subject) return;
		const measurement = { method, directions };
		untrack(
			() =>
				void this.study.run(measurementKey(subject, measurement), async (control) => ({
					measured: await this.#cache.get(subject, measurement, control),
					subject,
					measurement
				}))
		);
	}

	/** Key of the set's study for the choices made now. */
	readonly setKey = $derived.by(() => {
		const { subject, method, directions, layer, head } = this;
		if (!subject) return undefined;
		const measurement = { method, directions };
		return [
			measurementKey(subject, measurement),
			...(method === 'attention' ? [layer, head] : []),
			...this.images.map(({ id }) => id)
		].join('|');
	});

	/** Measures every projector that offers the method on every image. */
	async measureSet(): Promise<void> {
		const { setKey, method, layer, head } = this;
		const measurement = { method, directions: this.directions };
		if (setKey === undefined) return;
		const chosen = this.subject;
		if (!chosen) return;
		const names = oneOfEachFamily(chosen.manifest, chosen.tokens, chosen.projector);
		const subjects = names.map((projector) =>
			this.images.flatMap((image) => {
				const subject = subjectOf(this.#session, { projector, image });
				return subject && offers(subject.entry, subject.tokens, subject.manifest, method) ? [subject] : [];
			})
		);
		await this.set.run(setKey, async (control) => {
			const total = subjects.flat().length;
			let done = 0;
			const summaries: ProjectorSummary[] = [];
			for (const images of subjects) {
				const tokens: TokenLocality[][] = [];
				for (const subject of images) {
					control.signal?.throwIfAborted();
					control.onProgress?.({ done, total });
					const measured = await this.#cache.get(subject, measurement, {
						signal: control.signal,
						onProgress: () => undefined
					});
					const rows = localityRows(measured, subject, method, layer, head);
					tokens.push(tokenLocalities(rows.map, rows.weighting, rows.homes));
					done += 1;
				}
				if (tokens.length > 0)
					summaries.push({ name: images[0]!.projector, summary: summariseLocality(tokens) });
			}
			return summaries;
		});
	}
}
