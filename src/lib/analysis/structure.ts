import { gridOf } from './grid.ts';
import { requireSameShape, tokenRow, type TokenPatchMap } from './map.ts';

/** Which tokens and patches an architecture ties together, against which of them a measurement found to be tied. */
export interface StructureCheck {
	/** Pairs of a token and a patch. */
	readonly pairs: number;
	/** Tied by the architecture. */
	readonly tied: number;
	/** Tied, and the patch moved the token. */
	readonly moved: number;
	/** Not tied, and the patch moved the token all the same: what other layers mix in. */
	readonly outside: number;
	/** The largest change outside over the largest of all; 0 where there is none. */
	readonly largestOutside: number;
}

/**
 * Compares the map of an architecture with a measured one.
 * @param structure above 0 where a token is made of a patch
 * @param measured above 0 where changing the patch changed the token (occlusion, exact: other patches change nothing at all)
 */
export function checkStructure(structure: TokenPatchMap, measured: TokenPatchMap): StructureCheck {
	requireSameShape(structure, measured);
	let [tied, moved, outside, most, most0] = [0, 0, 0, 0, 0];
	structure.data.forEach((share, i) => {
		const change = measured.data[i]!;
		most = Math.max(most, change);
		if (share > 0) {
			tied++;
			if (change > 0) moved++;
		} else if (change > 0) {
			outside++;
			most0 = Math.max(most0, change);
		}
	});
	return {
		...{ pairs: structure.data.length, tied, moved, outside },
		largestOutside: most > 0 ? most0 / most : 0
	};
}

/** Patches of a token that touch each other, by an edge. */
export interface JoinedPlace {
	readonly patches: readonly number[];
	/** Mean of the patches' centres, as fractions of the picture's width and height. */
	readonly x: number;
	readonly y: number;
}

/** The places that a token is made of: its patches in groups that touch. */
export function joinedPlaces(map: TokenPatchMap, token: number): JoinedPlace[] {
	const { rows, columns } = gridOf(map.patches, map.grid);
	const left = new Set(
		Array.from(tokenRow(map, token)).flatMap((share, patch) => (share > 0 ? [patch] : []))
	);
	const places: JoinedPlace[] = [];
	for (const first of left) {
		left.delete(first);
		const patches = [first];
		for (const patch of patches) {
			const column = patch % columns;
			const beside = [
				...(column > 0 ? [patch - 1] : []),
				...(column + 1 < columns ? [patch + 1] : []),
				...[patch - columns, patch + columns]
			];
			for (const next of beside) if (left.delete(next)) patches.push(next);
		}
		const mean = (of: (patch: number) => number) =>
			patches.reduce((sum, patch) => sum + of(patch), 0) / patches.length;
		places.push({
			patches: patches.sort((a, b) => a - b),
			x: mean((patch) => (patch % columns) + 0.5) / columns,
			y: mean((patch) => Math.floor(patch / columns) + 0.5) / rows
		});
	}
	return places;
}

/**
 * The largest |a − b| over as many values as the shorter one has, and that over the largest |b|: how far the beginning of one row of numbers
 * is from another.
 */
export function largestDifference(
	a: ArrayLike<number>,
	b: ArrayLike<number>
): { readonly difference: number; readonly relative: number } {
	let [difference, scale] = [0, 0];
	for (let i = 0; i < Math.min(a.length, b.length); i++) {
		difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
		scale = Math.max(scale, Math.abs(b[i]!));
	}
	return { difference, relative: scale > 0 ? difference / scale : difference };
}
