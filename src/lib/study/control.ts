/** How a study is followed and stopped: the same as for what the model computes. */
export type { Control, Progress } from '../model/runtime/types.ts';
