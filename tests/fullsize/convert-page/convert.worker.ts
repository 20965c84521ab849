import { expose } from 'comlink';
import { usualThreads } from '../../../src/workers/convert/threads.ts';
import { ConvertWorker } from '../../../src/workers/convert/worker.ts';

/** The conversion worker with as many threads as its name says; the usual number where it says none. */
const { name } = self;
const count = name === '' ? usualThreads.count : () => Number(name);
expose(new ConvertWorker({ ...usualThreads, count }));
