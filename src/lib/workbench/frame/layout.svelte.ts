import { createContext } from 'svelte';
import { isBoolean, isNumber, type Memory, oneOf, recall, remember } from '../session/storage.ts';

export type Theme = 'system' | 'light' | 'dark';

export type Pane = 'left' | 'right';

interface Range {
	readonly min: number;
	readonly max: number;
	readonly initial: number;
}

/** Widths of the side panes in CSS pixels. */
export const paneRanges: Readonly<Record<Pane, Range>> = {
	left: { min: 220, max: 420, initial: 272 },
	right: { min: 300, max: 680, initial: 400 }
};

/** How this reader has arranged the page: pane sizes, chat open or not, theme. Remembered between visits. */
export class Layout {
	theme = $state<Theme>('system');
	chatOpen = $state(true);
	#widths = $state<Record<Pane, number>>({ left: paneRanges.left.initial, right: paneRanges.right.initial });
	#memory: Memory;

	constructor(memory: Memory) {
		this.#memory = memory;
		this.theme = recall(memory, 'theme', oneOf('system', 'light', 'dark'), 'system');
		this.chatOpen = recall(memory, 'chat-open', isBoolean, true);
		for (const pane of ['left', 'right'] as const)
			this.#widths[pane] = clamp(pane, recall(memory, `width.${pane}`, isNumber, paneRanges[pane].initial));
	}

	width(pane: Pane): number {
		return this.#widths[pane];
	}

	resize(pane: Pane, width: number): void {
		this.#widths[pane] = clamp(pane, width);
		remember(this.#memory, `width.${pane}`, this.#widths[pane]);
	}

	setTheme(theme: Theme): void {
		this.theme = theme;
		remember(this.#memory, 'theme', theme);
	}

	toggleChat(): void {
		this.chatOpen = !this.chatOpen;
		remember(this.#memory, 'chat-open', this.chatOpen);
	}
}

function clamp(pane: Pane, width: number): number {
	const { min, max } = paneRanges[pane];
	return Math.round(Math.min(max, Math.max(min, width)));
}

export const [getLayout, setLayout] = createContext<Layout>();
