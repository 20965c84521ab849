import { sentence } from '../../bytes/sentence.ts';
import { parquetMetadataAsync, parquetReadObjects, type Compressors, type FileMetaData } from 'hyparquet';
import type { ByteSource } from '../../checkpoint/source.ts';
import { InputError } from '../../tensor/errors.ts';

/** Codecs that hyparquet has itself. */
const BUILT_IN: readonly string[] = ['UNCOMPRESSED', 'SNAPPY'];

/** What unpacks the other codecs of a file; loaded when one is there. @throws InputError for a codec that nothing here unpacks */
async function compressorsOf(metadata: FileMetaData, name: string): Promise<Compressors> {
	const used = new Set(
		metadata.row_groups.flatMap(({ columns }) => columns.flatMap(({ meta_data }) => meta_data?.codec ?? []))
	);
	const others = [...used].filter((codec) => !BUILT_IN.includes(codec));
	if (others.length === 0) return {};
	const { compressors } = await import('hyparquet-compressors');
	const unknown = others.find((codec) => !(codec in compressors));
	if (unknown !== undefined)
		throw new InputError(
			`${name} is packed with ${unknown}, which cannot be unpacked here; write it again with zstd, gzip or snappy.`
		);
	return Object.fromEntries(others.map((codec) => [codec, compressors[codec]]));
}

/**
 * Columns of a parquet file, a row each; binary columns are bytes.
 * @throws InputError when the file is empty, damaged, or has no such column
 */
export async function readParquet(
	source: ByteSource,
	columns: readonly string[]
): Promise<Record<string, unknown>[]> {
	if (source.size === 0) throw new InputError(`${source.name} is empty (0 bytes); download it again.`);
	const file = {
		byteLength: source.size,
		async slice(start: number, end = source.size) {
			const bytes = await source.read(start < 0 ? source.size + start : start, end);
			return bytes.slice().buffer;
		}
	};
	try {
		const metadata = await parquetMetadataAsync(file);
		const present = new Set(metadata.schema.map(({ name }) => name));
		const missing = columns.filter((column) => !present.has(column));
		if (missing.length > 0)
			throw new InputError(
				`${source.name} has no column ${missing.join(', ')}; give the benchmark's own file.`
			);
		const compressors = await compressorsOf(metadata, source.name);
		return await parquetReadObjects({ file, metadata, compressors, columns: [...columns], utf8: false });
	} catch (error) {
		if (error instanceof InputError) throw error;
		const reason = sentence(error);
		throw new InputError(
			`${source.name} cannot be read as parquet (${reason}); it is damaged or cut off, download it again.`
		);
	}
}
