import {
	autocompletion,
	closeBrackets,
	closeBracketsKeymap,
	completionKeymap,
	completionStatus,
	type CompletionContext
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { html } from '@codemirror/lang-html';
import { javascript } from '@codemirror/lang-javascript';
import { markdown } from '@codemirror/lang-markdown';
import { bracketMatching, HighlightStyle, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { Compartment, EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { words } from '../reference.ts';
import { members } from './library.ts';

/** Few colours: words of the language, text and numbers, remarks. */
const colours = HighlightStyle.define([
	{ tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: 'var(--keyword)' },
	{ tag: [tags.string, tags.number, tags.bool, tags.null, tags.regexp], color: 'var(--literal)' },
	{ tag: [tags.comment, tags.meta, tags.processingInstruction], color: 'var(--soft)' },
	{ tag: tags.heading, fontWeight: '600' },
	{ tag: tags.emphasis, fontStyle: 'italic' },
	{ tag: tags.strong, fontWeight: '600' }
]);

export interface EditorKeys {
	/** Runs the cell: shift-enter goes on to the next, mod-enter stays, alt-enter makes a new one below. */
	run(then: 'next' | 'stay' | 'below'): void;
	/** Escape: from the text to the cell. */
	leave(): void;
	/** Past the first or last line. */
	past(direction: -1 | 1): boolean;
	changed(text: string): void;
	/** Where the caret has gone, pixels from the top of the frame. */
	caret(top: number, bottom: number): void;
}

export interface Editor {
	readonly view: EditorView;
	setMode(mode: string): void;
	setEditable(editable: boolean): void;
}

export function makeEditor(
	parent: HTMLElement,
	text: string,
	mode: string,
	label: string,
	names: () => readonly string[],
	keys: EditorKeys
): Editor {
	const language = new Compartment();
	const editable = new Compartment();
	const languageOf = (kind: string) =>
		kind === 'md'
			? markdown()
			: kind === 'html'
				? html()
				: kind === 'tex' || kind === 'dot' || kind === 'sql'
					? []
					: javascript({ typescript: kind === 'ts' });
	let kind = mode;
	const complete = (context: CompletionContext) => {
		// Prose is not code, but for what stands in ${…}.
		const before = context.state.sliceDoc(0, context.pos);
		if (!['js', 'ts', 'ojs'].includes(kind) && !/\$\{[^}]*$/.test(before)) return null;
		const word = context.matchBefore(/[\w$][\w$.]*/);
		if (!word && !context.explicit) return null;
		const [owner, member] = word?.text.split('.') ?? [];
		return {
			from: word?.from ?? context.pos,
			options: [
				...words.map(({ label, detail }) => ({ label, detail, type: 'function' })),
				...(member === undefined ? [] : members(owner!)).map((name) => ({
					label: `${owner}.${name}`,
					type: 'property'
				})),
				...names().map((label) => ({ label, detail: 'defined in this notebook', type: 'variable' }))
			]
		};
	};
	const run = (then: 'next' | 'stay' | 'below') => () => {
		keys.run(then);
		return true;
	};
	const atEdge = (direction: -1 | 1) => (view: EditorView) => {
		const { main } = view.state.selection;
		const edge = direction < 0 ? 0 : view.state.doc.length;
		// The arrows choose among the completions while these are shown.
		if (completionStatus(view.state) === 'active') return false;
		return main.empty && main.head === edge && keys.past(direction);
	};
	const view = new EditorView({
		parent,
		state: EditorState.create({
			doc: text,
			extensions: [
				Prec.highest(
					keymap.of([
						{ key: 'Shift-Enter', run: run('next') },
						{ key: 'Mod-Enter', run: run('stay') },
						{ key: 'Alt-Enter', run: run('below') },
						{ key: 'ArrowUp', run: atEdge(-1) },
						{ key: 'ArrowDown', run: atEdge(1) }
					])
				),
				history(),
				bracketMatching(),
				closeBrackets(),
				indentUnit.of('\t'),
				EditorState.tabSize.of(2),
				EditorView.lineWrapping,
				EditorView.contentAttributes.of({ 'aria-label': label }),
				syntaxHighlighting(colours),
				autocompletion({ override: [complete], icons: false }),
				keymap.of([
					...completionKeymap,
					...closeBracketsKeymap,
					...defaultKeymap,
					...historyKeymap,
					indentWithTab,
					{
						key: 'Escape',
						run: () => {
							keys.leave();
							return true;
						}
					}
				]),
				language.of(languageOf(mode)),
				editable.of(EditorView.editable.of(true)),
				EditorView.updateListener.of((update) => {
					if (update.docChanged) keys.changed(update.state.doc.toString());
					if (!update.view.hasFocus || !(update.docChanged || update.selectionSet)) return;
					update.view.requestMeasure({
						read: (view) => view.coordsAtPos(view.state.selection.main.head),
						write: (place) => place && keys.caret(place.top, place.bottom)
					});
				})
			]
		})
	});
	return {
		view,
		setMode: (next) => {
			kind = next;
			view.dispatch({ effects: language.reconfigure(languageOf(next)) });
		},
		setEditable: (now) => view.dispatch({ effects: editable.reconfigure(EditorView.editable.of(now)) })
	};
}
