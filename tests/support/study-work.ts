import { projectorStyles } from '../../src/lib/model/projectors/registry.ts';
import type { LocalityRequest } from '../../src/lib/model/runtime/types.ts';
import { LocalityCache } from '../../src/lib/study/cache.ts';
import type { StudyColumn, Work } from '../../src/lib/study/figure-study.ts';
import { subjectIn, type SubjectModel } from '../../src/lib/study/subject.ts';
import { fakeManifest } from '../unit/workbench/fakes.ts';
import { answerResult, FakeAnswerer } from './fake-answerer.ts';

/** 6 × 6 patches; C-Abstractor and Resampler, both with M = 9. */
export const model: SubjectModel = {
	manifest: fakeManifest('mini'),
	backend: {
		backend: 'node',
		description: '2 threads',
		threads: 2,
		software: false,
		reason: 'A test.',
		shader_f16: false
	}
};
export const image = {
	id: 'i',
	name: 'i.png',
	bytes: new Uint8Array([1]),
	url: 'data:image/png;base64,AQ=='
};

/** Answers with its projector's name; every token of a map looks at the patch of its own number; visual tokens differ by image. */
export function workingModel() {
	return new FakeAnswerer(({ projector }) => [{ type: 'done', result: answerResult(projector) }], {
		async locality({ tokens = 9 }: LocalityRequest) {
			const data = Float32Array.from({ length: tokens * 36 }, (_, i) =>
				Number(i % 36 === Math.floor(i / 36))
			);
			return { visual_embeds: { dtype: 'float32' as const, dims: [tokens, 36], data } };
		},
		async trace({ tokens = 9, image: { id } }) {
			const data = Float32Array.from({ length: tokens * 16 }, (_, i) => Math.sin(i * i + id.charCodeAt(0)));
			return { visual_embeds: { dtype: 'float32' as const, dims: [tokens, 16], data } };
		},
		async score({ projector }) {
			const log_probabilities = Float32Array.of(projector === 'c-abs' ? -1 : -2);
			return { ids: [5], pieces: ['a'], log_probabilities };
		}
	});
}

/** A comparison of projectors of `model` at their M. */
export function comparedWork(
	answerer: FakeAnswerer,
	columns: readonly (readonly [projector: string, M: number])[]
): Work {
	const maps = new LocalityCache(answerer);
	return {
		model,
		answerer,
		maps,
		subject: subjectIn(model, image, 'c-abs')!,
		columns: columns.map(([projector, M], place): StudyColumn => {
			const subject = subjectIn(model, image, projector, M)!;
			const letter = 'ABCD'[place]!;
			return {
				...{ answerer, maps, subject, letter, colour: projectorStyles[projector]?.colour ?? '#767676' },
				name: `${letter}: ${subject.entry.title}, M = ${M}`
			};
		})
	};
}
