/** What a model is given room for, wherever it is counted before it is loaded. */

/** Positions that a prompt with one image, a question and an answer need; a model that cannot have them is refused. */
export const LEAST_CONTEXT = 2048;
/** Bytes of activations, staging buffers and the runtime's own, measured generously. */
export const WORKING_MEMORY = 0.3e9;
