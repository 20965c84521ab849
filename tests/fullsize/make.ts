/**
 * Writes a randomly initialised checkpoint of an official shape.
 *
 *   node tests/fullsize/make.ts OUT_DIR c-abs|d-abs [DIVIDE] [7b|13b]
 */
import { projectorTypes } from './shapes.ts';
import { writeOfficialCheckpoint } from './write.ts';

const [out, type, divide = '1', size = '7b'] = process.argv.slice(2);
const projector = projectorTypes.find((name) => name === type);
if (out === undefined || projector === undefined || (size !== '7b' && size !== '13b'))
	throw new Error('node tests/fullsize/make.ts OUT_DIR c-abs|d-abs [DIVIDE] [7b|13b]');
await writeOfficialCheckpoint(out, projector, Number(divide), size);
