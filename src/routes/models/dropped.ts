import type { PickedFile } from '../../workers/convert/api.ts';

/** Every file of what was dropped, folders included. Must be called while the drop event is handled. */
export async function droppedFiles(transfer: DataTransfer): Promise<PickedFile[]> {
	// The entries are gone after the first wait.
	const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
	const files: PickedFile[] = [];
	for (const entry of entries) await collect(entry, files);
	return files;
}

async function collect(entry: FileSystemEntry, files: PickedFile[]): Promise<void> {
	const path = entry.fullPath.replace(/^\//, '');
	if (entry.isFile) {
		const file = await new Promise<File>((resolve, reject) =>
			(entry as FileSystemFileEntry).file(resolve, reject)
		);
		files.push({ path, file });
		return;
	}
	const reader = (entry as FileSystemDirectoryEntry).createReader();
	for (;;) {
		// A reader gives a hundred entries at a time.
		const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
			reader.readEntries(resolve, reject)
		);
		if (some.length === 0) return;
		for (const child of some) await collect(child, files);
	}
}

/** Files of a file input, with their paths where a folder was chosen. */
export function chosenFiles(list: FileList | null): PickedFile[] {
	return [...(list ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}
