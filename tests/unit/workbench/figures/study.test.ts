// @vitest-environment runes
import { expect, test } from 'vitest';
import { Study } from '../../../../src/lib/workbench/figures/study.svelte.ts';

test('a first look is shown until the result is there, and is not kept as one', async () => {
	const study = new Study<string>();
	const whole = Promise.withResolvers<string>();
	const asked: string[] = [];
	const first = {
		key: 'K = 1',
		compute: async () => {
			asked.push('K = 1');
			return 'rough';
		}
	};
	const running = study.run('K = 8', () => whole.promise, first);
	await expect.poll(() => study.value).toBe('rough');
	expect(study).toMatchObject({ status: 'running', isFirstLook: true, stale: false, valueKey: 'K = 1' });
	expect(study.isOf('K = 8')).toBe(true);
	expect(study.isOf('K = 4')).toBe(false);
	whole.resolve('fine');
	expect(await running).toBe('fine');
	expect(study).toMatchObject({ value: 'fine', status: 'done', isFirstLook: false, valueKey: 'K = 8' });
	// What is there needs no first look, and a first look is no result.
	await study.run('K = 8', () => Promise.reject(new Error('again')), first);
	expect(study.value).toBe('fine');
	await study.run('K = 1', async () => 'as asked for');
	expect(study.value).toBe('as asked for');
	expect(asked).toEqual(['K = 1']);
});

test('stopped after its first look a study shows it as one; of another key it is out of date', async () => {
	const study = new Study<string>();
	const never = () => new Promise<string>(() => undefined);
	void study.run('K = 8', never, { key: 'K = 1', compute: async () => 'rough' });
	await expect.poll(() => study.value).toBe('rough');
	study.cancel();
	expect(study).toMatchObject({ value: 'rough', isFirstLook: true, stale: false });
	void study.run('other', never);
	expect(study).toMatchObject({ value: 'rough', isFirstLook: true, stale: true });
	study.clear();
	expect(study).toMatchObject({ value: undefined, isFirstLook: false });
});

test('a first look that fails fails the study, and one of an earlier key is not shown', async () => {
	const study = new Study<string>();
	await study.run('a', async () => 'whole', {
		key: 'a, soon',
		compute: () => Promise.reject(new Error('No such image.'))
	});
	expect(study).toMatchObject({ status: 'failed', error: 'No such image.', value: undefined });
	const late = Promise.withResolvers<string>();
	const before = study.run('b', async () => 'b', { key: 'b, soon', compute: () => late.promise });
	expect(await study.run('c', async () => 'c')).toBe('c');
	late.resolve('late');
	expect(await before).toBeUndefined();
	expect(study).toMatchObject({ value: 'c', isFirstLook: false });
});
