import { expose } from 'comlink';
import { ConvertWorker } from '../../../src/workers/converter.ts';

/** The conversion worker with a storage that is full after some bytes, or says that it has a quota. */
let room = Infinity;
const write = FileSystemSyncAccessHandle.prototype.write;
FileSystemSyncAccessHandle.prototype.write = function (buffer, options) {
	room -= buffer.byteLength;
	if (room < 0) throw new DOMException('full', 'QuotaExceededError');
	return write.call(this, buffer, options);
};

addEventListener('message', ({ data }: MessageEvent<{ room?: number; quota?: number }>) => {
	if (data.room !== undefined) room = data.room;
	const { quota } = data;
	if (quota !== undefined) navigator.storage.estimate = async () => ({ quota, usage: 0 });
});

expose(new ConvertWorker());
