/** Words by value as the options of a row of choices, in their order. */
export function optionsOf<T extends string>(
	words: Readonly<Record<T, string>>
): readonly { readonly value: T; readonly label: string }[] {
	return (Object.entries(words) as [T, string][]).map(([value, label]) => ({ value, label }));
}
