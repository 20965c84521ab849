/** Okabe–Ito: eight colours that stay apart for colour-blind readers, on light and on dark paper. */
export const okabeIto = {
	black: '#000000',
	orange: '#E69F00',
	sky: '#56B4E9',
	green: '#009E73',
	yellow: '#F0E442',
	blue: '#0072B2',
	vermilion: '#D55E00',
	purple: '#CC79A7'
} as const;

const byProjector: Readonly<Record<string, string>> = {
	'c-abs': okabeIto.orange,
	'd-abs': okabeIto.blue,
	resampler: okabeIto.green,
	mlp: okabeIto.sky,
	linear: okabeIto.purple
};

/** For projectors that are none of the five: in order of appearance, so that none shares a colour with another. */
const spare = [okabeIto.vermilion, okabeIto.yellow, okabeIto.black] as const;

/**
 * The one colour of each projector of a model, used wherever that projector is drawn.
 * A folder's projectors are keyed by name (`c-abs`, `my-c-abs-2` …): the name decides, then the first name it starts with.
 */
export function projectorColours(names: readonly string[]): Readonly<Record<string, string>> {
	const colours: Record<string, string> = {};
	let spares = 0;
	for (const name of names) {
		const known = byProjector[name] ?? prefixed(name);
		const taken = known === undefined || Object.values(colours).includes(known);
		colours[name] = taken ? (spare[spares++ % spare.length] ?? okabeIto.black) : known;
	}
	return colours;
}

function prefixed(name: string): string | undefined {
	const key = Object.keys(byProjector).find((known) => name.startsWith(known));
	return key === undefined ? undefined : byProjector[key];
}
