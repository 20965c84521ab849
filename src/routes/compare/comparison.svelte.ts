import { patchCount } from '$lib/model/patch-grid.ts';
import type { LoadedModel, WorkerState } from '../../workers/model/api.ts';
import type { ModelManifest } from '$lib/model/manifest.ts';
import { untrack } from 'svelte';
import { coloursOf } from '$lib/workbench/words/projectors.ts';
import { DIRECTIONS, type Choices } from '$lib/study/choices.ts';
import type { MeasuredEmbedding } from '$lib/study/embedding.ts';
import { writtenAnswer } from '$lib/study/score.ts';
import { timeStages, type WarmTimes } from '$lib/study/timing.ts';
import { measurementKey } from '$lib/study/locality.ts';
import { methods, standardMethod, type Method } from '$lib/study/measurement.ts';
import type { ModelListing } from '$lib/workbench/session/model-list.ts';
import type { Session } from '$lib/workbench/session/session.ts';
import { type Memory, oneOf, recall, remember } from '$lib/workbench/session/storage.ts';
import { pageState } from '$lib/workbench/frame/page-states.svelte.ts';
import type { ModelClient } from '$lib/workbench/session/client.ts';
import { Study } from '$lib/workbench/figures/study.svelte.ts';
import { subjectIn } from '$lib/study/subject.ts';
import { sameView, viewsOf } from '$lib/study/views.ts';
import type { Subject } from '$lib/workbench/figures/subject.ts';
import { Column, type Written } from './column.svelte.ts';
import {
	areColumns,
	columnName,
	columnsWord,
	defaultColumns,
	fewest,
	letterOf,
	most,
	nextColumn,
	resolve,
	type ColumnChoice,
	type Resolved
} from '$lib/study/columns.ts';
import { caveatOf } from '$lib/study/side-by-side.ts';
import { LinkedCursor, type Grids } from './cursor.svelte.ts';
import { ExtraModels } from './extra-models.svelte.ts';

/** A column with what its model makes of it. */
export interface Shown {
	readonly column: Column;
	readonly place: number;
	/** A, B, C, D */
	readonly letter: string;
	/** "A: D-Abstractor, M = 36", with the model's name where it is not the session's. */
	readonly name: string;
	readonly colour: string;
	readonly listing: ModelListing | undefined;
	readonly worker: WorkerState;
	readonly loaded: LoadedModel | undefined;
	/** Stays while the model's worker restarts. */
	readonly manifest: ModelManifest | undefined;
	readonly resolved: Resolved | undefined;
	/** The view that figures show. */
	readonly subject: Subject | undefined;
	/** What is asked and timed: an answer is about all views. */
	readonly whole: Subject | undefined;
	/** Where it is computed: its model's worker. */
	readonly client: ModelClient | undefined;
}

/** Warm times of one column. */
export interface ColumnTimed {
	readonly subject: Subject;
	readonly question: string;
	readonly times: WarmTimes;
}

/** One to four columns, each a (model, projector, M), over the session's image and one question. */
export class Comparison {
	columns = $state.raw<readonly Column[]>([]);
	/** Typed by the reader; the last question of the conversation until then. */
	typed = $state<string | undefined>();
	/** Asked of all columns; columns that change afterwards are asked again. */
	asked = $state<string | undefined>();
	method = $state<Method>(standardMethod);
	directions = DIRECTIONS;
	/** Places of the two columns whose difference and similarity are shown. */
	pair = $state.raw<readonly [number, number]>([0, 1]);
	/** Place of the column whose answer is scored word by word. */
	source = $state(0);
	/** What the difference of the pair is of. */
	difference = $state<'token' | 'cover'>('cover');
	/** What colours the embedding's points, and which components are drawn. */
	colour = $state<Choices['colour']>('projector');
	axes = $state<Choices['axes']>('1-2');
	/** How strongly maps cover their image. */
	opacity = $state(0.7);
	/** Visual tokens of the columns over a set of pictures. */
	readonly embedding = new Study<MeasuredEmbedding>(4);
	/** Warm times of the columns, taken in turns. */
	readonly times = new Study<readonly ColumnTimed[]>();
	readonly extra: ExtraModels;
	readonly cursor: LinkedCursor;
	readonly #session: Session;
	readonly #memory: Memory;
	/** The page is looked at; otherwise nothing is computed and no other model is loaded. */
	#open = $state(false);
	#nextId = 1;
	/** The columns that a model filled, as long as nobody chose others. */
	#filled: string | undefined;

