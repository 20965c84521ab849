import { PREFILL_CHUNK, type LanguageModel } from '../../../src/lib/model/runtime/language.ts';
import { argmax } from '../../../src/lib/model/runtime/sampling.ts';
import type { Continuation, Continued, LmRun, LmTask } from './results.ts';

/** What one of our backends does with the task; the same in Node and in a page. */
export async function measureOurs(model: LanguageModel, task: LmTask, load_ms: number): Promise<LmRun> {
	await continued(model, task.warm);
	const timed: Continued[] = [];
	for (const continuation of task.timed) timed.push(await continued(model, continuation));
	const compared: { ids: readonly number[]; logits: number[] }[] = [];
	for (const continuation of task.compared) {
		let logits: number[] = [];
		const { ids } = await continued(model, continuation, (after) => {
			logits = Array.from(after, (value) => Number(value.toPrecision(6)));
		});
		compared.push({ ids, logits });
	}
	return { load_ms, timed, compared };
}

async function continued(
	model: LanguageModel,
	{ prompt_ids, new_tokens }: Continuation,
	onPrompt: (logits: Float32Array) => void = () => undefined
): Promise<Continued> {
	model.cache.clear();
	const [ids, at_ms]: [number[], number[]] = [[], []];
	const begin = performance.now();
	// As `generate` does: long prompts in pieces.
	let logits: Float32Array = new Float32Array(0);
	for (let start = 0; start < prompt_ids.length; start += PREFILL_CHUNK) {
		const part = prompt_ids.slice(start, start + PREFILL_CHUNK);
		logits = await model.append(await model.embed(part), part);
	}
	onPrompt(logits);
	for (;;) {
		const best = argmax(logits);
		ids.push(best);
		at_ms.push(performance.now() - begin);
		if (ids.length === new_tokens) return { ids, at_ms };
		logits = await model.append(await model.embed([best]), [best]);
	}
}
