import { describe, expect, it } from 'vitest';
import { followedReadings } from '../../../../src/lib/model/convert/versions.ts';
import { memoryFolder } from '../../../../src/lib/checkpoint/memory.ts';
import { openSources } from '../../../../src/lib/model/convert/source.ts';
import { folderInMemory } from '../../../support/disk-folder.ts';

const head = 'language_model.lm_head.weight';
const embedding = 'language_model.model.embed_tokens.weight';
const readings = (tied: { by4: boolean; by5: boolean }, ...keys: readonly string[]) =>
	followedReadings({}, tied, keys, []);

describe('the head across releases of transformers (as 4.57.6 and 5.24.0 read such files)', () => {
	it.each([
		[true, true, /^config\.json ties .* transformers 4 takes the embeddings/],
		[true, false, /^config\.json ties .* transformers 4 takes the embeddings/],
		[false, true, undefined],
		[false, false, undefined]
	])('a file with both, tied by 4: %s, by 5: %s', (by4, by5, words) => {
		const said = readings({ by4, by5 }, head, embedding);
		expect(said).toEqual(words ? [expect.stringMatching(words)] : []);
	});

	it.each([
		[true, true, undefined],
		[false, true, /as transformers 5 does, .* at the top .* transformers 4 goes by the one in text_config/],
		[true, false, /as transformers 4 does, .* in text_config\. transformers 5 goes by the one at the top/],
		[false, false, /though config\.json does not tie them/]
	])('a file with the embeddings alone, tied by 4: %s, by 5: %s', (by4, by5, words) => {
		const said = readings({ by4, by5 }, embedding);
		expect(said).toEqual(words ? [expect.stringMatching(words)] : []);
	});
});

it.each([
	// Flags of the published config: at the top no, in text_config none; the file has a head.
	['smolvlm-256m', {}, undefined],
	['smolvlm-256m', { text_config: { tie_word_embeddings: true } }, /transformers 4 takes the embeddings/],
	// Tied at the top, not in text_config, and no head in the file.
	['smolvlm2', {}, /as transformers 5 does, which goes by tie_word_embeddings at the top/],
	['nanovlm', {}, undefined]
] as const)('%s with %j', async (name, changes, words) => {
	const path = `tests/fixtures/families/${name}/checkpoint`;
	const folder = folderInMemory(path);
	const source = (await folder.open('config.json'))!;
	const json = JSON.parse(new TextDecoder().decode(await source.read(0, source.size))) as {
		text_config?: object;
	};
	const more =
		'text_config' in changes ? { text_config: { ...json.text_config, ...changes.text_config } } : {};
	const changed = memoryFolder('x', { 'config.json': JSON.stringify({ ...json, ...more }) });
	const [one] = await openSources(
		{ ...folder, open: (file) => (file === 'config.json' ? changed : folder).open(file) },
		async () => undefined
	);
	const ofHead = one!.followed.filter((note) => note.includes('head'));
	expect(ofHead).toEqual(words ? [expect.stringMatching(words) as string] : []);
});
