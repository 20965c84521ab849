import type { ProjectorStyles } from '../viz/palette.ts';

/** What the page and the sandboxed frame of a notebook say to each other, over one MessagePort. All of it is structured-cloneable. */

/** Calls that a cell may make; the page answers them, and nothing else. */
export const calls = [
	'ask',
	'trace',
	'figure',
	'locality',
	'offsets',
	'compare',
	'sweep',
	'scenes',
	'file'
] as const;
export type Call = (typeof calls)[number];

/** What the page hands over besides: the bytes of a file beside the notebook, a library's code, the text of another notebook. */
export const supplies = ['attachment', 'library', 'notebook'] as const;
export type Supply = (typeof supplies)[number];

/** A file beside the notebook. */
export interface FileInfo {
	/** With its folder, if it has one. */
	readonly name: string;
	/** MIME type, or empty. */
	readonly type: string;
	readonly size: number;
	/** Milliseconds since 1970. */
	readonly lastModified: number;
}

/** What inputs stood at, by cell and place in it, with the text of the cell that this holds for. */
export type Inputs = Readonly<Record<string, { readonly of: string; readonly value: unknown }>>;

/** The model, projector, M and image chosen in the workbench. */
export interface NotebookSubject {
	readonly model: string;
	readonly projector: string;
	readonly projectors: readonly string[];
	/** M */
	readonly tokens: number;
	readonly image: {
		readonly name: string;
		readonly href: string;
		readonly width: number;
		readonly height: number;
	};
}

export interface OpenMessage {
	readonly type: 'open';
	/** Notebook in the open HTML format, or a Jupyter notebook in JSON. */
	readonly text: string;
	/** Whether its cells may run. */
	readonly trusted: boolean;
	/** Run its cells now; after a cell that did not give way was stopped, the reader runs them again. */
	readonly run: boolean;
	readonly editable: boolean;
	readonly dark: boolean;
	/** Colours and titles of projectors. */
	readonly styles: ProjectorStyles;
	readonly files: readonly FileInfo[];
	readonly inputs: Inputs;
}

export type ToFrame =
	| OpenMessage
	| { readonly type: 'result'; readonly id: number; readonly value: unknown }
	| { readonly type: 'error'; readonly id: number; readonly message: string }
	/** A saved notebook has no answer to it. */
	| { readonly type: 'missing'; readonly id: number }
	| { readonly type: 'files'; readonly files: readonly FileInfo[] }
	| { readonly type: 'progress'; readonly id: number; readonly done: number; readonly total: number }
	| { readonly type: 'subject'; readonly subject: NotebookSubject | undefined }
	| { readonly type: 'theme'; readonly dark: boolean }
	| { readonly type: 'editable'; readonly editable: boolean }
	| { readonly type: 'run' }
	| { readonly type: 'stop' }
	| { readonly type: 'snapshot'; readonly id: number }
	| { readonly type: 'ping'; readonly id: number };

export type FromFrame =
	| { readonly type: 'ready' }
	| {
			readonly type: 'call';
			readonly id: number;
			readonly name: Call | Supply;
			readonly args: readonly unknown[];
	  }
	| { readonly type: 'abort'; readonly id: number }
	| { readonly type: 'changed'; readonly text: string; readonly title: string }
	/** What was changed cannot be written so that it comes back; what was saved stays. */
	| { readonly type: 'unwritten'; readonly message: string }
	| {
			readonly type: 'status';
			readonly running: number;
			readonly failed: number;
			readonly cells: number;
			readonly ran: number;
	  }
	| { readonly type: 'snapshot'; readonly id: number; readonly html: string }
	/** Files were dropped on the notebook. */
	| { readonly type: 'attach'; readonly files: readonly File[] }
	| { readonly type: 'inputs'; readonly inputs: Inputs }
	/** Of all cells, pixels. */
	| { readonly type: 'height'; readonly height: number }
	/** What the reader is at now, pixels from the frame's top. */
	| { readonly type: 'reveal'; readonly top: number; readonly bottom: number }
	/** A link was followed; the frame itself opens nothing. */
	| { readonly type: 'link'; readonly href: string }
	| { readonly type: 'pong'; readonly id: number };
