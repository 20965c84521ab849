import {
	article,
	type AtlasIndex,
	backgrounds,
	boxText,
	caption,
	cellNames,
	cellOf,
	centre2,
	imageSize,
	relations,
	type Scene,
	type SceneObject,
	sides,
	type Task
} from './index.ts';
import { isTrainedSize, onCellBorder } from './composition.ts';

/** What is true of a scene, or why there is no true answer. */
export type Truth =
	| {
			readonly answer: string;
			/** Why training never asks this of such a scene, although the answer is known. */
			readonly beyond?: string;
	  }
	| { readonly none: string };

/** A question in the words of training whose true answer is known for every scene, also after an edit. */
export interface AskedQuestion {
	readonly task: Task;
	/** The question; no two have the same. */
	readonly text: string;
	truth(scene: Scene): Truth;
}

const cells = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const;
const axes = [0, 1] as const;
const ends = [0, 1] as const;
type Axis = (typeof axes)[number];
type End = (typeof ends)[number];

/** Distances that training asks about, in half pixels (`centre2`): from the middle, and between two objects. */
const clearOfMiddle = 8;
const clearOfEachOther = 16;

/** The questions of training about one atlas's classes. */
export class Asking {
	readonly #index: AtlasIndex;

	constructor(index: AtlasIndex) {
		this.#index = index;
	}

	existence(cls: number): AskedQuestion {
		return {
			task: 'existence',
			text: `Is there ${article(this.#name(cls))}?`,
			truth: ({ objects }) => ({ answer: yesNo(objects.some((o) => o.cls === cls)) })
		};
	}

	/** @param cls absent: objects of all classes */
	counting(cls?: number): AskedQuestion {
		return {
			task: 'counting',
			text: `How many ${cls === undefined ? 'objects' : this.#index.classes[cls]?.plural} are there?`,
			truth: ({ objects }) => {
				const count = objects.filter((o) => cls === undefined || o.cls === cls).length;
				const known = { answer: String(count) };
				if (count > 6) return { ...known, beyond: 'training has at most 6 objects' };
				if (objects.length === 0) return { ...known, beyond: 'training has no empty scene' };
				return known;
			}
		};
	}

