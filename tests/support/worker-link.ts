import { expose } from 'comlink';
import type { HoneybeeModel } from '../../src/lib/model/runtime/model.ts';
import { ModelClient } from '../../src/workers/model/client.ts';
import type { OpenedModel, OpenHooks } from '../../src/workers/model/open-model.ts';
import { ModelWorker } from '../../src/workers/model/worker.ts';
import { fakeManifest } from '../unit/workbench/fakes.ts';

/** A client with the model worker itself at the other end of a message channel, in this thread. */
export interface Link {
	readonly client: ModelClient;
	/** Workers started so far; each has loaded a model anew. */
	readonly started: number;
	/** Of the worker started last, as the graphics device would call it. */
	readonly fail: OpenHooks['onFailure'];
	close(): void;
}

/** What is used of a model by the worker, as far as a test needs it. */
export type PartOfModel = Partial<Omit<HoneybeeModel, 'manifest'>>;

/** @param open gives the model of each load; what it lacks throws */
export function linked(open: () => PartOfModel | Promise<PartOfModel>): Link {
	const ports: MessagePort[] = [];
	let fail: OpenHooks['onFailure'] | undefined;
	let started = 0;
	const openModel = async (_: unknown, { onFailure }: OpenHooks): Promise<OpenedModel> => {
		fail = onFailure;
		const manifest = fakeManifest('fake');
		const model = { dispose: async () => undefined, ...(await open()) } as unknown as HoneybeeModel;
		return {
			model,
			manifest,
			backend: {
				backend: 'node',
				description: 'a test',
				threads: 1,
				software: false,
				reason: 'A test.',
				shader_f16: false
			}
		};
	};
	const client = new ModelClient(() => {
		started++;
		const { port1, port2 } = new MessageChannel();
		ports.push(port1, port2);
		expose(new ModelWorker(openModel), port1);
		return Object.assign(port2, { terminate: () => port2.close() }) as unknown as Worker;
	});
	return {
		client,
		get started() {
			return started;
		},
		get fail() {
			if (!fail) throw new Error('No model is loaded.');
			return fail;
		},
		close() {
			client.dispose();
			for (const port of ports) port.close();
		}
	};
}
