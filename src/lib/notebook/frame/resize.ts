/** An element that `render` fills anew whenever it gets another width. */
export function resize(render: (width: number, height: number) => unknown): HTMLElement {
	const place = document.createElement('div');
	let last = NaN;
	const draw = (width: number, height: number) => {
		if (width === last || width === 0) return;
		last = width;
		void Promise.resolve(render(width, height)).then((made) => {
			if (width === last) place.replaceChildren(made instanceof Node ? made : String(made));
		});
	};
	new ResizeObserver(([entry]) => draw(entry!.contentRect.width, entry!.contentRect.height)).observe(place);
	return place;
}
