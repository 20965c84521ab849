import { expose } from 'comlink';
import { ConvertWorker } from './worker.ts';

expose(new ConvertWorker());
