import { projectorStyles } from '../../model/projectors/registry.ts';
import { projectorColours, projectorTitle } from '../../viz/palette.ts';

/** The colour of each projector of a model, the same on every page and in every figure. */
export const coloursOf = (names: readonly string[]): Readonly<Record<string, string>> =>
	projectorColours(names, projectorStyles);

/** A projector as papers write it, from its name. */
export const titleOf = (name: string): string => projectorTitle(name, projectorStyles);
