export { backgrounds, cellOf, centre2, generateScene, imageSize, seedLimit, splits } from './generate.ts';
export { article, boxText, caption, cellNames, questions, relations, sides } from './questions.ts';
export { Atlas, renderScene } from './render.ts';
export type { AtlasIndex, Question, RgbaImage, Scene, SceneObject, Split, Task } from './types.ts';
