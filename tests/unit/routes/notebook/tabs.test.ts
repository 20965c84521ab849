import { afterEach, describe, expect, it, vi } from 'vitest';
import { Notebooks } from '../../../../src/routes/notebook/notebook.svelte.ts';
import { callKey } from '../../../../src/lib/notebook/saved.ts';
import { packNotebook } from '../../../../src/routes/notebook/files.ts';
import { NotebookSupplies } from '../../../../src/routes/notebook/supplies.ts';
import { ConflictError, type StoredNotebook } from '../../../../src/routes/notebook/store.ts';

const base = 'http://localhost/';
const opened: Notebooks[] = [];

/** What the database does, in memory. */
class Shelf {
	readonly notebooks = new Map<string, StoredNotebook>();
	list = () => Promise.resolve([...this.notebooks.values()]);
	get = (id: string) => Promise.resolve(this.notebooks.get(id));
	save = (notebook: Omit<StoredNotebook, 'saved'>) => {
		const known = this.notebooks.get(notebook.id);
		if (known && known.version !== notebook.version) return Promise.reject(new ConflictError('Changed.'));
		const saved = { ...notebook, version: notebook.version + 1, saved: 0 };
		this.notebooks.set(notebook.id, saved);
		return Promise.resolve(saved);
	};
	remove = (id: string) => Promise.resolve(void this.notebooks.delete(id));
	texts = () => [...this.notebooks.values()].map(({ text }) => text).sort();
}

function tab(shelf: Shelf): Notebooks {
	const notebooks = new Notebooks(base, shelf);
	opened.push(notebooks);
	return notebooks;
}

/** A notebook that two tabs have open; the first may write. */
async function twoTabs() {
	const shelf = new Shelf();
	const [first, second] = [tab(shelf), tab(shelf)];
	const id = (await first.create())!;
	await first.openKept(id);
	await second.openKept(id);
	return { shelf, first, second, id };
}

afterEach(async () => {
	for (const one of opened.splice(0)) await one.leave();
});

describe('two tabs on one notebook', () => {
	it('only one writes, and the other follows it', async () => {
		const { shelf, first, second } = await twoTabs();
		expect([first.elsewhere, second.elsewhere]).toEqual([false, true]);
		second.changed('not heard', 'Title');
		first.changed('written', 'Title');
		await vi.waitFor(() => expect(second.text).toBe('written'));
		expect(first.saved).toBe('saved');
		expect(shelf.texts()).toEqual(['written']);
	});

	it('taking over leaves the first to read', async () => {
		const { shelf, first, second } = await twoTabs();
		await second.takeOver();
		await vi.waitFor(() => expect(first.elsewhere).toBe(true));
		expect(second.elsewhere).toBe(false);
		second.changed('from the second', 'Title');
		first.changed('from the first', 'Title');
		await vi.waitFor(() => expect(first.text).toBe('from the second'));
		expect(shelf.texts()).toEqual(['from the second']);
	});

	it('what was not yet saved when it was taken over is kept as a copy', async () => {
		const { shelf, first, second, id } = await twoTabs();
		first.changed('in the middle of a word', 'Title');
		expect(first.saved).toBe('unsaved');
		await second.takeOver();
		await vi.waitFor(() => expect(first.open?.id).not.toBe(id));
		expect(first.elsewhere).toBe(false);
		expect(first.error).toMatch(/kept here as a copy/);
		second.changed('from the second', 'Title');
		await vi.waitFor(() => expect(second.saved).toBe('saved'));
		expect(shelf.texts()).toEqual(['from the second', 'in the middle of a word']);
	});

	it('a version that is older than what is saved overwrites nothing', async () => {
		const { shelf, first, id } = await twoTabs();
		const known = shelf.notebooks.get(id)!;
		shelf.notebooks.set(id, { ...known, text: 'from a browser without locks', version: known.version + 1 });
		first.changed('mine', 'Title');
		await vi.waitFor(() => expect(shelf.texts()).toEqual(['from a browser without locks', 'mine']));
	});
});

