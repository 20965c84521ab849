import { backgrounds, cellOf, centre2, imageSize, rngSeed } from './generate.ts';
import { Rng } from './rng.ts';
import type { AtlasIndex, Question, Scene, SceneObject } from './types.ts';

export const cellNames = [
	'top left',
	'top center',
	'top right',
	'middle left',
	'center',
	'middle right',
	'bottom left',
	'bottom center',
	'bottom right'
] as const;
export const sides = [
	['on the left', 'on the right'],
	['at the top', 'at the bottom']
] as const;
export const relations = [
	['left of', 'right of'],
	['above', 'below']
] as const;
const axes = [0, 1] as const;

export function article(name: string): string {
	return `${'aeiou'.includes(name.charAt(0)) ? 'an' : 'a'} ${name}`;
}

/** Share of the image's side with two decimals, rounded half up. */
function coordinate(pixel: number): string {
	const v = Math.floor((200 * pixel + imageSize) / (2 * imageSize));
	return `${Math.floor(v / 100)}.${String(v % 100).padStart(2, '0')}`;
}

/** `[x1,y1,x2,y2]` as the model writes it. */
export function boxText(o: SceneObject): string {
	return `[${[o.x, o.y, o.x + o.size, o.y + o.size].map(coordinate).join(',')}]`;
}

function along(o: SceneObject, axis: 0 | 1): number {
	const c = centre2(o);
	return axis === 1 ? c.y : c.x;
}

export function caption(scene: Scene, index: AtlasIndex): string {
	const ordered = [...scene.objects].sort((a, b) => cellOf(a) - cellOf(b) || a.y - b.y || a.x - b.x);
	const parts = ordered.map(
		(o) => `a ${o.large ? 'large' : 'small'} ${index.classes[o.cls]?.name} at the ${cellNames[cellOf(o)]}`
	);
	return `${parts.join(', ')} on a ${backgrounds[scene.background]?.name} background`;
}

/** At most one well-posed question per task; another `round` gives other questions about the same scene. */
export function questions(scene: Scene, index: AtlasIndex, round = 0): Question[] {
	const rng = new Rng((rngSeed(scene.split, scene.seed) ^ Math.imul(0x9e3779b9, round + 1)) >>> 0);
	const { objects } = scene;
	const classes = index.classes.map((_, c) => c);
	const counts = classes.map((c) => objects.filter((o) => o.cls === c).length);
	const count = (c: number): number => counts[c] ?? 0;
	const name = (c: number): string => index.classes[c]?.name ?? '';
	const unique = objects.filter((o) => count(o.cls) === 1);
	const absent = classes.filter((c) => count(c) === 0);
	const out: Question[] = [];
	const yesNo = (yes: boolean): string => (yes ? 'yes' : 'no');

	let yes = rng.below(2) === 1;
	let c = yes ? rng.pick(objects).cls : rng.pick(absent);
	out.push({ task: 'existence', question: `Is there ${article(name(c))}?`, answer: yesNo(yes) });

	const kind = rng.below(4);
	if (kind === 0) {
		out.push({ task: 'counting', question: 'How many objects are there?', answer: String(objects.length) });
	} else {
		const several = classes.filter((c) => count(c) > 1);
		if (kind === 1 && several.length > 0) c = rng.pick(several);
		else if (kind <= 2) c = rng.pick(objects).cls;
		else c = rng.pick(absent);
		const plural = index.classes[c]?.plural ?? '';
		out.push({ task: 'counting', question: `How many ${plural} are there?`, answer: String(count(c)) });
	}

	if (unique.length > 0) {
		const o = rng.pick(unique);
		out.push({
			task: 'attribute',
			question: `Is the ${name(o.cls)} small or large?`,
			answer: o.large ? 'large' : 'small'
		});
	}

	out.push({
		task: 'scene',
		question: 'What color is the background?',
		answer: backgrounds[scene.background]?.name ?? ''
	});

	const sided = unique
		.flatMap((o) => axes.map((axis) => ({ o, axis })))
		.filter(({ o, axis }) => Math.abs(along(o, axis) - imageSize) >= 8);
	if (sided.length > 0) {
		const { o, axis } = rng.pick(sided);
		const side = along(o, axis) > imageSize ? 1 : 0;
		yes = rng.below(2) === 1;
		const asked = sides[axis][yes === (side === 1) ? 1 : 0];
		out.push({ task: 'position', question: `Is the ${name(o.cls)} ${asked}?`, answer: yesNo(yes) });
	}

	const pairs = unique
		.flatMap((a) => unique.flatMap((b) => (a === b ? [] : axes.map((axis) => ({ a, b, axis })))))
		.filter(({ a, b, axis }) => Math.abs(along(a, axis) - along(b, axis)) >= 16);
	if (pairs.length > 0) {
		const { a, b, axis } = rng.pick(pairs);
		const side = along(a, axis) > along(b, axis) ? 1 : 0;
		yes = rng.below(2) === 1;
		const asked = relations[axis][yes === (side === 1) ? 1 : 0];
		out.push({
			task: 'relation',
			question: `Is the ${name(a.cls)} ${asked} the ${name(b.cls)}?`,
			answer: yesNo(yes)
		});
	}

	if (unique.length > 0) {
		const o = rng.pick(unique);
		out.push({
			task: 'localisation',
			question: `Where is the ${name(o.cls)}?`,
			answer: cellNames[cellOf(o)] ?? ''
		});
	}

	const single = objects.filter((o) => objects.filter((p) => cellOf(p) === cellOf(o)).length === 1);
	if (single.length > 0) {
		const o = rng.pick(single);
		out.push({
			task: 'identity',
			question: `What is at the ${cellNames[cellOf(o)]}?`,
			answer: name(o.cls)
		});
	}

	if (unique.length > 0) {
		const o = rng.pick(unique);
		out.push({
			task: 'referring',
			question: `Give the bounding box of the ${name(o.cls)}.`,
			answer: boxText(o)
		});
	}

	out.push({ task: 'caption', question: 'Describe the image.', answer: caption(scene, index) });
	return out;
}
