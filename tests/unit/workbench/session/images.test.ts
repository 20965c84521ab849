// @vitest-environment runes
import { expect, test, vi } from 'vitest';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import { editedName } from '../../../../src/lib/workbench/session/images.ts';
import { fakeImage, fakeResult, makeSession, settle, startedSession } from '../fakes.ts';

const file = (name: string) => new File(['x'], name);

test('the first sample scene is the image until another is put in', async () => {
	const { images } = await startedSession();
	expect(images.current?.id).toBe('scene');
	await images.putFiles([file('a.png'), file('b.png')]);
	expect(images.current?.id).toBe('b.png');
	expect(images.history.map((image) => image.id)).toEqual(['b.png', 'a.png']);
});

test('an image put in before the scenes are there stays', async () => {
	const scenes = Promise.withResolvers<ReturnType<typeof fakeImage>[]>();
	const { session, images } = makeSession({ sampleScenes: () => scenes.promise });
	const start = session.start();
	await images.putFiles([file('a.png')]);
	scenes.resolve([fakeImage('scene')]);
	await start;
	expect(images.current?.id).toBe('a.png');
});

test('the same image twice is one image of the history', async () => {
	const { images } = await startedSession();
	await images.putFiles([file('a.png'), file('b.png'), file('a.png')]);
	expect(images.current?.id).toBe('a.png');
	expect(images.history).toHaveLength(2);
});

test('a sample scene stays among the samples; the same picture as a file goes into the history', async () => {
	const { images } = await startedSession();
	images.put(images.samples![0]!);
	expect(images.history).toEqual([]);
	await images.putFiles([file('scene')]);
	expect(images.history.map((image) => image.name)).toEqual(['scene.png']);
	expect(images.current).toBe(images.history[0]);
});

test('a file that is no image is told beside the picker and changes nothing else', async () => {
	const { images } = await startedSession({
		openImage: async (_file, name) => {
			if (name.endsWith('.txt')) throw new InputError(`“${name}” is not a picture.`);
			return fakeImage(name);
		}
	});
	await images.putFiles([file('a.png')]);
	await images.putFiles([file('notes.txt')]);
	expect(images.error).toBe('“notes.txt” is not a picture.');
	expect(images.current?.id).toBe('a.png');
	await images.putFiles([file('b.png')]);
	expect(images.error).toBeUndefined();
});

test('a composed scene takes the place of how it was before; what the conversation shows stays until it is cleared', async () => {
	const revoke = vi.spyOn(URL, 'revokeObjectURL').mockReturnValue();
	const { client, images, conversation } = await startedSession();
	const [first, second, third] = ['first', 'second', 'third'].map((id) => fakeImage(id));
	images.putComposed(first!);
	const asking = conversation.ask('How many?');
	await settle();
	client.send({ type: 'done', result: fakeResult('One.') });
	await asking;
	images.putComposed(second!);
	expect(images.history).toEqual([second]);
	expect(revoke).not.toHaveBeenCalled();
	images.putComposed(third!);
	expect(revoke.mock.calls).toEqual([[second!.url]]);
	conversation.clear();
	expect(revoke.mock.calls).toEqual([[second!.url], [first!.url]]);
	expect(images.current).toBe(third);
	revoke.mockRestore();
});

test('the image of a link is the image from the start; one that is not here is said, and none stands in its place', async () => {
	const linkedImage = async (word: string) => {
		if (word === 'data.x') throw new Error('damaged');
		return word === 'abc' ? fakeImage('abc') : undefined;
	};
	const there = await startedSession({ linkedImage, linkedWord: 'abc' });
	expect([there.images.current?.id, there.images.missing]).toEqual(['abc', undefined]);
	for (const [linkedWord, said] of [
		['abcd', 'not here'],
		['data.x', 'damaged']
	] as const) {
		const { images } = await startedSession({ linkedImage, linkedWord });
		expect([images.current, images.missing?.word]).toEqual([undefined, linkedWord]);
		expect(images.missing?.sentence).toContain(said);
		images.put(images.samples![0]!);
		expect([images.current?.id, images.missing]).toEqual(['scene', undefined]);
		await images.follow(linkedWord);
		expect([images.current, images.missing?.word]).toEqual([undefined, linkedWord]);
	}
});

test('an edited picture is named by what was done, once each', () => {
	const crop = { kind: 'crop', x: 0, y: 0, width: 1, height: 1 } as const;
	const turn = { kind: 'turn', orientation: 6 } as const;
	expect(editedName({ name: 'My street.jpeg' }, [turn, crop, crop])).toBe('My street, turned and cropped');
	const origin = { id: 'a', name: 'v1.2.jpg', edits: ['turned'] };
	expect(editedName({ name: 'v1.2, turned', origin }, [crop])).toBe('v1.2, turned, cropped');
});
