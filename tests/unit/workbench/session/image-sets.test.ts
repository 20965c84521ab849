// @vitest-environment runes
import { expect, test } from 'vitest';
import type { Records } from '../../../../src/lib/browser/records.ts';
import { setPhrase } from '../../../../src/lib/study/image-set.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import type { SetRecord } from '../../../../src/lib/workbench/session/image-sets.svelte.ts';
import { fakeImage, startedSession } from '../fakes.ts';

const files = (...names: string[]) => names.map((name) => new File(['x'], name));

function memoryRecords(): Records<SetRecord> & { readonly kept: Map<string, SetRecord> } {
	const kept = new Map<string, SetRecord>();
	return {
		kept,
		get: async (key) => kept.get(key as string),
		all: async () => [...kept.values()],
		put: async (record) => void kept.set(record.word, record),
		remove: async (keys) => keys.forEach((key) => void kept.delete(key as string))
	};
}

test('figures are taken over the samples until another set is chosen; the picture at hand is one, whichever it is', async () => {
	const {
		images,
		session: { sets }
	} = await startedSession();
	expect([sets.chosen?.name, sets.chosen?.images]).toEqual(['Sample scenes', images.samples]);
	await images.putFiles(files('photo'));
	expect(sets.chosen?.images, 'what is put in does not slip into the samples').toEqual(images.samples);
	await sets.choose('this');
	expect(setPhrase(sets.chosen!)).toBe('photo.png');
	images.put(images.samples![0]!);
	expect(setPhrase(sets.chosen!)).toBe('scene.png');
});

test('files become a set under the folder’s name, which outlives the page; what cannot be read is left out and said', async () => {
	const keptSets = memoryRecords();
	const openImage = async (_file: Blob, name: string) => {
		if (name === 'bad') throw new InputError('bad is no picture.');
		return fakeImage(name);
	};
	const { sets } = (await startedSession({ keptSets, openImage })).session;
	await sets.addFiles(files('a', 'bad', 'b', 'a'), 'Holidays');
	expect(sets.error).toBe('1 of 4 files are left out. bad is no picture.');
	expect([setPhrase(sets.chosen!), sets.chosen!.images.map(({ id }) => id)]).toEqual([
		'Holidays, 2 images',
		['a', 'b']
	]);
	const { word } = sets;

	const again = (await startedSession({ keptSets, openImage })).session.sets;
	await again.choose(word);
	expect(again.chosen?.name).toBe('Holidays');
	await again.remove(word);
	expect([again.word, again.own, keptSets.kept.size]).toEqual(['samples', [], 0]);
	await again.choose(word);
	expect([again.missing, again.chosen], 'nothing stands in for a set that is not here').toEqual([
		true,
		undefined
	]);
});

test('a set that the browser does not keep is there all the same, and that is said', async () => {
	const keptSets = { ...memoryRecords(), put: () => Promise.reject(new Error('The storage is full.')) };
	const { sets } = (await startedSession({ keptSets })).session;
	await sets.addFiles(files('a', 'b', 'c', 'd'));
	expect([sets.chosen?.name, sets.error]).toEqual([
		'a.png and 3 more',
		'The set a.png and 3 more will not outlive this page: The storage is full.'
	]);
});

test('scenes of a rule are made from the word of an address', async () => {
	const asked: unknown[] = [];
	const { sets } = (
		await startedSession({
			ruledScenes: async (rule) => {
				asked.push(rule);
				return [fakeImage('one'), fakeImage('two')];
			}
		})
	).session;
	await sets.choose('scenes.100.2.3');
	expect(asked).toEqual([{ from: 100, count: 2, objects: 3 }]);
	expect(setPhrase(sets.chosen!)).toBe('Held-out scenes from 100 with 3 objects or more, 2 images');
	await sets.choose('scenes.1.0.9');
	expect(sets.missing).toBe(true);
});
