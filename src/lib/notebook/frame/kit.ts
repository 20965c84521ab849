/** Parts of Notebook Kit's runtime that its package does not export by themselves, and that fetch nothing. */
export * as DOM from '../../../../node_modules/@observablehq/notebook-kit/dist/src/runtime/stdlib/dom/index.js';
export * as Generators from '../../../../node_modules/@observablehq/notebook-kit/dist/src/runtime/stdlib/generators/index.js';
export {
	Mutable,
	Mutator
} from '../../../../node_modules/@observablehq/notebook-kit/dist/src/runtime/stdlib/mutable.js';
export * as Promises from '../../../../node_modules/@observablehq/notebook-kit/dist/src/runtime/stdlib/promises/index.js';
export { inferTypes } from '../../../../node_modules/@observablehq/notebook-kit/dist/src/runtime/stdlib/dsv.js';
