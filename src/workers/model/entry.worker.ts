import { expose } from 'comlink';
import { ModelWorker } from './worker.ts';

expose(new ModelWorker());