	attribute(cls: number): AskedQuestion {
		return this.#aboutOne('attribute', `Is the ${this.#name(cls)} small or large?`, cls, (o) => ({
			answer: o.large ? 'large' : 'small',
			...(isTrainedSize(o.size) ? {} : { beyond: `training has no object of ${o.size} px` })
		}));
	}

	background(): AskedQuestion {
		return {
			task: 'scene',
			text: 'What color is the background?',
			truth: ({ background }) => ({ answer: backgrounds[background]?.name ?? '' })
		};
	}

	position(cls: number, axis: Axis, end: End): AskedQuestion {
		return this.#aboutOne('position', `Is the ${this.#name(cls)} ${sides[axis][end]}?`, cls, (o) => {
			const from = along(o, axis) - imageSize;
			if (from === 0) return { none: `The ${this.#name(cls)} is exactly in the middle.` };
			return {
				answer: yesNo(from > 0 === (end === 1)),
				...(Math.abs(from) >= clearOfMiddle ? {} : { beyond: 'it is within 4 px of the middle' })
			};
		});
	}

	relation(a: number, b: number, axis: Axis, end: End): AskedQuestion {
		const text = `Is the ${this.#name(a)} ${relations[axis][end]} the ${this.#name(b)}?`;
		return this.#aboutOne('relation', text, a, (first, scene) => {
			const second = this.#only(scene, b);
			if ('none' in second) return second;
			const from = along(first, axis) - along(second, axis);
			if (from === 0) return { none: `The ${this.#name(a)} and the ${this.#name(b)} are on one line.` };
			return {
				answer: yesNo(from > 0 === (end === 1)),
				...(Math.abs(from) >= clearOfEachOther ? {} : { beyond: 'they are within 8 px of one line' })
			};
		});
	}

	localisation(cls: number): AskedQuestion {
		return this.#aboutOne('localisation', `Where is the ${this.#name(cls)}?`, cls, (o) => ({
			answer: cellNames[cellOf(o)] ?? '',
			...onBorder(o)
		}));
	}

	identity(cell: number): AskedQuestion {
		const name = cellNames[cell] ?? '';
		return {
			task: 'identity',
			text: `What is at the ${name}?`,
			truth: ({ objects }) => {
				const here = objects.filter((o) => cellOf(o) === cell);
				const [one] = here;
				if (one === undefined) return { none: `No object has its centre at the ${name}.` };
				if (here.length > 1) return { none: `${here.length} objects have their centres at the ${name}.` };
				return { answer: this.#name(one.cls), ...onBorder(one) };
			}
		};
	}

	referring(cls: number): AskedQuestion {
		const text = `Give the bounding box of the ${this.#name(cls)}.`;
		return this.#aboutOne('referring', text, cls, (o) => ({ answer: boxText(o) }));
	}

	caption(): AskedQuestion {
		return {
			task: 'caption',
			text: 'Describe the image.',
			truth: (scene) =>
				scene.objects.length === 0
					? { none: 'There is no object to describe.' }
					: { answer: caption(scene, this.#index) }
		};
	}

	/** Everything that can be asked in the words of training. */
	every(): AskedQuestion[] {
		const classes = this.#index.classes.map((_, cls) => cls);
		return [
			...classes.flatMap((a) => [
				...this.#ofOne(a),
				...classes
					.filter((b) => b !== a)
					.flatMap((b) => axes.flatMap((axis) => ends.map((end) => this.relation(a, b, axis, end))))
			]),
			this.counting(),
			this.background(),
			this.caption(),
			...cells.map((cell) => this.identity(cell))
		];
	}

	/**
	 * Questions worth asking about a scene, with an answer of their own each, most of them about `focus`; grouped by task.
	 * @param focus the object that matters; the last one when absent
	 */
	suggestions(scene: Scene, focus: SceneObject | undefined = scene.objects.at(-1)): AskedQuestion[] {
		const classes = this.#index.classes.map((_, cls) => cls);
		const absent = classes.filter((cls) => scene.objects.every((o) => o.cls !== cls));
		const general = [this.counting(), this.background(), this.caption()];
		const missing = absent.slice((scene.seed + (focus?.cls ?? 0)) % Math.max(1, absent.length))[0];
		const others = new Set(scene.objects.map(({ cls }) => cls).filter((cls) => cls !== focus?.cls));
		const all = [
			...(focus === undefined ? [] : [this.localisation(focus.cls), this.identity(cellOf(focus))]),
			...(focus === undefined ? [] : this.aboutOne(focus.cls, [...others])),
			...(missing === undefined ? [] : [this.existence(missing)]),
			...general
		];
		const seen = new Set<string>();
		return all.filter((question) => {
			if (seen.has(question.text)) return false;
			seen.add(question.text);
			const truth = question.truth(scene);
			return 'answer' in truth && truth.beyond === undefined;
		});
	}

	/** Questions about the one object of a class, also in relation to others; which of them has an answer depends on the scene. */
	aboutOne(cls: number, others: readonly number[]): AskedQuestion[] {
		const related = others.flatMap((other) =>
			axes.flatMap((axis) => ends.map((end) => this.relation(cls, other, axis, end)))
		);
		return [...this.#ofOne(cls), ...related];
	}

	#ofOne(cls: number): AskedQuestion[] {
		return [
			this.localisation(cls),
			this.existence(cls),
			this.counting(cls),
			...axes.flatMap((axis) => ends.map((end) => this.position(cls, axis, end))),
			this.attribute(cls),
			this.referring(cls)
		];
	}

	#name(cls: number): string {
		return this.#index.classes[cls]?.name ?? '';
	}

	#only(scene: Scene, cls: number): SceneObject | { readonly none: string } {
		const found = scene.objects.filter((o) => o.cls === cls);
		const [one] = found;
		if (one === undefined) return { none: `There is no ${this.#name(cls)}.` };
		if (found.length === 1) return one;
		return { none: `There are ${found.length} ${this.#index.classes[cls]?.plural}.` };
	}

	/** A question that has an answer only when there is exactly one object of the class. */
	#aboutOne(
		task: Task,
		text: string,
		cls: number,
		answer: (object: SceneObject, scene: Scene) => Truth
	): AskedQuestion {
		return {
			task,
			text,
			truth: (scene) => {
				const one = this.#only(scene, cls);
				return 'none' in one ? one : answer(one, scene);
			}
		};
	}
}

function yesNo(yes: boolean): string {
	return yes ? 'yes' : 'no';
}

function along(object: SceneObject, axis: Axis): number {
	const c = centre2(object);
	return axis === 1 ? c.y : c.x;
}

function onBorder(object: SceneObject): { readonly beyond?: string } {
	return onCellBorder(object) ? { beyond: 'its centre is within 3 px of the next ninth of the image' } : {};
}

export const taskNames: Readonly<Record<Task, string>> = {
	localisation: 'Localisation',
	identity: 'Identity',
	existence: 'Existence',
	counting: 'Counting',
	position: 'Position',
	relation: 'Relation',
	attribute: 'Size',
	scene: 'Background',
	referring: 'Bounding box',
	caption: 'Description'
};
