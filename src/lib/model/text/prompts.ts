import type { ModelManifest } from '../manifest.ts';

/** First sentence of every prompt. */
export const SYSTEM_BASE = 'The following is a conversation between a curious human and AI assistant.';
/** Second sentence, of free-form prompts only. */
export const SYSTEM_DETAIL =
	"The assistant gives helpful, detailed, and polite answers to the user's questions.";
/** Placeholder of one image. */
export const IMAGE_PLACEHOLDER = '<image>';

const HUMAN = 'Human: ';
const ASSISTANT = 'AI: ';

export type PromptTemplate = ModelManifest['prompt']['template'];

/** A question and, but for the last one, its answer. */
export interface ConversationTurn {
	readonly question: string;
	/** Images put in before the question, each on a line `Human: <image>`. */
	readonly imageCount: number;
	/** Absent where the answer is to be generated. */
	readonly answer?: string;
}

/**
 * The prompt of a conversation: the system sentence(s) of the template, and per turn its images, its question and its
 * answer, each on a line of its own. Another system message may stand in place of the sentences. Ends with `AI: ` (and the space) when the last answer is absent.
 */
export function formatConversation(
	template: PromptTemplate,
	turns: readonly ConversationTurn[],
	system = template === 'free-form' ? `${SYSTEM_BASE} ${SYSTEM_DETAIL}` : SYSTEM_BASE
): string {
	const lines = [system];
	for (const { question, imageCount, answer = '' } of turns) {
		for (let i = 0; i < imageCount; i++) lines.push(HUMAN + IMAGE_PLACEHOLDER);
		lines.push(HUMAN + question, ASSISTANT + answer);
	}
	return lines.join('\n');
}

/**
 * The question of a prompt of one turn that `formatConversation` made, whatever the template: what the human says last.
 * @returns undefined when the prompt is none of these
 */
export function questionIn(prompt: string): string | undefined {
	const end = `\n${ASSISTANT}`;
	if (!prompt.startsWith(SYSTEM_BASE) || !prompt.endsWith(end)) return undefined;
	const picture = `\n${HUMAN}${IMAGE_PLACEHOLDER}`;
	const said = prompt.slice(prompt.indexOf(`\n${HUMAN}`), -end.length);
	let at = 0;
	while (said.startsWith(picture, at)) at += picture.length;
	return said.startsWith(`\n${HUMAN}`, at) ? said.slice(at + 1 + HUMAN.length) : undefined;
}

/** Values for the fields of templates, e.g. `question`, `option`, `bbox`. */
export type TemplateFields = Readonly<Record<string, string>>;

/** What one example of a task becomes: input and target with `{field}` for its values. */
interface Pattern {
	readonly input: string;
	readonly target: string;
}

const SHORT_ANSWER = 'Answer the question using a single word or phrase. ';
const LETTER = "Answer with the option's letter from the given choices directly. ";
const OPTIONS = '\nThere are several options:\n{option}\n';
const YES_NO = `${SHORT_ANSWER}{question_interro} Please answer yes or no.`;
const LOCATE = 'Provide the bounding box coordinate of the region this sentence describes. {phrase}';
const SQA = `${LETTER}{question}\nContext: {context}${OPTIONS}`;

const locate: Pattern = { input: LOCATE, target: '{bbox}' };
const shortAnswer: readonly Pattern[] = [{ input: `${SHORT_ANSWER}{question}`, target: '{answer}' }];
const letterOfOptions: readonly Pattern[] = [{ input: `${LETTER}{question}${OPTIONS}`, target: '{answer}' }];
const grounding: readonly Pattern[] = [
	locate,
	{ input: 'Provide a short description for this region. {bbox}', target: '{phrase}' }
];

function describe(how: string): readonly Pattern[] {
	return [locate, { input: `Provide a description for the region {bbox}, ${how}`, target: '{phrase}' }];
}

