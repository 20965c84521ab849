/** A figure that is not made yet. */
export const noItem = { rows: undefined, provenance: '' } as const;
