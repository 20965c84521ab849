import { readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InputError } from '../../lib/tensor/errors.ts';

const reasons: Readonly<Record<string, string>> = {
	ENOSPC: 'the disk is full; free some space and run it again',
	EDQUOT: 'the disk quota is used up; free some space and run it again',
	EFBIG: 'the file is too large for the file system; choose another folder',
	EACCES: 'permission denied; choose another folder',
	EPERM: 'permission denied; choose another folder',
	EROFS: 'the disk is read-only; choose another folder',
	ENOTDIR: 'a file lies where a folder is needed; choose another folder',
	EEXIST: 'a file lies where a folder is needed; choose another folder',
	EISDIR: 'a folder has that name; choose another file',
	ENOENT: 'its folder is not there; make it first, or choose another'
};

/** The result; an InputError with what to do where the disk refuses `path`. */
export async function explainWrite<T>(operation: Promise<T>, path: string): Promise<T> {
	try {
		return await operation;
	} catch (error) {
		const reason = reasons[(error as NodeJS.ErrnoException).code ?? ''];
		throw reason ? new InputError(`${path} cannot be written: ${reason}.`) : error;
	}
}

/**
 * Whether a file can be written there, as far as that is known before the work that makes it.
 * @throws InputError naming `path` when its folder is not there, or a folder has its name
 */
export async function checkWritable(path: string): Promise<void> {
	const [own, folder] = await Promise.all(
		[path, dirname(path)].map((one) => stat(one).catch((error: NodeJS.ErrnoException) => error.code ?? ''))
	);
	const refuse = (code: string) =>
		explainWrite(Promise.reject(Object.assign(new Error(code), { code })), path);
	if (typeof own === 'object' && own.isDirectory()) await refuse('EISDIR');
	if (typeof folder === 'object' && !folder.isDirectory()) await refuse('ENOTDIR');
	if (folder === 'ENOENT' || folder === 'ENOTDIR') await refuse(folder);
}

/** @throws InputError when it cannot be written */
export const writeOutput = (path: string, content: string | Uint8Array): Promise<void> =>
	explainWrite(writeFile(path, content), path);

/** The text of a file that an option names. @throws InputError when it cannot be read */
export async function readTextFile(path: string, option: string): Promise<string> {
	try {
		return await readFile(path, 'utf8');
	} catch (error) {
		const reason = unread[(error as NodeJS.ErrnoException).code ?? ''];
		throw reason ? new InputError(`${option} ${path} ${reason}.`) : error;
	}
}

const unread: Readonly<Record<string, string>> = {
	ENOENT: 'is not there; give a file',
	ENOTDIR: 'is not there; give a file',
	EISDIR: 'is a folder; give a file',
	EACCES: 'may not be read: permission denied',
	EPERM: 'may not be read: permission denied'
};
