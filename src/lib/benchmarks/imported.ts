import type { Data, Result } from './benchmark.ts';

/** Where results of another tool come from, as far as their files say it. */
export interface ImportSource {
	/** Name of the tool. */
	readonly tool: string;
	readonly version?: string;
	/** Name of the file. */
	readonly file: string;
	/** The model, as the tool names it. */
	readonly model?: string;
	/** The first question as the tool asked it. */
	readonly prompt?: string;
	/** Tokens of an average question, as the tool counted them. */
	readonly tokens?: TokenCost;
}

/** Tokens of an average question; prompts are often not counted. */
export interface TokenCost {
	readonly input?: number;
	readonly output: number;
	/** Questions they were counted for. */
	readonly questions: number;
}

/** What an import gives. */
export interface Imported<D extends Data = Data> {
	readonly results: Result<D>[];
	/** All but the tool's name and the file's. */
	readonly about: Partial<ImportSource>;
	/** Sentences that a reader of the scores has to know. */
	readonly notes: readonly string[];
}

/** Longest prompt that is told. */
const PROMPT = 160;

/** The source in one line, for captions: "lmms-eval 0.7.3 · samples.jsonl · model · asked as “…”". */
export function sourceWords({ tool, version, file, model, prompt }: ImportSource): string {
	const asked = prompt?.trim().replace(/\s+/g, ' ');
	return [
		`${tool}${version === undefined ? ', version not in the file' : ` ${version}`}`,
		file,
		...(model === undefined ? [] : [model]),
		asked === undefined || asked === ''
			? 'prompt not in the file'
			: `asked as “${asked.length > PROMPT ? `${asked.slice(0, PROMPT)}…` : asked}”`
	].join(' · ');
}
