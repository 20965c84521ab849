/**
 * The other end of the frame in a saved notebook: there is no workbench and no model, only the answers that its cells were given when it
 * was saved. Cells run again, inputs move, figures are live; what was never asked has no answer.
 */
import { packValue, unpackValue } from '../viz/export/pack.ts';
import type { ProjectorStyles } from '../viz/palette.ts';
import type { FileInfo, FromFrame, NotebookSubject, ToFrame } from './protocol.ts';

/** What a saved notebook holds, packed by `viz/export/pack.ts`. */
export interface SavedNotebook {
	/** Notebook in the open HTML format. */
	readonly text: string;
	readonly subject: NotebookSubject | undefined;
	readonly styles: ProjectorStyles;
	readonly files: readonly FileInfo[];
	/** Results by `callKey`; contents of files, libraries and other notebooks, too. */
	readonly answers: ReadonlyMap<string, unknown>;
}

/** Of the element that holds it. */
export const SAVED_NOTEBOOK = 'saved-notebook';

/** Names one call with its arguments. */
export function callKey(name: string, args: readonly unknown[]): string {
	return packValue([name, args]);
}

/** Serves the cells of this page's notebook from what was saved with them. */
export function serveSaved(text: string): void {
	const saved = unpackValue(text) as SavedNotebook;
	const dark = matchMedia('(prefers-color-scheme: dark)');
	const { port1, port2 } = new MessageChannel();
	const send = (message: ToFrame) => port1.postMessage(message);
	port1.onmessage = ({ data }: MessageEvent<FromFrame>) => {
		if (data.type === 'ready') {
			send({ type: 'subject', subject: saved.subject });
			const { text, styles, files } = saved;
			const how = { files, inputs: {}, trusted: true, run: true, editable: false, dark: dark.matches };
			send({ type: 'open', text, styles, ...how });
		} else if (data.type === 'call') {
			const key = callKey(data.name, data.args);
			send(
				saved.answers.has(key)
					? { type: 'result', id: data.id, value: saved.answers.get(key) }
					: { type: 'missing', id: data.id }
			);
		}
	};
	dark.addEventListener('change', () => send({ type: 'theme', dark: dark.matches }));
	// The frame's script listens to its parent, which is this page itself.
	postMessage('honeybee-notebook', '*', [port2]);
}

const place = globalThis.document?.getElementById(SAVED_NOTEBOOK);
if (place) serveSaved(place.textContent ?? '');
