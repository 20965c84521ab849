import type { ProjectorStyles } from '../viz/palette.ts';

/** What the page and the sandboxed frame of a notebook say to each other, over one MessagePort. All of it is structured-cloneable. */

/** Calls that a cell may make; the page answers them, and nothing else. */
export const calls = ['ask', 'trace', 'locality', 'offsets', 'compare', 'sweep', 'scenes', 'file'] as const;
export type Call = (typeof calls)[number];

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
}

export type ToFrame =
	| OpenMessage
	| { readonly type: 'result'; readonly id: number; readonly value: unknown }
	| { readonly type: 'error'; readonly id: number; readonly message: string }
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
	| { readonly type: 'call'; readonly id: number; readonly name: Call; readonly args: readonly unknown[] }
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
	/** A link was followed; the frame itself opens nothing. */
	| { readonly type: 'link'; readonly href: string }
	| { readonly type: 'pong'; readonly id: number };
