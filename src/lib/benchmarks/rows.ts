import { InputError, usable } from '../tensor/errors.ts';
import type { Data, Example, ExampleImage } from './benchmark.ts';

/**
 * Reads one row of the data: the question it asks.
 * @throws InputError naming the row that cannot be used
 */
export type RowReader<D extends Data> = () => Asked<D> | Promise<Asked<D>>;

/** An example before it has its number. */
export type Asked<D extends Data> = Omit<Example<D>, 'id'>;

/**
 * Examples of a benchmark's rows, numbered from 0. One odd row ends nothing: an example that cannot be read says why instead of what it
 * asks (`unusable`) and keeps its number.
 *
 * @param rows in upstream's order
 * @param nothing what to say when there are no rows
 * @throws InputError the first row's, when none of them can be used
 */
export async function* examplesOfRows<D extends Data>(
	rows: Iterable<RowReader<D>> | AsyncIterable<RowReader<D>>,
	nothing: string
): AsyncGenerator<Example<D>, void, void> {
	let id = 0;
	let some = false;
	let first: string | undefined;
	for await (const read of rows) {
		const asked = await usable(read);
		const example = asked instanceof InputError ? oddExample<D>(id, asked.message) : { id, ...asked };
		const reason = example.unusable ?? example.images.find(({ missing }) => missing !== undefined)?.missing;
		if (reason === undefined) some = true;
		else first ??= reason;
		id++;
		yield example;
	}
	if (id === 0) throw new InputError(nothing);
	if (!some)
		throw new InputError(
			id === 1 ? first! : `${first!} So it is, or alike, with all ${id} rows of the data.`
		);
}

/** Nothing was read of it. */
const oddExample = <D extends Data>(id: number, unusable: string): Example<D> => ({
	...{ id, unusable, images: [] as ExampleImage[] },
	data: {} as D
});
