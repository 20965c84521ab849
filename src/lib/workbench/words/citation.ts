import { escapeLatex } from '../../viz/export/latex-text.ts';

/** The paper that this workbench is about, as its proceedings name it. */
export const paper = {
	title: 'Honeybee: Locality-enhanced Projector for Multimodal LLM',
	url: 'https://arxiv.org/abs/2312.06742',
	code: 'https://github.com/kakaobrain/honeybee',
	bibtex: `@inproceedings{cha2024honeybee,
  title     = {Honeybee: Locality-enhanced Projector for Multimodal {LLM}},
  author    = {Cha, Junbum and Kang, Wooyoung and Mun, Jonghwan and Roh, Byungseok},
  booktitle = {Proceedings of the {IEEE/CVF} Conference on Computer Vision and Pattern Recognition ({CVPR})},
  year      = {2024},
  eprint    = {2312.06742},
  archivePrefix = {arXiv}
}`
} as const;

export interface Cited {
	/** Version of the workbench. */
	readonly version: string;
	/** The page or figure that is cited. */
	readonly title: string;
	/** What its numbers come from, where it is a figure: model, projector, M, image, dtype, backend. */
	readonly provenance?: string;
	/** Address that opens it again. */
	readonly url: string;
	/** When it was seen; now when absent. */
	readonly date?: Date;
}

/** The whole address of a path and query below the site's root. */
export const wholeAddress = (address: string, base: string): string => new URL(address, base).href;

/** BibTeX of a page or figure of the workbench, and of the paper below it. */
export function citation({ version, title, provenance, url, date = new Date() }: Cited): string {
	const day = date.toISOString().slice(0, 10);
	const note = [`Version ${version}`, provenance, `seen ${day}`]
		.filter((part) => part !== undefined)
		.join('; ');
	return `@misc{honeybee-workbench-${day},
  title        = {Honeybee workbench: ${escapeLatex(title)}},
  howpublished = {\\url{${url}}},
  note         = {${escapeLatex(note)}},
  year         = {${day.slice(0, 4)}}
}

${paper.bibtex}
`;
}
