import { expect, it } from 'vitest';
import { fakeImage, fakeManifest } from '../workbench/fakes.ts';
import { subjectIn } from '../../../src/lib/study/subject.ts';
import { answerAgain } from '../../../src/lib/study/surgery.ts';
import { answerResult, FakeAnswerer } from '../../support/fake-answerer.ts';

it('answers with the edits before anything with them is scored, so that the cache tells what they let stand', async () => {
	const calls: string[] = [];
	const model = new FakeAnswerer(
		(request) => {
			calls.push(`answer with ${request.edits?.length} edits`);
			return [{ type: 'done', result: answerResult('b', { cached_positions: 1 }) }];
		},
		{
			async score(request) {
				calls.push(`score with ${request.edits?.length ?? 0} edits`);
				return { ids: [97], pieces: ['a'], log_probabilities: Float32Array.of(-1) };
			}
		}
	);
	const backend = {
		...{
			backend: 'wasm' as const,
			description: '',
			threads: 1,
			software: false,
			reason: '',
			shader_f16: false
		}
	};
	const subject = subjectIn({ manifest: fakeManifest('mini'), backend }, fakeImage('scene'), 'c-abs')!;
	const { image } = subject.request;
	const answer = {
		...{ subject, turns: [{ question: 'What?', images: [image] }], ids: [97] },
		words: [{ word: 'a', from: 0, to: 1 }]
	};
	const { again } = await answerAgain(model, answer, [{ kind: 'delete', tokens: [0] }], {});
	expect(calls.slice(0, 3)).toEqual(['answer with 1 edits', 'score with 0 edits', 'score with 1 edits']);
	expect(again.prompt_ids.length - again.cached_positions).toBe(2);
});
