/** The split decides seeds, styles and sizes; only `train` is ever seen in training. */
export type Split = 'train' | 'test' | 'style' | 'size';

export interface SceneObject {
	/** Index into the atlas's classes. */
	readonly cls: number;
	/** Index into the atlas's styles. */
	readonly style: number;
	/** Side in pixels. */
	readonly size: number;
	readonly large: boolean;
	readonly x: number;
	readonly y: number;
}

export interface Scene {
	readonly split: Split;
	readonly seed: number;
	/** Index into `backgrounds`. */
	readonly background: number;
	readonly objects: readonly SceneObject[];
}

export type Task =
	| 'existence'
	| 'counting'
	| 'attribute'
	| 'scene'
	| 'position'
	| 'relation'
	| 'localisation'
	| 'identity'
	| 'referring'
	| 'caption';

export interface Question {
	readonly task: Task;
	readonly question: string;
	readonly answer: string;
}

/** `atlas.json` beside `atlas.png`: rows of the picture are styles, columns are classes. */
export interface AtlasIndex {
	readonly size: number;
	readonly styles: readonly string[];
	readonly classes: readonly { readonly name: string; readonly plural: string; readonly icon: string }[];
}

export interface RgbaImage {
	readonly width: number;
	readonly height: number;
	readonly data: Uint8ClampedArray<ArrayBuffer>;
}
