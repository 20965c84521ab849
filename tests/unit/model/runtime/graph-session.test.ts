import { describe, expect, it } from 'vitest';
import { BackendError, type Backend, type Session } from '../../../../src/lib/model/runtime/backend.ts';
import { GraphSession, toTensor } from '../../../../src/lib/model/runtime/graph-session.ts';

const request = { files: { graph: 'g.onnx', weights: [] } } as unknown as Parameters<
	Backend['createSession']
>[0];

async function sessionThat(run: Session['run']): Promise<GraphSession> {
	const session: Session = { inputNames: [], outputNames: ['y'], run, release: async () => undefined };
	return GraphSession.create({ createSession: async () => session } as unknown as Backend, request);
}

describe('a failure of the runtime', () => {
	it.each<[string, unknown, string]>([
		['an error', new Error('failed to call OrtRun()'), 'failed to call OrtRun()'],
		['a number out of WebAssembly', 5_243_920, '5243920']
	])('in a run is a BackendError: %s', async (_, thrown, message) => {
		const session = await sessionThat(async () => {
			throw thrown;
		});
		const run = session.run({}, ['y']);
		await expect(run).rejects.toThrow(BackendError);
		await expect(run).rejects.toThrow(message);
		await expect(run).rejects.toMatchObject({ cause: thrown });
	});

	it('while values are fetched from the device is one, too', async () => {
		const value = { getData: () => Promise.reject(new Error('mapAsync: the device is lost')) };
		await expect(toTensor(value as never)).rejects.toThrow(BackendError);
	});

	it('is told from what is asked wrongly', async () => {
		const session = await sessionThat(async () => ({}));
		const run = session.run({}, ['z']);
		await expect(run).rejects.toThrow('g.onnx has no output "z"');
		await expect(run).rejects.not.toThrow(BackendError);
	});
});
