/**
 * Bytes of rows of a cache: float32 or float16 for everyone else, here whole numbers of 16 bits and a scale for each row
 * (`lib/kernels/assembly/cache.ts`). A module of its own, since pages count with it that have no kernels.
 */

/** Bytes of a row's numbers. */
export const numberBytes = (width: number) => 2 * width;
/** Bytes of its scale, a float32. */
export const SCALE_BYTES = 4;

/** Bytes of a row. */
export const rowBytes = (width: number) => numberBytes(width) + SCALE_BYTES;

/** Bytes of a position in the kernels for one that a manifest counts. @param head_dim width of a row */
export const cachedShare = (kv_dtype: 'float32' | 'float16', head_dim: number) =>
	rowBytes(head_dim) / (head_dim * (kv_dtype === 'float32' ? 4 : 2));
