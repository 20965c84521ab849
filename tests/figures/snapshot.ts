import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

// Not a URL: jsdom has its own, which Node's files do not know.
const folder = join(import.meta.dirname, 'snapshots');

/** One element a line, numbers to a tenth: what a reader could see. */
function normalised(svg: SVGSVGElement): string {
	return (
		svg.outerHTML
			.replace(/base64,[A-Za-z0-9+/=]+/g, (data) => `base64,${data.length}`)
			.replace(/-?\d+\.\d+/g, (number) => `${Math.round(Number(number) * 10) / 10 + 0}`)
			.replace(/></g, '>\n<') + '\n'
	);
}

/**
 * Compares with `snapshots/<name>.svg`, which is written when it is missing (not on CI). A different drawing is left beside it as
 * `<name>-changed.svg`: look at both, then replace the old one if the change is meant.
 */
export function expectSnapshot(svg: SVGSVGElement, name: string): void {
	const path = join(folder, `${name}.svg`);
	const changed = join(folder, `${name}-changed.svg`);
	const actual = normalised(svg);
	if (!existsSync(path)) {
		if (process.env.CI) expect.fail(`There is no snapshot ${name}.svg.`);
		mkdirSync(folder, { recursive: true });
		writeFileSync(path, actual);
	}
	const same = actual === readFileSync(path, 'utf8');
	if (same) rmSync(changed, { force: true });
	else writeFileSync(changed, actual);
	expect(same, `${name}.svg differs, see ${name}-changed.svg`).toBe(true);
}