/**
 * Upstream's `honeybee_default` template: patterns by data set or task name. A data set with several patterns draws one
 * for each sample in training. Data sets that upstream maps to a shared name stand under their own name too.
 * @see upstream `pipeline/data_utils/templates/dev.py`
 */
const HONEYBEE_DEFAULT = {
	vqa: shortAnswer,
	vgqa: shortAnswer,
	gqa: shortAnswer,
	ocrvqa: shortAnswer,
	okvqa: shortAnswer,
	kvqa: shortAnswer,
	'vqa-o': letterOfOptions,
	aokvqa: letterOfOptions,
	sqa: [{ input: SQA, target: '{answer}' }],
	vsr: [{ input: YES_NO, target: '{answer}' }],
	loc: grounding,
	vgloc: grounding,
	refexploc: grounding,
	refcoco: describe(
		"utilizing positional words to refer to objects. Example: 'The large blue teddy bear next to the red balloon'"
	),
	refcocop: describe(
		"focusing on the appearance of objects without using positional words. Example: 'The large blue teddy bear holding a red balloon.'"
	),
	refcocog: describe(
		"using detailed and descriptive expressions to refer to objects. Example: 'The large blue teddy bear holding a red balloon with a joyful expression.'"
	),
	mme: [{ input: `${SHORT_ANSWER}{question}`, target: '' }],
	mmb: [{ input: `${LETTER}{question}`, target: '' }],
	'eval-vqa': [{ input: `${SHORT_ANSWER}{question}`, target: '' }],
	'eval-sqa': [{ input: SQA, target: '' }],
	'eval-refexploc': [{ input: LOCATE, target: '' }],
	'eval-vsr': [{ input: YES_NO, target: '' }]
} as const satisfies Readonly<Record<string, readonly Pattern[]>>;

/** Data set or task that `honeybee_default` has patterns for. */
export type TemplateName = keyof typeof HONEYBEE_DEFAULT;

export const templateNames = Object.keys(HONEYBEE_DEFAULT) as readonly TemplateName[];

/** Number of patterns of a template, of which training draws one per sample. */
export function patternCount(name: TemplateName): number {
	return HONEYBEE_DEFAULT[name].length;
}

/** What the human asks in a task, e.g. `templateInput('vqa', { question: 'What is this?' })`. */
export function templateInput(name: TemplateName, fields: TemplateFields, pattern = 0): string {
	return fill(choosePattern(name, pattern).input, fields);
}

/** What the model should answer in training; empty for evaluation templates. */
export function templateTarget(name: TemplateName, fields: TemplateFields, pattern = 0): string {
	return fill(choosePattern(name, pattern).target, fields);
}

/** Whole `honeybee_default` prompt of one or several examples about the same image, as upstream's templatizer makes it. */
export function formatTemplate(
	name: TemplateName,
	examples: readonly TemplateFields[],
	{ imageCount = 1, pattern = 0 }: { readonly imageCount?: number; readonly pattern?: number } = {}
): string {
	return formatConversation(
		'honeybee_default',
		examples.map((fields, i) => ({
			question: templateInput(name, fields, pattern),
			imageCount: i === 0 ? imageCount : 0,
			answer: templateTarget(name, fields, pattern)
		}))
	);
}

/** Pretraining text of an image and its caption; the tokenizer knows its form. */
export function formatCaptioning(caption: string): string {
	return `[NO_PROMPT] ${IMAGE_PLACEHOLDER} ${caption}`;
}

function choosePattern(name: TemplateName, index: number): Pattern {
	const pattern = HONEYBEE_DEFAULT[name][index];
	if (pattern === undefined) throw new RangeError(`The template ${name} has no pattern ${index}.`);
	return pattern;
}

function fill(pattern: string, fields: TemplateFields): string {
	return pattern.replace(/\{(\w+)\}/g, (_, field: string) => {
		const value = fields[field];
		if (value === undefined) throw new RangeError(`The prompt needs a value for ${field}.`);
		return value;
	});
}
