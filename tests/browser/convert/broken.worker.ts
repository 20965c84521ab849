import { expose } from 'comlink';
import { ConvertWorker } from '../../../src/workers/convert/worker.ts';
import { limitStorage } from './full-storage.ts';

/** The conversion worker with a storage that is full after some bytes, or says that it has a quota. */
const setRoom = limitStorage();

addEventListener('message', ({ data }: MessageEvent<{ room?: number; quota?: number }>) => {
	if (data.room !== undefined) setRoom(data.room);
	const { quota } = data;
	if (quota !== undefined) navigator.storage.estimate = async () => ({ quota, usage: 0 });
});

expose(new ConvertWorker());
