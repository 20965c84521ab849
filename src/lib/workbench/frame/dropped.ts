import { createContext } from 'svelte';
import type { PickedFile } from '../../../workers/convert/api.ts';

/** What was dropped on the page. */
export interface Dropped {
	/** Names of the folders among it. */
	readonly folders: readonly string[];
	/** Every file, those in folders included. */
	readonly files: readonly PickedFile[];
}

/** Who takes checkpoints on the page that is shown, if anybody does. */
export class PageDrops {
	checkpoint: ((files: readonly PickedFile[]) => void) | undefined;
}

export const [getPageDrops, setPageDrops] = createContext<PageDrops>();

/** Not one of the files that systems leave beside others: `._photo.jpg`, `.DS_Store`. */
const isVisible = ({ path }: PickedFile): boolean => !path.split('/').some((part) => part.startsWith('.'));

/** Must be called while the drop event is handled. Rejects where something cannot be read. */
export async function readDrop(transfer: DataTransfer): Promise<Dropped> {
	// Entries and files are gone after the first wait.
	const items = [...transfer.items].map((item) => [item.webkitGetAsEntry?.(), item.getAsFile()] as const);
	const files: PickedFile[] = [];
	const folders: string[] = [];
	for (const [entry, file] of items)
		if (entry?.isDirectory) {
			folders.push(entry.name);
			await collect(entry, files);
		} else if (file) files.push({ path: file.name, file });
	return {
		folders,
		files: files.filter(isVisible)
	};
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
	return [...(list ?? [])]
		.map((file) => ({ path: file.webkitRelativePath || file.name, file }))
		.filter(isVisible);
}

/** With its own name, without its folders. */
export const asFile = ({ path, file }: PickedFile): File =>
	file instanceof File ? file : new File([file], path.split('/').at(-1)!);

/** By its name: a picture that can be put in. */
export const isPicture = ({ path }: Pick<PickedFile, 'path'>): boolean =>
	/\.(png|jpe?g|jfif|webp|gif|avif|bmp)$/i.test(path) && !/(^|\/)\./.test(path);

/** By its name: weights, or an archive of them. */
export const isCheckpoint = ({ path }: Pick<PickedFile, 'path'>): boolean =>
	/\.(safetensors|bin|pth?|ckpt|gguf|tar|tgz|gz|zip)$/i.test(path);

/** By its name: a figure that may have been exported here. */
export const isFigure = ({ path }: Pick<PickedFile, 'path'>): boolean => /\.(svg|pdf|json)$/i.test(path);
