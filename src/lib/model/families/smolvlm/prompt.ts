import { chatConversation, encodeWhole } from '../chat.ts';
import type { ImageTokens, PromptFormat } from '../definition.ts';

/** What a picture is written as, and the mark around each of its tiles. */
const IMAGE = '<image>';
const AROUND = '<fake_token_around_image>';
const GLOBAL = '<global-img>';

/**
 * What stands for one picture: its tiles row by row, each after a mark with its row and column, a newline after each row, an empty line, then
 * the whole picture. The marks are text: in some checkpoints they are one token each, in others several.
 */
export function expandImage({ perView, views }: ImageTokens): string {
	const tokens = IMAGE.repeat(perView);
	const tiles = views.flatMap(({ tile }) => tile ?? []);
	const rows = Map.groupBy(tiles, ({ row }) => row);
	const grid = [...rows.values()]
		.map((row) =>
			row.map((tile) => `${AROUND}<row_${tile.row + 1}_col_${tile.column + 1}>${tokens}`).join('')
		)
		.map((row) => `${row}\n`)
		.join('');
	return `${grid}${grid ? '\n' : ''}${AROUND}${GLOBAL}${tokens}${AROUND}`;
}

export const prompt: PromptFormat = {
	placeholder: IMAGE,
	conversation: (turns, settings, system) => chatConversation(turns, settings, system),
	encode({ text }, tokenizer, images) {
		const [first = '', ...rest] = text.split(IMAGE);
		const expanded = rest.map((after, i) => expandImage(images[i]!) + after);
		return encodeWhole(tokenizer, [first, ...expanded].join(''), IMAGE);
	}
};
