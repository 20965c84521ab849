/**
 * Floating-point operations of the parts that models are made of. A multiplication with its addition counts as two; elementwise work
 * (norms, activations, biases, rotary embedding) is not counted.
 */

/** rows × [inner → outer] */
export const product = (rows: number, inner: number, outer: number): number => 2 * rows * inner * outer;

/** Scores and weighted sum of full attention. */
export const attend = (queries: number, keys: number, width: number): number => 4 * queries * keys * width;
