import { median } from '../../../../src/lib/analysis/statistics.ts';
import { decodeImage } from '../../../../src/lib/browser/decode-image.ts';
import { openModelSource } from '../../../../src/lib/browser/model-source.ts';
import { familyOf } from '../../../../src/lib/model/families/registry.ts';
import { argmax } from '../../../../src/lib/model/runtime/sampling.ts';
import { openModelFolder } from '../../../../src/lib/model/runtime/model-folder.ts';
import type { Around, VlmTask } from '../results.ts';

const REPEATS = 7;

/** What a page does around the networks for one tile, each step alone. */
export async function around(
	url: string,
	task: VlmTask,
	picture: () => Promise<Uint8Array>
): Promise<Around> {
	const folder = await openModelFolder(await openModelSource({ kind: 'url', url }));
	const { manifest } = folder;
	const family = familyOf(manifest);
	const { vocab_size } = manifest.config.text_config;
	const tokenizer = family.tokenizer(
		{
			tokenizer_json: JSON.parse(await folder.text(manifest.tokenizer)),
			tokenizer_config: JSON.parse(await folder.text('tokenizer_config.json')),
			rows: vocab_size
		},
		manifest.prompt
	);
	const processor = family.imageProcessor(manifest.image);
	const bytes = await picture();
	const image = await decodeImage(bytes, 'picture');
	const [M = 0] = Object.values(manifest.projectors).map((projector) => projector.num_query_tokens);
	const views = processor.views(image);
	const images = [{ perView: M, views, positions: M * views.length }];
	const turns = [{ question: task.question, imageCount: 1 }];
	const logits = Float32Array.from({ length: vocab_size }, (_, i) => Math.sin(i));
	const ids = Array.from({ length: task.new_tokens }, (_, i) => 17 + ((i * 7919) % (vocab_size - 200)));
	return {
		decode_picture: await timed(() => decodeImage(bytes, 'picture')),
		resize_and_normalise: await timed(() => processor.pixels(image)),
		write_and_tokenize_prompt: await timed(() =>
			family.prompt.encode(
				family.prompt.conversation(turns, manifest.prompt),
				tokenizer,
				images,
				manifest.prompt
			)
		),
		choose_from_logits: await timed(() => argmax(logits)),
		text_of_ids: await timed(() => tokenizer.decode(ids))
	};
}

async function timed(work: () => unknown): Promise<number> {
	const times: number[] = [];
	for (let i = 0; i < REPEATS; i++) {
		const begin = performance.now();
		await work();
		times.push(performance.now() - begin);
	}
	return median(times);
}
