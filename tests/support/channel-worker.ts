import { expose } from 'comlink';

/** A worker in this thread: what is exposed answers over a channel, everything structured-cloned as for a real one. */
export function channelWorker(exposed: object): Worker {
	const { port1, port2 } = new MessageChannel();
	expose(exposed, port2);
	port1.start();
	const worker = {
		postMessage: (message: unknown, transfer: Transferable[] = []) => port1.postMessage(message, transfer),
		addEventListener: port1.addEventListener.bind(port1),
		removeEventListener: port1.removeEventListener.bind(port1),
		terminate: () => {
			port1.close();
			port2.close();
		}
	};
	return worker as unknown as Worker;
}
