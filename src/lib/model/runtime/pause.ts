/**
 * Lets waiting messages (a cancel, a click) be handled: computing on the CPU holds the thread between awaits.
 * Timers are no use here, browsers stretch them to 4 ms. Node's setImmediate, which browsers have not, takes a tenth of a channel of messages.
 */
export function pause(): Promise<void> {
	const { setImmediate: immediately } = globalThis as {
		readonly setImmediate?: (done: () => void) => unknown;
	};
	return new Promise((resolve) => {
		if (immediately) {
			immediately(resolve);
			return;
		}
		const { port1, port2 } = new MessageChannel();
		port1.onmessage = () => {
			port1.close();
			resolve();
		};
		port2.postMessage(0);
	});
}
