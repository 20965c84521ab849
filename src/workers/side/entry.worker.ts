import { expose } from 'comlink';
import { SideWorker } from './worker.ts';

expose(new SideWorker());
