import type { Backend, Session, SessionRequest } from '../../src/lib/model/runtime/backend.ts';

/**
 * A backend that keeps one session open at a time, and opens each again when it is run: a model of any size then needs the
 * memory of its largest graph. Outputs of onnxruntime-node are JavaScript's own and outlive their session.
 */
export function oneSessionAtATime(backend: Backend): Backend {
	let open: { readonly request: SessionRequest; readonly session: Session } | undefined;
	const close = async () => {
		const before = open;
		open = undefined;
		await before?.session.release();
	};
	const opened = async (request: SessionRequest): Promise<Session> => {
		if (open?.request === request) return open.session;
		await close();
		open = { request, session: await backend.createSession(request) };
		return open.session;
	};
	return {
		...backend,
		async createSession(request) {
			const { inputNames, outputNames } = await opened(request);
			return {
				inputNames,
				outputNames,
				run: async (feeds, fetches) => (await opened(request)).run(feeds, fetches),
				async release() {
					if (open?.request === request) await close();
				}
			};
		}
	};
}
