import { untrack } from 'svelte';
import { gridSide } from '$lib/model/config.ts';
import type { Box } from '$lib/analysis/grid.ts';
import { assignedHomes, shareDistance, tokenLocalities } from '$lib/analysis/locality.ts';
import {
	channelGates,
	onTokens,
	stageSteps,
	type GateRow,
	type StageResponse
} from '$lib/analysis/stages.ts';
import { mean, median } from '$lib/analysis/statistics.ts';
import type { Stage } from '$lib/model/projectors/definition.ts';
import { projectorOf } from '$lib/model/projectors/registry.ts';
import { withoutEos } from '../locality/methods.ts';
import { PageSelection } from '$lib/workbench/figures/selection.svelte.ts';
import type { Session } from '$lib/workbench/session/session.svelte.ts';
import type { Control } from '$lib/study/control.ts';
import { Study } from '$lib/workbench/figures/study.svelte.ts';
import { subjectOf, type Subject } from '$lib/workbench/figures/subject.ts';
import { tokenGrid } from '$lib/workbench/session/tokens.ts';

/** Responses of all stages for one image, each seen from the visual tokens. */
interface Shown {
	readonly subject: Subject;
	readonly directions: number;
	readonly stages: readonly StageResponse[];
	readonly homes?: readonly Box[];
	readonly gates: readonly GateRow[];
}

/** State of the anatomy page. */
export class AnatomyView {
	readonly selection = new PageSelection();
	readonly study = new Study<Shown>(6);
	/** Whole blocks, or every step inside them. */
	detail = $state<'blocks' | 'steps'>('blocks');
	/** Stage whose maps of all tokens are shown; the last one when there is none of that name. */
	chosenStage = $state<string | undefined>();
	readonly directions = 2;
	readonly #session: Session;

	constructor(session: Session) {
		this.#session = session;
	}

	readonly subject = $derived.by(() => subjectOf(this.#session));
	readonly anatomy = $derived.by(() => this.subject && projectorOf(this.subject.entry.config));
	readonly hasSteps = $derived.by(() => this.anatomy?.stages.some(({ inner }) => inner) ?? false);

	/** Stages to measure: more of them need more memory and time, so the steps are measured only when they are looked at. */
	readonly wanted = $derived.by(() =>
		(this.anatomy?.stages ?? []).filter(({ inner }) => this.detail === 'steps' || !inner)
	);
	readonly stages = $derived.by(() => this.study.value?.stages);
	readonly stage = $derived.by(
		() => this.stages?.find(({ name }) => name === this.chosenStage) ?? this.stages?.at(-1)
	);
	readonly tokens = $derived.by(() => this.study.value?.subject.tokens ?? 0);
	readonly token = $derived.by(() => {
		const { token } = this.selection.now;
		if (token !== undefined && token < this.tokens) return token;
		const side = Math.floor(Math.sqrt(this.tokens));
		return Math.max(0, Math.min(this.tokens - 1, Math.floor(side / 2) * (side + 1)));
	});
	readonly steps = $derived.by(() => {
		const { stages, study } = this;
		return stages && stageSteps(stages, this.tokens, this.token, 'energy', study.value?.homes);
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

	/** Measures what is looked at now; call it in an effect. */
	follow(): void {
		const { subject, wanted, directions } = this;
		if (!subject) return;
		const key = [subject.key, directions, ...wanted.map(({ output }) => output)].join('|');
		untrack(() => void this.study.run(key, (control) => this.#measure(subject, wanted, control)));
	}

	async #measure(subject: Subject, stages: readonly Stage[], control: Control): Promise<Shown> {
		const { client } = this.#session;
		const { gates = [] } = projectorOf(subject.entry.config);
		const { tokens, entry, manifest } = subject;
		const names = gates.flatMap(({ before, after }) => [before, after]);
		const trace = names.length > 0 ? await client.trace({ ...subject.request, names }) : {};
		control.signal?.throwIfAborted();
		const maps = await client.locality(
			{
				...subject.request,
				method: 'perturbation',
				directions: this.directions,
				outputs: stages.map(({ output }) => output)
			},
			control
		);
		const of = (output: string) => {
			const map = maps[output];
			if (!map) throw new Error(`The model gave no response of ${output}; convert its checkpoint again.`);
			return map;
		};
		const last = withoutEos(of(stages.at(-1)!.output), tokens);
		const placed = tokenGrid(entry, tokens, gridSide(manifest.config.vision_config)) !== undefined;
		const homes = placed ? undefined : assignedHomes(last, 'energy');
		const responses = stages.map(({ output, title }) => {
			const map = output === 'visual_embeds' ? last : withoutEos(of(output), of(output).dims[0]!);
			return { name: title, map: onTokens(map, tokens, 'energy', homes) };
		});
		return {
			subject,
			directions: this.directions,
			stages: responses,
			...(homes && { homes }),
			gates: gates.map(({ title, before, after }) => {
				const [from, to] = [trace[before], trace[after]];
				if (!from || !to)
					throw new Error(`The model gave no gates of ${title}; convert its checkpoint again.`);
				return { name: title, gates: channelGates(from, to) };
			})
		};
	}
}
