import type { AskedQuestion } from './asking.ts';
import { Asking } from './asking.ts';
import type { SceneEditor } from './editor.svelte.ts';
import { type PathKind, type Placement, placements, usualStep } from './path.ts';
import { Study } from '../study.svelte.ts';
import { type SweepResult, SweepMemory } from './run-sweep.ts';

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
		this.drawn = points;
		if (done) this.drawing = points.length < 2;
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

	ask(question: AskedQuestion, yes: boolean): void {
		const texts = this.asked.map(({ text }) => text);
		this.#asked = yes ? [...texts, question.text] : texts.filter((text) => text !== question.text);
	}
}
