// @vitest-environment jsdom
import { expect, test } from 'vitest';
import { projectorStyles } from '../../../../src/lib/model/projectors/registry.ts';
import type { Exportable } from '../../../../src/lib/viz/export/files.ts';
import { unpackValue } from '../../../../src/lib/viz/export/pack.ts';
import { sweep } from '../../../../src/lib/viz/sweep.ts';
import { DATA_ID, type SavedFigure } from '../../../../src/lib/viz/snapshot/saved.ts';
import { savedPage } from '../../../../src/lib/workbench/frame/saved-page.ts';
import { examples } from '../../../figures/examples.ts';

test('figures of a saved page keep the colours and titles of projectors', async () => {
	document.body.innerHTML =
		'<article><figure id="figure-sweep" data-ordinal="0"><div class="sheet"></div></figure></article>';
	const rows = examples.sweep;
	const item = {
		...{ figure: sweep, rows, selection: {}, provenance: '', method: '', ordinal: 0 },
		options: { projectors: projectorStyles }
	} as unknown as Exportable;
	const html = await savedPage({
		...{ article: document.querySelector('article')!, figures: [item] },
		...{ title: 'Sweep', address: 'scenes', script: '' }
	});
	const page = new DOMParser().parseFromString(html, 'text/html');
	const [saved] = unpackValue(page.getElementById(DATA_ID)!.textContent) as SavedFigure[];
	const draw = (options: SavedFigure['options']) => sweep.draw(rows, { ...options, width: 500 }).outerHTML;
	expect(draw(saved!.options)).toBe(draw({ projectors: projectorStyles }));
	expect(draw(saved!.options)).not.toBe(draw({ projectors: {} }));
});
