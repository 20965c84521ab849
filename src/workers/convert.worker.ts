import { expose } from 'comlink';
import { ConvertWorker } from './converter.ts';

expose(new ConvertWorker());
