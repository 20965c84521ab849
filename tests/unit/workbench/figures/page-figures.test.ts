// @vitest-environment runes
import { expect, test } from 'vitest';
import { makeCapsule } from '../../../../src/lib/viz/export/capsule.ts';
import { packDrawing } from '../../../../src/lib/viz/export/drawing.ts';
import { PageFigures } from '../../../../src/lib/workbench/figures/page-figures.svelte.ts';
import { storedListing } from '../../../../src/lib/workbench/session/model-list.ts';
import { fakeImage, FakeMemory, startedSession } from '../fakes.ts';

const table = { columns: ['x'], rows: [[1]] };
const capsule = (image: { id: string; name: string }) =>
	makeCapsule(
		{
			application: 'test',
			figure: { id: 'token-map', title: 'Map', ordinal: 1 },
			provenance: 'mini, then',
			method: 'Method.',
			set: { name: 'Two', members: [{ id: 'a', name: 'a.png' }] },
			origin: { address: 'locality?tokens=9', image, model: { name: 'mini', dtype: 'fp32', files: {} } },
			table,
			drawing: packDrawing({
				rows: { image: { href: 'blob:gone', name: image.name } },
				options: { opacity: 1 }
			})!
		},
		new Date('2026-03-04T12:00:00Z')
	);

async function workbench() {
	const { session, images, conversation } = await startedSession();
	const opened: string[] = [];
	const figures = new PageFigures({
		session,
		memory: new FakeMemory(),
		application: 'test',
		address: () => '',
		site: 'http://site/',
		open: async (address: string) => void opened.push(address)
	} as unknown as ConstructorParameters<typeof PageFigures>[0]);
	return { session, images, conversation, figures, opened };
}

test('an opened figure is drawn from its file with the picture that is here, until it is closed', async () => {
	const { figures, images, opened } = await workbench();
	const scene = images.samples![0]!;
	await figures.open(capsule({ id: scene.id, name: 'then.png' }));
	expect(opened).toEqual(['locality?tokens=9']);
	expect(figures.fromFile('token-map', 0)).toBeUndefined();
	expect(figures.fromFile('token-map', 1)).toMatchObject({
		rows: { image: { href: scene.url, name: 'then.png' } },
		options: { opacity: 1 },
		provenance: 'mini, then',
		set: { name: 'Two' },
		made: 'mini, 4 March 2026'
	});
	expect(figures.compare('token-map', 1, () => table)?.state).toBe('identical');
	figures.close();
	expect(figures.fromFile('token-map', 1)).toBeUndefined();
});

test('the model of an opened figure is here also where it is kept in this browser', async () => {
	const { figures, session } = await workbench();
	const opened = async () => {
		await figures.open(capsule({ id: 'scene', name: 'scene.png' }));
		return figures.notes.filter((note) => note.includes('mini'));
	};
	session.models.list = [
		{ name: 'other', title: 'Other', location: { kind: 'url', url: 'http://site/other/' } }
	];
	expect(await opened()).toEqual([
		'It was made with the model mini, which is not here: it is drawn from the file.'
	]);
	session.models.list = [storedListing('mini')];
	expect(await opened()).toEqual([]);
	session.models.list = [
		{ name: 'memory:mini', title: 'mini', location: { kind: 'memory', name: 'mini', files: {} } }
	];
	expect(await opened()).toEqual([]);
});

test('a figure that its page has no place for is shown above the page until it has', async () => {
	const { figures } = await workbench();
	await figures.open(capsule({ id: 'scene', name: 'scene.png' }));
	expect(figures.unplaced?.provenance).toBe('mini, then');
	figures.register('token-map', () => undefined);
	expect(figures.unplaced, 'the first of its id is another').toBeDefined();
	const { remove } = figures.register('token-map', () => undefined);
	expect(figures.unplaced).toBeUndefined();
	remove();
	expect(figures.unplaced).toBeDefined();
});

test('what is neither picture nor figure is refused with what to do; several pictures are a set', async () => {
	const { figures, images, session } = await workbench();
	const file = (name: string) => new File(['x'], name);
	for (const [name, words] of [
		['own.csv', 'of exported figures, SVG, PDF, PNG and JSON open again'],
		['model.safetensors', 'on the page Models'],
		['paper.pdf', 'is not a figure exported here']
	] as const) {
		await figures.receive([file(name)]);
		expect(figures.error, name).toContain(words);
	}
	await figures.receive([file('weights.bin'), file('a.png')], '7B-C-Abs');
	expect(figures.error).toContain('The folder 7B-C-Abs is a checkpoint');
	await figures.receive([file('notes.txt')], 'texts');
	expect(figures.error).toContain('The folder texts holds no pictures');
	expect([images.history, session.sets.own]).toEqual([[], []]);

	const before = images.current;
	await figures.receive([file('a.png'), file('notes.txt'), file('b.png')], 'Holidays');
	expect([session.sets.chosen?.name, session.sets.chosen?.images.length]).toEqual(['Holidays', 2]);
	expect(images.current, 'a folder is no picture to look at').toBe(before);
	await figures.receive([file('c.png'), file('d.png')]);
	expect([images.current?.id, session.sets.chosen?.name]).toEqual(['d.png', 'c.png.png, d.png.png']);
	expect(images.put(fakeImage('e'))).toBeUndefined();
});
