/**
 * Lets waiting messages (a cancel, a click) be handled: computing on the CPU holds the thread between awaits.
 * Timers are no use here, browsers stretch them to 4 ms.
 */
export function pause(): Promise<void> {
	return new Promise((resolve) => {
		const { port1, port2 } = new MessageChannel();
		port1.onmessage = () => {
			port1.close();
			resolve();
		};
		port2.postMessage(0);
	});
}
