import type { AskedQuestion } from '$lib/scenes/asking.ts';
import { Asking } from '$lib/scenes/asking.ts';
import type { SceneEditor } from './editor.svelte.ts';
import { type PathKind, type Placement, placements, usualStep } from '$lib/scenes/path.ts';
import { Study } from '$lib/workbench/figures/study.svelte.ts';
import { type SweepResult, SweepMemory } from '$lib/study/sweep.ts';

/** What is swept next (the chosen sprite, its path, the questions) and what was swept. Stage and panel both show it; it outlives the page. */
export class SweepSetup {
	readonly #editor: SceneEditor;
	kind = $state<PathKind>('row');
	#steps = $state<Partial<Record<PathKind, number>>>({});
	drawn = $state.raw<readonly { readonly x: number; readonly y: number }[]>([]);
	/** The pointer draws a path on the scene now. */
	drawing = $state(false);
	/** The path lies over the scene. */
	visible = $state(false);
	/** Texts of the questions asked, as far as the object has them; its place when none is chosen. */
	#asked = $state.raw<readonly string[]>([]);
	readonly study = new Study<SweepResult>();
	readonly memory = new SweepMemory();
	/** The sweep in work, or stopped, as far as it came. */
	partial = $state.raw<SweepResult | undefined>();
	/** Step pointed at in a figure. */
	step = $state.raw<number | undefined>();

	constructor(editor: SceneEditor) {
		this.#editor = editor;
	}

	/** What the figures show; its steps are marked on the scene. */
	get result(): SweepResult | undefined {
		const { status, value } = this.study;
		return status === 'done' || status === 'idle' ? value : (this.partial ?? value);
	}

	get stepSize(): number {
		return this.#steps[this.kind] ?? usualStep(this.kind);
	}

	/** The step that was chosen for this kind of path; undefined: the usual one. */
	get chosenStep(): number | undefined {
		const step = this.#steps[this.kind];
		return step === usualStep(this.kind) ? undefined : step;
	}

	choose(kind: PathKind): void {
		this.kind = kind;
		this.visible = true;
		this.drawing = kind === 'drawn' && this.drawn.length < 2;
	}

	chooseStep(step: number): void {
		this.#steps[this.kind] = step;
		this.visible = true;
	}

	draw(points: readonly { readonly x: number; readonly y: number }[], done: boolean): void {
		this.drawn = done ? thinned(points) : points;
		if (done) this.drawing = this.drawn.length < 2;
	}

	readonly placements: readonly Placement[] = $derived.by(() => {
		const sprite = this.#editor.sprite;
		return sprite === undefined ? [] : placements(this.kind, sprite, this.stepSize, this.drawn);
	});

	/** What can be asked about the object wherever it is. */
	readonly questions: readonly AskedQuestion[] = $derived.by(() => {
		const { sprite, scene } = this.#editor;
		if (sprite === undefined) return [];
		const others = scene.objects.map(({ cls }) => cls).filter((cls) => cls !== sprite.cls);
		return new Asking(this.#editor.index).aboutOne(
			sprite.cls,
			others.filter((cls, i) => others.indexOf(cls) === i)
		);
	});

	readonly asked: readonly AskedQuestion[] = $derived.by(() => {
		const chosen = this.questions.filter(({ text }) => this.#asked.includes(text));
		return chosen.length > 0 ? chosen : this.questions.slice(0, 1);
	});

	/** Places of the questions that are asked among `questions`; undefined: the first alone. */
	get askedPlaces(): readonly number[] | undefined {
		const places = this.questions.flatMap((question, i) => (this.asked.includes(question) ? [i] : []));
		return places.length === 1 && places[0] === 0 ? undefined : places;
	}

	set askedPlaces(places: readonly number[] | undefined) {
		this.#asked = (places ?? []).flatMap((place) => this.questions[place]?.text ?? []);
	}

	ask(question: AskedQuestion, yes: boolean): void {
		const texts = this.asked.map(({ text }) => text);
		this.#asked = yes ? [...texts, question.text] : texts.filter((text) => text !== question.text);
	}
}

/** A drawn path in whole pixels, without points nearer than two pixels to the one before: as an address keeps it. */
export function thinned(
	points: readonly { readonly x: number; readonly y: number }[]
): { readonly x: number; readonly y: number }[] {
	const kept: { readonly x: number; readonly y: number }[] = [];
	for (const point of points) {
		const next = { x: Math.round(point.x), y: Math.round(point.y) };
		const last = kept.at(-1);
		if (last === undefined || Math.hypot(next.x - last.x, next.y - last.y) >= 2) kept.push(next);
	}
	return kept;
}

/** A drawn path in an address: `12.30-14.33`. */
export function pathWord(points: readonly { readonly x: number; readonly y: number }[]): string | undefined {
	return points.length < 2 ? undefined : points.map(({ x, y }) => `${x}.${y}`).join('-');
}

/** The other way; undefined for what is no path of at least two points inside the image. @param side of the image, pixels */
export function readPath(word: string, side: number): { x: number; y: number }[] | undefined {
	const points = word.split('-').flatMap((part) => {
		const [, x, y] = /^(\d{1,4})\.(\d{1,4})$/.exec(part) ?? [];
		return x === undefined || y === undefined ? [] : [{ x: Number(x), y: Number(y) }];
	});
	const inside = points.every(({ x, y }) => x <= side && y <= side);
	return inside && points.length >= 2 && points.length === word.split('-').length ? points : undefined;
}
