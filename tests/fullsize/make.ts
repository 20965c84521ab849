/**
 * Writes a randomly initialised checkpoint of an official shape, or of SmolVLM-256M's.
 *
 *   node tests/fullsize/make.ts OUT_DIR c-abs|d-abs [DIVIDE] [7b|13b]
 *   node tests/fullsize/make.ts OUT_DIR smolvlm-256m [DIVIDE]
 */
import { projectorTypes } from './shapes.ts';
import { smolvlmCheckpoint } from './smolvlm.ts';
import { writeCheckpoint, writeOfficialCheckpoint } from './write.ts';

const [out, type, divide = '1', size = '7b'] = process.argv.slice(2);
const projector = projectorTypes.find((name) => name === type);
if (out !== undefined && type === 'smolvlm-256m')
	await writeCheckpoint(out, smolvlmCheckpoint(Number(divide)));
else if (out === undefined || projector === undefined || (size !== '7b' && size !== '13b'))
	throw new Error('node tests/fullsize/make.ts OUT_DIR c-abs|d-abs|smolvlm-256m [DIVIDE] [7b|13b]');
else await writeOfficialCheckpoint(out, projector, Number(divide), size);
