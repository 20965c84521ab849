/** Takes a Web Lock and keeps it for as long as this worker lives. @returns whether it was to be had */
export async function holdForLife(lock: string, options: LockOptions = {}): Promise<boolean> {
	if (!navigator.locks) return true;
	return new Promise<boolean>((resolve) => {
		void navigator.locks.request(lock, options, (held) => {
			resolve(held !== null);
			return held === null ? undefined : new Promise<never>(() => undefined);
		});
	});
}
