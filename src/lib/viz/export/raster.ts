/** An SVG file as PNG on white, `dpi` pixels to an inch. In the browser only: its engine sets the type. */
export async function rasterise(
	svg: string,
	inches: { width: number; height: number },
	dpi: number
): Promise<Uint8Array> {
	const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
	try {
		const image = new Image();
		image.src = url;
		await image.decode();
		const canvas = document.createElement('canvas');
		canvas.width = Math.round(inches.width * dpi);
		canvas.height = Math.round(inches.height * dpi);
		const context = canvas.getContext('2d');
		if (!context) throw new Error('This browser gives no canvas to draw the PNG on; export SVG instead.');
		context.fillStyle = '#ffffff';
		context.fillRect(0, 0, canvas.width, canvas.height);
		context.drawImage(image, 0, 0, canvas.width, canvas.height);
		const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve));
		if (!blob) throw new Error('The PNG is too large for this browser; choose fewer dots per inch.');
		return new Uint8Array(await blob.arrayBuffer());
	} finally {
		URL.revokeObjectURL(url);
	}
}
