import type { AnswerResult, AnswerScores } from '$lib/model/runtime/types.ts';
import type { TokenMatrix } from '$lib/analysis/token-similarity.ts';
import { greedy } from '$lib/model/runtime/sampling.ts';
import type { Answerer } from '$lib/study/answerer.ts';
import { ask } from '$lib/study/ask.ts';
import type { LocatedMap } from '$lib/study/compare.ts';
import { locatedMap } from '$lib/study/side-by-side.ts';
import { questionRequest } from '$lib/study/question.ts';
import { scoreAnswer, type WrittenAnswer } from '$lib/study/score.ts';
import { visualTokens } from '$lib/study/similarity.ts';
import { measure, measurementKey, type LocalityRows, type Measurement } from '$lib/study/locality.ts';
import type { ModelClient } from '$lib/workbench/session/client.ts';
import { Study } from '$lib/workbench/figures/study.svelte.ts';
import type { Subject } from '$lib/workbench/figures/subject.ts';
import type { ColumnChoice } from '$lib/study/columns.ts';

/** A column's answer and what it answers. */
export interface ColumnAnswer {
	readonly question: string;
	readonly subject: Subject;
	readonly result: AnswerResult;
}

export interface ColumnMap extends LocalityRows, LocatedMap {
	readonly subject: Subject;
}

/** A column's answer, to be scored by all. */
export interface Written extends WrittenAnswer {
	/** Column that wrote it. */
	readonly writer: number;
}

/** An answer scored by a column. */
export interface Scored {
	readonly answer: Written;
	readonly scores: AnswerScores;
	/** By whom, with which image. */
	readonly subject: Subject;
}

/** One column: what was chosen for it, and a study for each thing computed in it. A study that fails leaves the others. */
export class Column {
	/** Tells columns apart on the page; places change. */
	readonly id: number;
	choice: ColumnChoice = $state.raw({});
	/** The answer being written. */
	text = $state('');
	readonly answer = new Study<ColumnAnswer>();
	readonly map = new Study<ColumnMap>();
	readonly embeds = new Study<TokenMatrix>();
	/** This column's scores of all columns' answers. */
	readonly scores = new Study<readonly Scored[]>();

	constructor(id: number, choice: ColumnChoice) {
		this.id = id;
		this.choice = choice;
	}

	ask(answerer: Answerer, subject: Subject, question: string, limit: number): void {
		const key = `${subject.key}|${limit}|${question}`;
		void this.answer.run(key, async ({ signal }) => {
			this.text = '';
			const request = {
				...questionRequest(subject.request, question),
				sampling: { ...greedy, max_new_tokens: limit }
			};
			const result = await ask(answerer, request, { signal, onText: (text) => (this.text = text) });
			return { question, subject, result };
		});
	}

	measure(client: ModelClient, subject: Subject, measurement: Measurement): void {
		void this.map.run(measurementKey(subject, measurement), async (control) => {
			const measured = await measure(client, subject, measurement, control);
			return { ...locatedMap(measured, subject, measurement), subject };
		});
	}

	project(answerer: Answerer, subject: Subject): void {
		void this.embeds.run(subject.key, (control) =>
			visualTokens(answerer, subject.request, subject.tokens, control)
		);
	}

	score(answerer: Answerer, subject: Subject, question: string, answers: readonly Written[]): void {
		const key = [
			subject.key,
			question,
			...answers.flatMap(({ writer, model, text }) => [writer, model, text])
		].join('|');
		void this.scores.run(key, async ({ signal, onProgress }) => {
			const scores: Scored[] = [];
			for (const answer of answers) {
				const { name } = subject.manifest;
				const given = await scoreAnswer(answerer, name, subject.request, question, answer, { signal });
				scores.push({ answer, subject, scores: given });
				onProgress?.({ done: scores.length, total: answers.length });
			}
			return scores;
		});
	}

	/** Stops everything in work. */
	stop(): void {
		for (const study of [this.answer, this.map, this.embeds, this.scores]) study.cancel();
	}
}
