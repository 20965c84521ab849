export { backgrounds, cellOf, generateScene, imageSize, seedLimit, splits } from './generate.ts';
export { boxText, caption, cellNames, questions } from './questions.ts';
export { Atlas, renderScene } from './render.ts';
export type { AtlasIndex, Question, RgbaImage, Scene, SceneObject, Split, Task } from './types.ts';
