/** Takes a Web Lock and keeps it for as long as this worker lives. @returns whether it was to be had */
export async function holdForLife(lock: string, options: LockOptions = {}): Promise<boolean> {
	if (!navigator.locks) return true;
	return new Promise<boolean>((resolve, reject) => {
		const held = navigator.locks.request(lock, options, (got) => {
			resolve(got !== null);
			return got === null ? undefined : new Promise<never>(() => undefined);
		});
		// A page that may have no locks; also a lock that is taken away, when nobody waits for this any more.
		held.catch(reject);
	});
}
