/** A picture without its colours, as CSS's grayscale(1) shows it, PNG. In the browser only. @param href data: or blob: URL */
export async function withoutColours(href: string): Promise<string> {
	const image = new Image();
	image.src = href;
	await image.decode();
	const canvas = document.createElement('canvas');
	canvas.width = image.naturalWidth;
	canvas.height = image.naturalHeight;
	const context = canvas.getContext('2d');
	if (!context)
		throw new Error('This browser gives no canvas to make the picture grey on; export it in colour.');
	context.drawImage(image, 0, 0);
	const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
	const { data } = pixels;
	// Weights of the CSS filter (Filter Effects 1, 8.1).
	for (let i = 0; i < data.length; i += 4)
		data.fill(0.2126 * data[i]! + 0.7152 * data[i + 1]! + 0.0722 * data[i + 2]!, i, i + 3);
	context.putImageData(pixels, 0, 0);
	return canvas.toDataURL('image/png');
}