	constructor(session: Session, memory: Memory, extra = new ExtraModels()) {
		this.#session = session;
		this.#memory = memory;
		this.extra = extra;
		this.cursor = new LinkedCursor(() => this.shown.map(gridsOf));
		this.method = recall(memory, 'compare.method', oneOf(...methods), standardMethod);
		const kept = recall(memory, 'compare.columns', areColumns, []);
		this.columns = kept.map((choice) => this.#column(choice));
		// A model fills the columns that nobody has chosen, and those of which it offers none.
		$effect(() => {
			const { manifest } = session.models;
			if (manifest !== undefined) untrack(() => this.#fill(manifest));
		});
		// A column's model gets a worker, and loses it with its last column.
		$effect(() => {
			const listings = this.#listings;
			if (this.#open) untrack(() => this.extra.keep(listings, session.models.backendChoice));
		});
		$effect(() => {
			void [this.#subjects, this.method];
			if (this.#open) untrack(() => this.look());
		});
		// Columns that change after the question was asked are asked again.
		$effect(() => {
			void this.#asking;
			if (this.#open) untrack(() => this.answer());
		});
	}

	readonly shown: readonly Shown[] = $derived.by(() =>
		this.columns.map((column, place) => this.#show(column, place))
	);

	/** What the models shown say of maps of their tokens. */
	readonly caveat = $derived.by(() => caveatOf(this.shown.flatMap(({ manifest }) => manifest ?? [])));
	/** What the columns compute for. */
	readonly #subjects = $derived.by(() => this.shown.map(({ subject }) => subject?.key).join('\n'));
	readonly #asking = $derived.by(() => this.shown.map(({ whole }) => whole?.key).join('\n'));
	/** Models beside the session's that columns name. */
	readonly #listings = $derived.by(() => {
		const { list = [], chosen } = this.#session.models;
		const names = this.columns.map(({ choice }) => choice.model);
		return list.filter(({ name }) => names.includes(name) && name !== chosen);
	});

	/** What is asked when the reader presses the button. */
	get question(): string {
		return (
			this.typed ??
			this.#session.conversation.exchanges.at(-1)?.question ??
			this.#session.images.current?.questions[0] ??
			'Describe the image.'
		);
	}

	get busy(): boolean {
		return this.columns.some(({ answer }) => answer.status === 'running');
	}

	// ---- columns -----------------------------------------------------------------------------------------------

	get canAdd(): boolean {
		return this.columns.length < most && this.#session.models.manifest !== undefined;
	}

	get canRemove(): boolean {
		return this.columns.length > fewest;
	}

	add(): void {
		const { manifest } = this.#session.models;
		if (!this.canAdd || manifest === undefined) return;
		const choices = this.columns.map(({ choice }) => choice);
		this.#set([...this.columns, this.#column(nextColumn(choices, manifest))]);
	}

	remove(column: Column): void {
		if (!this.canRemove) return;
		column.stop();
		this.#set(this.columns.filter((other) => other !== column));
	}

	/** One place to the left (−1) or to the right (1). */
	move(column: Column, by: -1 | 1): void {
		const from = this.columns.indexOf(column);
		const to = from + by;
		if (from < 0 || to < 0 || to >= this.columns.length) return;
		const columns = [...this.columns];
		columns.splice(from, 1);
		columns.splice(to, 0, column);
		this.#set(columns);
	}

	/** Another model: projector and M are that model's own. */
	chooseModel(column: Column, name: string): void {
		column.choice = name === this.#session.models.chosen ? {} : { model: name };
		this.#remember();
	}

	/** All columns at once, as a link has them. Those that stay keep what they computed. */
	chooseColumns(choices: readonly ColumnChoice[]): void {
		if (this.#place(choices)) this.#remember();
	}

	chooseProjector(column: Column, projector: string): void {
		const { model, tokens } = column.choice;
		column.choice = {
			...(model === undefined ? {} : { model }),
			projector,
			...(tokens === undefined ? {} : { tokens })
		};
		this.#remember();
	}

	chooseTokens(column: Column, tokens: number): void {
		column.choice = { ...column.choice, tokens };
		this.#remember();
	}

	chooseMethod(method: Method): void {
		this.method = method;
		remember(this.#memory, 'compare.method', method);
	}

	// ---- work --------------------------------------------------------------------------------------------------

	/** Asks every column that has not answered this question yet. */
	ask(): void {
		const question = this.question.trim();
		if (question === '') return;
		this.asked = question;
		this.answer();
	}

	/** Asks the columns that have not answered the question asked last. */
	answer(): void {
		const { asked } = this;
		if (asked === undefined) return;
		for (const { column, client, whole } of this.shown)
			if (client && whole)
				column.ask(client, whole, asked, this.#session.conversation.sampling.max_new_tokens);
	}

	/** Maps and visual tokens of every column. */
	look(): void {
		const { method, directions } = this;
		for (const { column, client, subject } of this.shown)
			if (client && subject) {
				column.measure(client, subject, { method, directions });
				column.project(client, subject);
			}
	}

	/** Times the stages of all columns, one column after the other in every round. */
	time(): void {
		const question = this.asked ?? this.question.trim();
		const columns = this.shown.flatMap(({ client, whole }) =>
			client && whole ? [{ client, subject: whole }] : []
		);
		const keys = columns.map(({ subject }) => subject.key);
		void this.times.run(JSON.stringify([keys, question, performance.now()]), async (control) => {
			const targets = columns.map(({ client, subject }) => ({
				answerer: client,
				...subject.request,
				question
			}));
			const times = await timeStages(targets, control);
			return columns.map(({ subject }, i) => ({ subject, question, times: times[i]! }));
		});
	}

	/** The map of a column is of something else than chosen now; one that cannot be had is no map. */
	isStale({ column, subject }: Shown): boolean {
		const { method, directions } = this;
		const { value, valueKey, status } = column.map;
		if (value === undefined || status === 'failed') return false;
		return valueKey !== (subject && measurementKey(subject, { method, directions }));
	}

	/** The answers there are now, by place. */
	get answers(): readonly (Written | undefined)[] {
		return this.shown.map(({ column, loaded }) => {
			const answer = column.answer.stale ? undefined : column.answer.value;
			const written = answer && loaded && writtenAnswer(answer.result, loaded.manifest);
			return written && { ...written, writer: column.id };
		});
	}

	/** Every column scores every answer. */
	score(): void {
		const answers = this.answers.filter((answer) => answer !== undefined);
		if (this.asked === undefined || answers.length === 0) return;
		for (const { column, client, whole } of this.shown)
			if (client && whole) column.score(client, whole, this.asked, answers);
	}

	/** A new worker for a column's model. */
	restart({ column, client }: Shown): void {
		const { model } = column.choice;
		// The worker's state says what fails.
		if (model === undefined || model === this.#session.models.chosen) void this.#session.models.restart();
		else void client?.restart().catch(() => undefined);
	}

	stop(): void {
		for (const column of this.columns) column.stop();
		this.times.cancel();
		this.embedding.cancel();
	}

	/** The page is looked at, until what it returns is called. */
	visit(): () => void {
		this.#open = true;
		return () => this.leave();
	}

	/** Nothing goes on, and other models' memory is given back. Columns and results stay. */
	leave(): void {
		this.#open = false;
		this.stop();
		this.extra.dispose();
	}

	/** Name and colour of what a column shows, which may be what it showed before. */
	label(
		place: number,
		{ manifest, projector, entry, tokens }: Pick<Subject, 'manifest' | 'projector' | 'entry' | 'tokens'>
	): { readonly name: string; readonly colour: string } {
		const home = this.#session.models.manifest?.name;
		return {
			name: columnName(place, { manifest, entry, tokens }, home),
			colour: coloursOf(Object.keys(manifest.projectors))[projector] ?? '#767676'
		};
	}

	// ---- inside ------------------------------------------------------------------------------------------------

	#fill(manifest: ModelManifest): void {
		const choices = this.columns.map(({ choice }) => choice);
		const strange = ({ model, projector }: ColumnChoice) =>
			model === undefined && projector !== undefined && manifest.projectors[projector] === undefined;
		const chosen = choices.length > 0 && columnsWord(choices) !== this.#filled;
		if (chosen && !choices.every(strange)) return;
		const kept = recall(this.#memory, 'compare.columns', areColumns, []);
		const next = kept.length > 0 && !kept.some(strange) ? kept : defaultColumns(manifest);
		this.#filled = columnsWord(next);
		this.#place(next);
	}

	#column(choice: ColumnChoice): Column {
		return new Column(this.#nextId++, choice);
	}

	/** Columns for these choices; those that stay keep what they computed. @returns whether anything changed */
	#place(choices: readonly ColumnChoice[]): boolean {
		if (columnsWord(choices) === columnsWord(this.columns.map(({ choice }) => choice))) return false;
		for (const column of this.columns) column.stop();
		this.#arrange(
			choices.map((choice, place) => {
				const before = this.columns[place];
				return before && columnsWord([before.choice]) === columnsWord([choice])
					? before
					: this.#column(choice);
			})
		);
		return true;
	}

	#set(columns: readonly Column[]): void {
		this.#arrange(columns);
		this.#remember();
	}

	/** The pair and the source go with their columns. */
	#arrange(columns: readonly Column[]): void {
		const [a, b] = this.pair.map((place) => this.columns[place]);
		const source = this.columns[this.source];
		const at = (column: Column | undefined, instead: number) => {
			const place = column === undefined ? -1 : columns.indexOf(column);
			return place < 0 ? instead : place;
		};
		this.columns = columns;
		const first = at(a, 0);
		this.pair = [first, at(b, first === 0 ? 1 : 0)];
		this.source = at(source, 0);
		this.cursor.selection.clear();
	}

	#remember(): void {
		remember(
			this.#memory,
			'compare.columns',
			this.columns.map(({ choice }) => choice)
		);
	}

	/** The view that the reader chose, in a column's model: the one that sees the same part of the picture. */
	#viewIn({ views, image }: Subject): number | undefined {
		const { models, images } = this.#session;
		if (models.manifest === undefined || images.view === undefined) return undefined;
		return sameView(views, viewsOf(models.manifest, image)[images.view]);
	}

	#show(column: Column, place: number): Shown {
		const session = this.#session;
		const { model } = column.choice;
		const own = model === undefined || model === session.models.chosen;
		const extra = own ? undefined : this.extra.get(model);
		const worker: WorkerState = own ? session.models.worker : (extra?.state ?? { status: 'idle' });
		const loaded = own ? (worker.status === 'ready' ? session.models.loaded : undefined) : extra?.loaded;
		const manifest = own ? session.models.manifest : loaded?.manifest;
		const resolved = manifest && resolve(column.choice, manifest, place);
		const letter = letterOf(place);
		const listing = session.models.list?.find(({ name }) => name === (own ? session.models.chosen : model));
		const { current: image } = session.images;
		const of = (view?: number) =>
			loaded && resolved && image && subjectIn(loaded, image, resolved.projector, resolved.tokens, view);
		const whole = of();
		const subject = whole && of(this.#viewIn(whole));
		return {
			column,
			place,
			letter,
			...(resolved && manifest
				? this.label(place, { ...resolved, manifest })
				: { name: `${letter}: ${listing?.title ?? '…'}`, colour: '#767676' }),
			listing,
			worker,
			loaded,
			manifest,
			resolved,
			subject,
			whole,
			client: own ? session.client : extra?.client
		};
	}
}

/** What was computed is still there when the reader comes back to the page. */
export const getComparison = pageState(
	({ session, memory }) => new Comparison(session, memory),
	(comparison) => comparison.leave()
);

function gridsOf({ resolved, manifest, subject }: Shown): Grids | undefined {
	if (resolved === undefined || manifest === undefined) return undefined;
	const view = subject?.views[subject.view];
	return {
		tokens: subject?.tokens ?? resolved.tokens,
		patches: patchCount(manifest.config.vision_config, view)
	};
}
