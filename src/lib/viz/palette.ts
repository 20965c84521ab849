import { interpolateCividis, interpolatePuOr, lab, rgb } from 'd3';

/**
 * Okabe–Ito: eight colours that stay apart for colour-blind readers, on light and on dark paper. Given out in this order; a thin line of
 * the last hardly shows on light paper.
 */
export const okabeIto = {
	black: '#000000',
	orange: '#E69F00',
	sky: '#56B4E9',
	green: '#009E73',
	blue: '#0072B2',
	vermilion: '#D55E00',
	purple: '#CC79A7',
	yellow: '#F0E442'
} as const;

/** How a projector is called and drawn. Figures know none by themselves: who draws one hands them in (`FigureOptions`). */
export interface ProjectorStyle {
	readonly title: string;
	/** Its own colour; a spare one when absent. */
	readonly colour?: string;
}

/** By the name of the projector. */
export type ProjectorStyles = Readonly<Record<string, ProjectorStyle>>;

/** For names without a colour of their own. */
const kept = [okabeIto.vermilion, '#767676'] as const;

/**
 * The one colour of each projector, wherever it is drawn. The name decides, then the first of the styles it begins with; names that are
 * none of them, or whose colour is taken, get the spare colours in order. Names that differ in M only (`x-m64`, `x`) are one
 * projector and share its colour.
 */
export function projectorColours(
	names: readonly string[],
	styles: ProjectorStyles
): Readonly<Record<string, string>> {
	const coloured = Object.keys(styles).filter((name) => styles[name]!.colour !== undefined);
	const spares = kept.filter((colour) => !coloured.some((name) => styles[name]!.colour === colour));
	// Many names that are no projectors, such as variants of a recipe: also the colours of projectors that are not among them.
	const present = new Set(
		coloured
			.filter((name) => names.some((one) => one === name || one.startsWith(name)))
			.map((name) => styles[name]!.colour)
	);
	const more = Object.values(okabeIto).filter(
		(colour) => colour !== okabeIto.black && !present.has(colour) && !spares.some((spare) => spare === colour)
	);
	const free: readonly string[] = [...spares, ...more];
	const colours: Record<string, string> = {};
	const taken = new Set<string>();
	let spare = 0;
	const ofFamily: Record<string, string> = {};
	for (const whole of names) {
		const name = whole.replace(/-m\d+$/, '');
		const shared = ofFamily[name];
		if (shared !== undefined) {
			colours[whole] = shared;
			continue;
		}
		const known = coloured.find((key) => key === name) ?? coloured.find((key) => name.startsWith(key));
		const own = known === undefined ? undefined : styles[known]!.colour;
		const colour = own !== undefined && !taken.has(own) ? own : free[spare++ % free.length]!;
		taken.add(colour);
		colours[whole] = ofFamily[name] = colour;
	}
	return colours;
}

/**
 * A projector as papers write it; `x-m64` is named by its kind alone, `x, M = 36` keeps what follows, and a name of somebody's own stays
 * as it is.
 */
export function projectorTitle(name: string, styles: ProjectorStyles): string {
	const [, kind = '', rest = ''] = /^([^,]*?)(?:-m\d+)?(,.*)?$/.exec(name) ?? [];
	const title = Object.hasOwn(styles, kind) ? styles[kind]!.title : undefined;
	return title === undefined ? name : `${title}${rest}`;
}

/** Heads of an attention, by index; more than eight repeat. */
export const headColours = [
	okabeIto.blue,
	okabeIto.orange,
	okabeIto.green,
	okabeIto.purple,
	okabeIto.sky,
	okabeIto.vermilion,
	okabeIto.yellow,
	'#767676'
] as const;

export function headColour(head: number): string {
	return headColours[head % headColours.length]!;
}

export type Theme = 'light' | 'dark';

/** Literal colours, so that a figure looks the same on its page and as a file. */
export interface Ink {
	readonly paper: string;
	readonly ink: string;
	readonly soft: string;
	readonly line: string;
}

const inks: Readonly<Record<Theme, Ink>> = {
	light: { paper: '#fdfcfa', ink: '#1d1c1a', soft: '#64615b', line: '#d8d4cc' },
	dark: { paper: '#17181a', ink: '#e9e7e2', soft: '#a5a199', line: '#3b3d41' }
};

export function inkOf(theme: Theme = 'light'): Ink {
	return inks[theme];
}

/** Colours of magnitudes (cividis) or of differences (purple below, orange above 0), with what they mean. */
export interface ColourScale {
	readonly kind: 'sequential' | 'diverging';
	readonly domain: readonly [low: number, high: number];
	/** What is shown and in which unit, for the colour bar and for readouts. */
	readonly label: string;
	readonly unit: string;
	/** Colours of the 256 levels, #rrggbb. */
	readonly colours: readonly string[];
}

const LEVELS = 256;
const hexadecimal = (interpolate: (t: number) => string) =>
	Array.from({ length: LEVELS }, (_, i) => rgb(interpolate(i / (LEVELS - 1))).formatHex());
const cividis = hexadecimal(interpolateCividis);
const purpleOrange = hexadecimal(interpolatePuOr);

export interface ScaleMeaning {
	readonly label: string;
	readonly unit: string;
}

/** Magnitudes from `low` (0) to `high`. */
export function sequentialScale(high: number, meaning: ScaleMeaning, low = 0): ColourScale {
	return { ...meaning, kind: 'sequential', domain: [low, high], colours: cividis };
}

/** Differences from −extent to extent; 0 is neutral. */
export function divergingScale(extent: number, meaning: ScaleMeaning): ColourScale {
	return { ...meaning, kind: 'diverging', domain: [-extent, extent], colours: purpleOrange };
}

/** Level 0..255 of a value, clamped; −1 for what is not a number. */
export function levelOf({ domain: [low, high], kind }: ColourScale, value: number): number {
	if (Number.isNaN(value)) return -1;
	if (!(high > low)) return kind === 'diverging' ? LEVELS / 2 : 0;
	return Math.round(Math.min(1, Math.max(0, (value - low) / (high - low))) * (LEVELS - 1));
}

/** Colour of a value, `none` for what is not a number. */
export function colourOf(scale: ColourScale, value: number): string {
	const level = levelOf(scale, value);
	return level < 0 ? 'none' : scale.colours[level]!;
}

/** Black or white, whichever reads better on the colour. */
export function textOn(colour: string): string {
	return lab(colour).l > 60 ? '#1d1c1a' : '#ffffff';
}

/** Largest finite value, 0 when there is none. */
export function largest(values: ArrayLike<number>): number {
	let result = 0;
	for (let i = 0; i < values.length; i++)
		if (values[i]! > result && values[i]! < Infinity) result = values[i]!;
	return result;
}

/** Largest finite magnitude, 0 when there is none. */
export function largestMagnitude(values: ArrayLike<number>): number {
	let result = 0;
	for (let i = 0; i < values.length; i++) {
		const magnitude = Math.abs(values[i]!);
		if (magnitude > result && magnitude < Infinity) result = magnitude;
	}
	return result;
}
