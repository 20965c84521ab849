import { expose } from 'comlink';
import { HoneybeeWorker } from './worker.ts';

expose(new HoneybeeWorker());
