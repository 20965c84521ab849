import type { Cell } from '@observablehq/notebook-kit';
import type { Inputs } from '../protocol.ts';

interface Field extends HTMLElement {
	value?: unknown;
	checked?: boolean;
}

/** Where inputs of a notebook stand, over runs of their cells and openings of the notebook; the page keeps it. */
export class KeptInputs {
	#inputs: Inputs;
	readonly #changed: (inputs: Inputs) => void;

	constructor(inputs: Inputs, changed: (inputs: Inputs) => void) {
		this.#inputs = inputs;
		this.#changed = changed;
	}

	/**
	 * Sets an input to where it stood, if its cell says what it said then, and remembers where it goes.
	 * @param place counts the inputs of the cell
	 */
	restore({ id, value: of }: Cell, place: number, input: Field): void {
		const key = `${id}:${place}`;
		const box = (input as Field & { type?: string }).type === 'checkbox';
		const read = () => (box ? input.checked : input.value);
		const kept = this.#inputs[key];
		if (kept?.of === of && typeof kept.value === typeof read()) {
			if (box) input.checked = kept.value as boolean;
			else input.value = kept.value;
		}
		input.addEventListener('input', () => {
			const value = read();
			if (!plain(value)) return;
			this.#inputs = { ...this.#inputs, [key]: { of, value } };
			this.#changed(this.#inputs);
		});
	}
}

/** Whether it is a value that can be set again: text, a number, yes or no, a list of these. */
function plain(value: unknown): boolean {
	if (Array.isArray(value)) return value.every((one) => !Array.isArray(one) && plain(one));
	return ['string', 'number', 'boolean'].includes(typeof value);
}
