/** State with effects, made as the layout or a page makes it; in the environment "runes". */
export function rooted<T>(make: () => T): { readonly state: T; readonly end: () => void } {
	let state!: T;
	const end = $effect.root(() => {
		state = make();
	});
	return { state, end };
}
