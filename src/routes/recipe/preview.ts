import type { Random } from '$lib/bytes/random.ts';
import {
	formatCaptioning,
	formatConversation,
	IMAGE_PLACEHOLDER,
	patternCount,
	templateInput,
	templateTarget,
	type TemplateFields,
	type TemplateName
} from '$lib/model/text/prompts.ts';
import { boxText, caption, questions, type AtlasIndex, type Scene } from '$lib/scenes/index.ts';
import { taskTemplate, type RecipeSet } from './recipe.ts';

export interface PreviewOptions {
	/** `set`: each set has its own template; `task`: one for all sets of a task. */
	readonly granularity: 'set' | 'task';
	/** `drawn`: one of a template's patterns at random, as upstream; `first`: always the first. */
	readonly diversity: 'drawn' | 'first';
	/** Join the pairs of one image in one conversation. */
	readonly multiTurn: boolean;
	readonly deduplicate: boolean;
}

/** A question and its answer as a data set holds them. */
interface Pair {
	readonly fields: TemplateFields;
	/** What de-duplication goes by. */
	readonly answer: string;
}

export interface Preview {
	/** The whole training text, one `<image>` for the image. */
	readonly text: string;
	/** Pairs that there were, and that are left. */
	readonly pairs: { readonly all: number; readonly kept: number };
}

/** What a set makes of a scene: real questions, boxes and captions of the embedded model's world in place of its own. */
export function preview(
	set: RecipeSet,
	scene: Scene,
	index: AtlasIndex,
	options: PreviewOptions,
	random: Random
): Preview {
	const one = { all: 1, kept: 1 };
	if (set.task === 'captioning') return { text: formatCaptioning(caption(scene, index)), pairs: one };
	if (set.task === 'visual instructions' || set.task === 'text instructions') {
		const seen = set.task === 'visual instructions';
		const question = seen ? 'Describe the image.' : `Repeat this sentence: ${caption(scene, index)}`;
		const turn = { question, imageCount: seen ? 1 : 0, answer: caption(scene, index) };
		return { text: formatConversation('free-form', [turn]), pairs: one };
	}
	const template = templateOf(set, options.granularity);
	const all = pairsOf(set, scene, index);
	const single = options.deduplicate && set.deduplicated ? deduplicated(all, random) : all;
	const kept = options.multiTurn ? single.slice(0, set.turns) : single.slice(0, 1);
	const turns = kept.map(({ fields }, i) => {
		const pattern = options.diversity === 'first' ? 0 : Math.floor(random() * patternCount(template));
		return {
			question: templateInput(template, fields, pattern),
			answer: templateTarget(template, fields, pattern),
			imageCount: i === 0 ? 1 : 0
		};
	});
	return {
		text: formatConversation('honeybee_default', turns),
		pairs: { all: all.length, kept: kept.length }
	};
}

export function templateOf(set: RecipeSet, granularity: PreviewOptions['granularity']): TemplateName {
	const own = set.template;
	if (own === undefined) throw new Error(`${set.name} has no template.`);
	return granularity === 'task' ? (taskTemplate[set.task] ?? own) : own;
}

/** Pairs with the same answer collapse to one of them, drawn at random; the order stays. */
export function deduplicated<T extends { readonly answer: string }>(
	pairs: readonly T[],
	random: Random
): T[] {
	return [...Map.groupBy(pairs, ({ answer }) => answer).values()].map(
		(same) => same[Math.floor(random() * same.length)]!
	);
}

/** Rounds of questions about one scene; another round asks other things. */
const ROUNDS = 3;

function pairsOf(set: RecipeSet, scene: Scene, index: AtlasIndex): Pair[] {
	const rounds = Array.from({ length: ROUNDS }, (_, round) => questions(scene, index, round)).flat();
	const asked = rounds.filter(
		({ question }, i) => rounds.findIndex((other) => other.question === question) === i
	);
	if (set.task === 'referring expressions')
		return scene.objects.map((object) => {
			const bbox = boxText(object);
			const phrase = `the ${object.large ? 'large' : 'small'} ${index.classes[object.cls]?.name ?? ''}`;
			return { fields: { bbox, phrase }, answer: bbox };
		});
	if (set.name === 'vsr')
		return asked
			.filter(({ task }) => task === 'relation' || task === 'position')
			.map(({ question, answer }) => ({ fields: { question_interro: question, question, answer }, answer }));
	const short = asked.filter(({ task }) => task !== 'caption' && task !== 'referring');
	if (set.task === 'multiple choice')
		return short.map(({ question, answer, task }) => {
			const others = [
				...new Set(
					short.filter((other) => other.task === task && other.answer !== answer).map((other) => other.answer)
				),
				'none of these'
			];
			const option = [answer, ...others]
				.map((text, i) => `${String.fromCharCode(65 + i)}. ${text}`)
				.join('\n');
			return { fields: { question, option, context: 'N/A', answer: 'A' }, answer };
		});
	return short.map(({ question, answer }) => ({ fields: { question, answer }, answer }));
}

/** Whether a preview shows the image. */
export const hasImage = ({ text }: Preview): boolean => text.includes(IMAGE_PLACEHOLDER);
