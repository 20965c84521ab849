import type { JsonObject } from '../../bytes/json.ts';
import type { TensorEntry } from '../../checkpoint/checkpoint.ts';
import type { HoneybeeConfig } from '../config.ts';
import type { ImageProcessor, View } from '../image/processor.ts';
import type { ImageSettings, ModelManifest } from '../manifest.ts';
import type { Wording } from '../text/posed-question.ts';
import type { TextTokenizer, TokenizerFiles } from '../text/text-tokenizer.ts';
import type { KeyTable } from '../keys.ts';

/** What a checkpoint folder says beside its weights. */
export interface FamilyFolder {
	/** For messages. */
	readonly name: string;
	/** Its JSON files by name, parsed (`folderFiles` in `folder.ts` names those that are read). */
	readonly json: Readonly<Record<string, JsonObject>>;
	/** Its other small files by name, e.g. `chat_template.jinja`. */
	readonly text: Readonly<Record<string, string>>;
	/** Tensors of the checkpoint by their canonical names. */
	readonly entries: ReadonlyMap<string, TensorEntry>;
	/** Their names as they are stored, in the order of the files. */
	readonly stored?: readonly string[];
	/** The folder of its own in which the vision tower lies, or its settings do, where the config names one and it is at hand. */
	readonly vision?: Pick<FamilyFolder, 'name' | 'json'>;
}

/** A checkpoint folder, read: what the model folder will say. */
export interface FamilyModel {
	/** In the words of the canonical config. */
	readonly config: HoneybeeConfig;
	readonly image: ImageSettings;
	readonly prompt: ModelManifest['prompt'];
	/** How the checkpoint is written, where the family has several spellings. */
	readonly spelling?: string;
	/** Whose computation is followed where releases differ, and in what. */
	readonly reference?: string;
	/** M values it was trained at; the config's own M when absent. */
	readonly trainedTokens?: readonly number[];
	/** Tokens that the family adds behind the tokenizer's own, in the order of their ids. */
	readonly addedTokens?: readonly string[];
	/** Whether each release of transformers ties the head to the embeddings by this config; absent where it is none of its models. */
	readonly tied?: { readonly by4: boolean; readonly by5: boolean };
	/** What the user should know, in whole sentences. */
	readonly notes?: readonly string[];
}

/** One picture's visual tokens in a prompt. */
export interface ImageTokens {
	/** Of each view, eos tokens included. */
	readonly perView: number;
	readonly views: readonly Pick<View, 'tile' | 'grid'>[];
	/** Of the picture in all: those of its views, unless its tokens have a layout of their own. */
	readonly positions: number;
}

/** A question and, but for the last one, its answer. */
export interface PromptTurn {
	readonly question: string;
	/** Pictures put in before the question. */
	readonly imageCount: number;
	/** Names of their files, which some templates write. */
	readonly imageNames?: readonly string[];
	/** Absent where the answer is to be generated. */
	readonly answer?: string;
	/** The answer's ids as they were generated, for families that take them instead of its text. */
	readonly answerIds?: readonly number[];
}

/** The text of a prompt, with one placeholder for each picture. */
export interface PromptText {
	readonly text: string;
	/** Ids that stand for the text of the answers, in order, where there are some. */
	readonly answerIds?: readonly (readonly number[] | undefined)[];
}

export interface EncodedText {
	/** −1 at every visual token; a picture's are in order, though not always side by side. */
	readonly input_ids: number[];
	/** Training labels where the family defines them: −100 where nothing is learned. */
	readonly labels: number[];
}

/** How a conversation is written and read. */
export interface PromptFormat {
	/** What stands for one picture in the text. */
	readonly placeholder: string;
	/** Prompts in Honeybee's templates are its own. */
	readonly asUpstream?: boolean;
	/** Two pictures need text between them. */
	readonly imagesApart?: boolean;
	/**
	 * @param system instead of what the family says first, if anything
	 * @throws InputError where the family's form has no place for one, or the model's template refuses the conversation
	 */
	readonly conversation: (
		turns: readonly PromptTurn[],
		settings: ModelManifest['prompt'],
		system?: string
	) => PromptText;
	/** @param images of the placeholders in order, as many as these */
	readonly encode: (
		prompt: PromptText,
		tokenizer: TextTokenizer,
		images: readonly ImageTokens[],
		settings: ModelManifest['prompt']
	) => EncodedText;
}

/** A model that people can download. What it weighs and may be used under is asked for when it is wanted. */
export interface PublishedModel {
	/** `owner/name`. */
	readonly name: string;
	/** Small enough to answer without a GPU. */
	readonly small?: true;
}

/** What a family's folder exports: how one published kind of model is spelled. README.md beside this file is the contract in words. */
export interface FamilyDefinition {
	/** The folder's name, and the family's in a model folder. */
	readonly name: string;
	/** What people call it. */
	readonly title: string;
	/** Golden checkpoints that test it (folders of tests/fixtures/families). */
	readonly goldens: readonly string[];
	/** Some of its models on the Hub, which the page offers by name. */
	readonly published?: readonly PublishedModel[];
	/** Whether config.json is this family's. A folder belongs to the first family of the registry that says so. */
	readonly recognise: (config: JsonObject) => boolean;
	/** Name, in the config, of the folder that the vision tower or its settings lie in. */
	readonly visionFolder?: (config: JsonObject) => string | undefined;
	/** Name, in the config, of the model whose tokenizer it has, where checkpoints hold none. */
	readonly tokenizerFolder?: (config: JsonObject) => string | undefined;
	/** Stored names ↔ canonical ones. */
	readonly keys: KeyTable;
	/** Reads a folder. @throws InputError that names what is missing or not served */
	readonly parse: (folder: FamilyFolder) => FamilyModel;
	readonly tokenizer: (files: TokenizerFiles, prompt: ModelManifest['prompt']) => TextTokenizer;
	readonly prompt: PromptFormat;
	/** How those who published it word the questions of benchmarks; absent where nothing is published, or where it is the benchmark's own. */
	readonly wording?: Wording;
	readonly imageProcessor: (settings: ImageSettings) => ImageProcessor;
}
