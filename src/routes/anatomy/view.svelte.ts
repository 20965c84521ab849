import { untrack } from 'svelte';
import { shareDistance, tokenLocalities } from '$lib/analysis/locality.ts';
import { mean, median } from '$lib/analysis/statistics.ts';
import { projectorOf } from '$lib/model/projectors/registry.ts';
import { firstLook, standardChoices, type Choices } from '$lib/study/choices.ts';
import type { Control } from '$lib/study/control.ts';
import { measureStages, stagesKey, stagesOf, type MeasuredStages } from '$lib/study/stages.ts';
import { imageSetKey, setOfOne } from '$lib/study/image-set.ts';
import {
	attentionDistanceStudy,
	measureDistances,
	measureTower,
	towerAttentionStudy,
	type MeasuredDistances,
	type MeasuredTower
} from '$lib/study/tower.ts';
import { middleToken } from '$lib/study/tokens.ts';
import { PageSelection } from '$lib/workbench/figures/selection.svelte.ts';
import { Study } from '$lib/workbench/figures/study.svelte.ts';
import { subjectOf } from '$lib/workbench/figures/subject.ts';
import { pageState, Visit } from '$lib/workbench/frame/page-states.svelte.ts';
import type { Session } from '$lib/workbench/session/session.ts';

/** State of the anatomy page. */
export class AnatomyView {
	readonly visit = new Visit();
	readonly selection = new PageSelection();
	readonly study = new Study<MeasuredStages>(6);
	readonly tower = new Study<MeasuredTower>(4);
	readonly distances = new Study<MeasuredDistances>(4);
	/** Layer of the vision tower; the last below the features when absent. */
	towerLayer = $state<number | undefined>();
	/** What attends there: a patch, or the class token; the patch that is chosen, or the one in the middle, when absent. */
	query = $state<number | 'class' | undefined>();
	/** Whole blocks, or every step inside them. */
	detail = $state<'blocks' | 'steps'>('blocks');
	/** Stage whose maps of all tokens are shown; the last one when there is none of that name. */
	chosenStage = $state<string | undefined>();
	readonly #session: Session;

	constructor(session: Session) {
		this.#session = session;
		$effect(() => {
			if (this.visit.now) {
				this.follow();
				// Once asked for, it follows picture and layer.
				if (untrack(() => this.tower.value) !== undefined) this.readTower();
			} else for (const study of [this.study, this.tower, this.distances]) study.cancel();
		});
	}

	readonly subject = $derived.by(() => subjectOf(this.#session));
	readonly anatomy = $derived.by(() => this.subject && projectorOf(this.subject.entry.config));
	readonly hasSteps = $derived.by(() => this.anatomy?.stages.some(({ inner }) => inner) ?? false);

	/** As figures are made with now; the steps inside blocks are measured only when they are looked at. */
	readonly choices = $derived.by((): Choices => ({ ...standardChoices, stages: this.detail }));
	readonly wanted = $derived.by(() => (this.subject ? stagesOf(this.subject, this.choices) : []));
	readonly stages = $derived.by(() => this.study.value?.stages);
	readonly stage = $derived.by(
		() => this.stages?.find(({ name }) => name === this.chosenStage) ?? this.stages?.at(-1)
	);
	readonly tokens = $derived.by(() => this.study.value?.subject.tokens ?? 0);
	readonly token = $derived.by(() => {
		const { token } = this.selection.now;
		if (token !== undefined && token < this.tokens) return token;
		const { subject } = this.study.value ?? {};
		return middleToken(this.tokens, subject?.views[subject.view]?.grid);
	});
	/** What each stage makes of the tokens taken together. */
	readonly numbers = $derived.by(() => {
		const { stages, study } = this;
		const homes = study.value?.homes;
		return stages?.map(({ name, map }, i) => {
			const localities = tokenLocalities(map, 'energy', homes);
			const middle = (values: readonly (number | undefined)[]) => {
				const known = values.filter((value) => value !== undefined && !Number.isNaN(value)) as number[];
				return known.length > 0 ? median(known) : NaN;
			};
			const before = stages[i - 1]?.map;
			return {
				name,
				spread: middle(localities.map(({ spread }) => spread)),
				effectivePatches: middle(localities.map(({ effectivePatches }) => effectivePatches)),
				inside: middle(localities.map(({ home }) => home?.inside)),
				drift: middle(localities.map(({ home }) => home?.drift)),
				moved: before ? mean(shareDistance(map, before, 'energy')) : NaN
			};
		});
	});

	/** Names the stages that are to be shown. */
	readonly key = $derived.by(() => this.subject && stagesKey(this.subject, this.choices));
	/** What is shown is of something else than chosen now. */
	readonly stale = $derived.by(() => this.study.value !== undefined && !this.study.isOf(this.key));

	readonly towerKey = $derived.by(() => {
		const { subject } = this;
		return subject && [subject.manifest.name, subject.image.id, subject.view, this.towerLayer].join('|');
	});
	readonly towerStale = $derived.by(
		() => this.tower.value !== undefined && this.tower.valueKey !== this.towerKey
	);
	/** Attention of the chosen position, by head. */
	readonly attended = $derived.by(() => {
		const { value } = this.tower;
		if (!value) return undefined;
		const { patches, classTokens } = value.attention;
		const { patch } = this.selection.now;
		const query =
			this.query === 'class'
				? classTokens > 0
					? 'class'
					: undefined
				: [patch, this.query].find((one) => one !== undefined && one < patches);
		return towerAttentionStudy.show(value, { ...standardChoices, query });
	});
	/** The set that distances are taken over. */
	readonly set = $derived.by(
		() => this.subject && (this.#session.sets.chosen ?? setOfOne(this.subject.image))
	);
	readonly distancesKey = $derived.by(() => {
		const { subject, set } = this;
		return subject && set && [subject.manifest.name, subject.view, imageSetKey(set)].join('|');
	});
	readonly far = $derived.by(() => {
		const { value } = this.distances;
		return value && attentionDistanceStudy.show(value);
	});

	/** Measures how far every head of the vision tower attends, over the set of images. */
	measureDistances(): void {
		const { subject, set, distancesKey } = this;
		if (!subject || !set || distancesKey === undefined) return;
		const work = { answerer: this.#session.client, subject, set };
		void this.distances.run(distancesKey, (control) => measureDistances(work, control));
	}

	/** Reads the attention of the chosen layer of the vision tower. */
	readTower(): void {
		const { subject, towerKey, towerLayer } = this;
		if (!subject || towerKey === undefined) return;
		const work = { answerer: this.#session.client, subject };
		untrack(() => void this.tower.run(towerKey, (control) => measureTower(work, { towerLayer }, control)));
	}

	/** Measures what is looked at now, and again when that changes. */
	follow(): void {
		const { subject, choices, key } = this;
		if (!subject || key === undefined) return;
		const measureBy = (by: Choices) => (control: Control) =>
			measureStages({ answerer: this.#session.client, subject }, by, control);
		const look = firstLook(choices);
		const first = look && { key: stagesKey(subject, look), compute: measureBy(look) };
		untrack(() => void this.study.run(key, measureBy(choices), first));
	}
}

/** Kept from one visit to the next, with what was measured. */
export const getAnatomyView = pageState(({ session }) => new AnatomyView(session));
