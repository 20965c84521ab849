/** Makes the browser's storage full after some bytes, in the worker that calls it. @returns sets how many are left, at first all */
export function limitStorage(): (bytes: number) => void {
	let room = Infinity;
	const write = FileSystemSyncAccessHandle.prototype.write;
	FileSystemSyncAccessHandle.prototype.write = function (buffer, options) {
		room -= buffer.byteLength;
		if (room < 0) throw new DOMException('full', 'QuotaExceededError');
		return write.call(this, buffer, options);
	};
	return (bytes) => (room = bytes);
}
