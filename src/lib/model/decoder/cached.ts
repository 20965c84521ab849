/**
 * Bytes of an element of a cache: float32 or float16 for everyone else, here float16 in an order of its own (`lib/kernels/assembly/half.ts`).
 * A module of its own, since pages count with it that have no kernels.
 */
export const CACHED = 2;
