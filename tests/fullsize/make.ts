/**
 * Writes a randomly initialised checkpoint of an official shape.
 *
 *   node tests/fullsize/make.ts OUT_DIR c-abs|d-abs [DIVIDE]
 */
import { projectorTypes } from './shapes.ts';
import { writeOfficialCheckpoint } from './write.ts';

const [out, type, divide = '1'] = process.argv.slice(2);
const projector = projectorTypes.find((name) => name === type);
if (out === undefined || projector === undefined)
	throw new Error('node tests/fullsize/make.ts OUT_DIR c-abs|d-abs [DIVIDE]');
await writeOfficialCheckpoint(out, projector, Number(divide));
