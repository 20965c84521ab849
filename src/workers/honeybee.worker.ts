import { expose } from 'comlink';
import { HoneybeeWorker } from './worker-api.ts';

expose(new HoneybeeWorker());
