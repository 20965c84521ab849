import type { Attachment } from 'svelte/attachments';
import { definitionOf, type Word } from './glossary.ts';

let shown: HTMLElement | undefined;

function hide(): void {
	shown?.remove();
	shown = undefined;
}

/** A definition below `anchor`, above everything else, inside the window. */
function show(anchor: HTMLElement, text: string): void {
	hide();
	const note = document.createElement('p');
	note.className = 'definition';
	note.textContent = text;
	// The anchor says it itself, by its description.
	note.setAttribute('aria-hidden', 'true');
	document.body.append(note);
	const at = anchor.getBoundingClientRect();
	const { width, height } = note.getBoundingClientRect();
	const below = at.bottom + 6;
	note.style.left = `${Math.max(8, Math.min(at.left, document.documentElement.clientWidth - width - 8))}px`;
	note.style.top = `${below + height > innerHeight ? Math.max(8, at.top - height - 6) : below}px`;
	shown = note;
}

/** Shows what a word means while it is pointed at or has focus; Escape takes the note away. */
export function defined(word: Word): Attachment<HTMLElement> {
	return (element) => {
		const text = definitionOf(word);
		const listening = new AbortController();
		const { signal } = listening;
		element.setAttribute('aria-description', text);
		element.classList.add('defined');
		element.removeAttribute('title');
		if (element.tabIndex < 0) element.tabIndex = 0;
		for (const event of ['pointerenter', 'focus'])
			element.addEventListener(event, () => show(element, text), { signal });
		for (const event of ['pointerleave', 'blur']) element.addEventListener(event, hide, { signal });
		element.addEventListener('keydown', ({ key }) => key === 'Escape' && hide(), { signal });
		addEventListener('scroll', hide, { capture: true, passive: true, signal });
		return () => {
			listening.abort();
			hide();
		};
	};
}
