import type { Ink } from './palette.ts';
import { text, type Pen } from './svg.ts';

/** A line at the figure's foot where the numbers under the pointer stand; room for it is always kept. */
export interface Readout {
	readonly element: SVGTextElement;
	write(content: string): void;
}

export function readout(pen: Pen, ink: Ink, x: number, y: number): Readout {
	const element = text(pen, x, y, '', { class: 'readout', fill: ink.soft, 'aria-live': 'polite' });
	return { element, write: (content) => void (element.textContent = content) };
}
