import { expect, it } from 'vitest';
import { optional } from '../../../src/cli/eval/queue.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';

it('--queue says what to install where its packages were left out, and passes on every other error', async () => {
	const absent = 'a-package-that-is-not-installed';
	const missing = optional(() => import(/* @vite-ignore */ absent));
	await expect(missing).rejects.toThrow(InputError);
	await expect(missing).rejects.toThrow(/npm install bullmq ioredis/);
	await expect(optional(() => Promise.reject(new TypeError('broken')))).rejects.toThrow(TypeError);
	expect(await optional(() => import('ioredis'))).toHaveProperty('Redis');
});
