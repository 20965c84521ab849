/** Hands bytes to the reader as a file. */
export function download(name: string, bytes: BlobPart, type: string): void {
	const link = document.createElement('a');
	link.href = URL.createObjectURL(new Blob([bytes], { type }));
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
