/**
 * Text: prompts and token ids exactly as upstream's. Pure; files come in as parsed JSON or bytes.
 *
 * - `new Tokenizer({ tokenizer_json, tokenizer_config? })`:
 *   `encodePrompt(prompt, { tokensPerImage, noEos?, maxLength?, answerIds? })` → `{ input_ids, labels, image_starts }`,
 *   `decode(ids, { skipSpecial? })`, `decoder()` (streaming: `push(id)` → whole text so far, `end()`),
 *   `tokenize(text)`, `piece(id)`, `bosId`, `eosId`, `padId`, `vocabSize`
 * - `convertSentencePiece(bytes)`: `tokenizer.model` → contents of a `tokenizer.json`
 * - `formatConversation(template, turns)`: the prompt of a conversation, for the generator
 * - `formatTemplate`, `templateInput`, `templateTarget`, `formatCaptioning`: `honeybee_default` by data set or task
 * - `demoPrompt`, `cleanDemoOutput`, `cleanDemoCode`: what upstream's demo does instead
 */
export { IncrementalDecoder } from './decode.ts';
export type { DecodeOptions } from './decode.ts';
export { cleanDemoCode, cleanDemoOutput, demoMessage, demoPrompt, demoRawPrompt } from './demo.ts';
export type { DemoMessage } from './demo.ts';
export {
	formatCaptioning,
	formatConversation,
	formatTemplate,
	IMAGE_PLACEHOLDER,
	patternCount,
	SYSTEM_BASE,
	SYSTEM_DETAIL,
	templateInput,
	templateNames,
	templateTarget
} from './prompts.ts';
export type { ConversationTurn, PromptTemplate, TemplateFields, TemplateName } from './prompts.ts';
export { convertSentencePiece } from './sentencepiece.ts';
export { IGNORE_LABEL, IMAGE_TOKEN_ID, Tokenizer } from './tokenizer.ts';
export type { EncodedPrompt, EncodeOptions, TokenizerFiles } from './tokenizer.ts';
export { readTokenizerConfig, readTokenizerJson } from './tokenizer-files.ts';
export type { TokenizerConfig, TokenizerJson } from './tokenizer-files.ts';
