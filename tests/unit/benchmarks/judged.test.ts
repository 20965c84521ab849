import { describe, expect, it } from 'vitest';
import { llavabench } from '../../../src/lib/benchmarks/llavabench.ts';
import { mmvet } from '../../../src/lib/benchmarks/mmvet.ts';
import { owleval } from '../../../src/lib/benchmarks/owleval.ts';
import type { Benchmark, Data } from '../../../src/lib/benchmarks/benchmark.ts';

/** What a judge gets of two answers. */
function answersOf<D extends Data>(benchmark: Benchmark<D>, ...data: D[]) {
	const report = benchmark.score(data.map((of, id) => ({ id, pred: `Answer ${id}, "quoted".`, data: of })));
	expect(report.files).toHaveLength(1);
	return { report, path: report.files[0]!.path, content: String(report.files[0]!.content) };
}

describe('benchmarks that a judge scores write its answer file and give no score', () => {
	it('LLaVA-Bench: a JSON line for each answer, as eval_gpt_review_bench.py reads them', () => {
		const { report, path, content } = answersOf(
			llavabench,
			{ question: 'Q0?', category: 'conv', question_id: 7 },
			{ question: 'Q1?', category: 'detail', question_id: 8 }
		);
		expect(path).toBe('LLaVA-Bench_answers.jsonl');
		const lines = content.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
		expect(lines).toEqual(
			[7, 8].map((question_id, i) => ({
				...{ question_id, prompt: `Q${i}?`, text: `Answer ${i}, "quoted".` },
				...{ answer_id: `honeybee-${question_id}`, model_id: 'honeybee', metadata: {} }
			}))
		);
		expect(report.scores).toEqual([]);
		expect(report.notes.join(' ')).toContain('eval_gpt_review_bench.py');
	});

	it('MM-Vet: one object, question id to answer', () => {
		const { report, path, content } = answersOf(
			mmvet,
			{ question: 'Q?', question_id: 'v1_0', answer: 'a', capability: ['rec', 'ocr'] },
			{ question: 'Q?', question_id: 'v1_1', answer: 'b', capability: ['math'] }
		);
		expect(path).toBe('MM-Vet_answers.json');
		expect(JSON.parse(content)).toEqual({
			v1_0: 'Answer 0, "quoted".',
			v1_1: 'Answer 1, "quoted".'
		});
		expect(report.scores).toEqual([]);
		expect(report.notes.join(' ')).toContain('mm-vet_evaluator');
	});

	it('OwlEval: upstream’s list, for readers', () => {
		const { report, path, content } = answersOf(owleval, {
			...{ question: 'Q?', question_id: 3, image_path: '3.jpg', ability: 'A' }
		});
		expect(path).toBe('OWLTask_prediction_results_all.json');
		expect(JSON.parse(content)).toEqual([
			{
				...{ image: '3.jpg', question_id: 3, question: 'Q?' },
				...{ answer: 'Answer 0, "quoted".', model_id: 'Custom_OWL' }
			}
		]);
		expect(report.scores).toEqual([]);
	});
});
