import { expose } from 'comlink';
import { SideWorker } from './side-worker.ts';

expose(new SideWorker());