describe('saving', () => {
	it('waits until writing rests, and is done at once when the tab is left', async () => {
		const shelf = new Shelf();
		const notebooks = tab(shelf);
		const id = (await notebooks.create())!;
		await notebooks.openKept(id);
		expect(notebooks.flush()).toBe(false);
		notebooks.changed('last words', 'Title');
		expect(notebooks.flush()).toBe(true);
		await vi.waitFor(() => expect(shelf.texts()).toEqual(['last words']), { timeout: 400 });
	});

	it('the first change of a notebook that came with the workbench makes a copy', async () => {
		vi.stubGlobal('fetch', () => Promise.resolve(new Response('as it came')));
		const shelf = new Shelf();
		const notebooks = tab(shelf);
		await notebooks.openShipped('locality');
		vi.unstubAllGlobals();
		expect(shelf.texts()).toEqual([]);
		notebooks.changed('with a note', 'Which projector keeps places?');
		await vi.waitFor(() => expect(shelf.texts()).toEqual(['with a note']));
		expect(notebooks.open?.id).toBeDefined();
	});

	it('a file from elsewhere is not trusted, and what is no notebook is refused', async () => {
		const shelf = new Shelf();
		const notebooks = tab(shelf);
		const id = await notebooks.openFiles([
			new File(['<notebook><title>Guest</title></notebook>'], 'guest.html')
		]);
		expect(shelf.notebooks.get(id!)).toMatchObject({ title: 'Guest', trusted: false });
		expect(await notebooks.openFiles([new File(['<p>'], 'page.html')])).toBeUndefined();
		expect(notebooks.error).toMatch(/page\.html is no notebook; open /);
	});

	it('files beside it are saved with it, leave with it and come back', async () => {
		const shelf = new Shelf();
		const notebooks = tab(shelf);
		const id = (await notebooks.openFiles([
			new File(['<p>'], 'no-notebook.html'),
			new File(['<notebook><title>With files</title></notebook>'], 'with.html'),
			new File(['a,b\n1,2'], 'data.csv')
		]))!;
		await notebooks.openKept(id);
		expect(notebooks.files.map(({ name }) => name)).toEqual(['no-notebook.html', 'data.csv']);
		notebooks.attach([new File(['new'], 'data.csv'), new File(['{}'], 'more.json')]);
		notebooks.detach('no-notebook.html');
		await vi.waitFor(() => expect(notebooks.saved).toBe('saved'));
		expect(shelf.notebooks.get(id)!.files!.map(({ name }) => name)).toEqual(['data.csv', 'more.json']);

		const zip = await packNotebook('with', notebooks.text, notebooks.files);
		const again = (await notebooks.openFiles([new File([zip], 'with.zip')]))!;
		const { title, text, files } = shelf.notebooks.get(again)!;
		expect([title, text]).toEqual(['With files', notebooks.text]);
		expect(await Promise.all(files!.map(async ({ name, data }) => [name, await data.text()]))).toEqual([
			['data.csv', 'new'],
			['more.json', '{}']
		]);
		expect(await notebooks.openFiles([new File(['no'], 'broken.zip')])).toBeUndefined();
		expect(notebooks.error).toMatch(/^broken\.zip is not a whole \.zip archive/);
	});

	it('hands the frame its files, other notebooks and libraries, and says what is not here', async () => {
		const shelf = new Shelf();
		const notebooks = tab(shelf);
		const id = (await notebooks.create())!;
		await notebooks.openKept(id);
		notebooks.attach([new File(['a,b'], 'data.csv')]);
		const supplies = new NotebookSupplies(notebooks, base);
		expect(await supplies.answer('attachment', ['data.csv'])).toEqual(new TextEncoder().encode('a,b'));
		expect(await supplies.answer('notebook', ['untitled.html'])).toBe(notebooks.text);
		expect([...(await supplies.saved()).keys()]).toEqual([
			callKey('notebook', ['untitled.html']),
			callKey('attachment', ['data.csv'])
		]);
		await expect(supplies.answer('attachment', ['../secret'])).rejects.toThrow(/There is no file/);
		await expect(supplies.answer('library', ['constructor'])).rejects.toThrow(/does not come with/);
		await expect(supplies.answer('notebook', ['@d3/chart'])).rejects.toThrow(/no network/);
	});

	it('says of a change that it cannot be saved, until one can', async () => {
		const { first, shelf } = await twoTabs();
		first.unwritten('Cell 1 would not come back.');
		expect(first.error).toBe('Cell 1 would not come back.');
		first.changed('mended', 'Title');
		expect(first.error).toBeUndefined();
		await vi.waitFor(() => expect(shelf.texts()).toEqual(['mended']));
	});

	it('goes on after a copy that could not be kept', async () => {
		const { shelf, first, id } = await twoTabs();
		const known = shelf.notebooks.get(id)!;
		shelf.notebooks.set(id, { ...known, text: 'from elsewhere', version: known.version + 1 });
		const { save } = shelf;
		shelf.save = (notebook) =>
			notebook.id === id ? save(notebook) : Promise.reject(new Error('The disk is full.'));
		first.changed('lost', 'Title');
		first.flush();
		await vi.waitFor(() => expect(first.error).toBe('The disk is full.'));
		expect(first.saved).toBe('unsaved');
		shelf.save = save;
		first.changed('kept', 'Title');
		first.flush();
		await vi.waitFor(() => expect(shelf.texts()).toEqual(['from elsewhere', 'kept']));
	});

	it('says what the database or the disk refuses', async () => {
		const { shelf, second, id } = await twoTabs();
		shelf.get = () => Promise.reject(new Error('The database is closed.'));
		await second.takeOver();
		expect(second.error).toBe('The database is closed.');
		shelf.remove = () => Promise.reject(new Error('The database is gone.'));
		await second.remove(id);
		expect(second.error).toBe('The database is gone.');
		const moved = Object.assign(new File([], 'moved.html'), {
			text: () => Promise.reject(new Error('moved'))
		});
		expect(await second.openFiles([moved])).toBeUndefined();
		expect(second.error).toMatch(/^moved\.html could not be read/);
	});
});
