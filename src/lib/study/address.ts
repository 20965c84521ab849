import { choices as settings, type Choices } from './choices.ts';
import { columnsWord } from './columns.ts';
import type { FigureStudy, Work } from './figure-study.ts';

/** Settings that are a selection of the page's figures. */
const selected = ['token', 'word'] as const;

/** Page and its state that shows the figure: path and query below the site's root. */
export function addressOf(study: FigureStudy, work: Work, chosen: Choices): string {
	const { page, needs } = study;
	const { subject, question, columns } = work;
	const selection = selected.flatMap((name) =>
		study.choices.includes(name) && chosen[name] !== undefined ? [`${name}.${chosen[name]}`] : []
	);
	const query = new URLSearchParams({
		...(work.model && { model: work.model.manifest.name }),
		...(subject && { projector: subject.projector, tokens: `${subject.tokens}` }),
		...(question !== undefined && needs.includes('question') && { answered: question }),
		...(columns &&
			needs.includes('columns') && {
				columns: columnsWord(
					columns.map(({ subject: { projector, tokens, entry } }) => ({
						projector,
						...(tokens !== entry.num_query_tokens && { tokens })
					}))
				),
				...(question !== undefined && { question })
			})
	});
	for (const name of study.choices)
		if (!selected.some((one) => one === name) && chosen[name] !== settings[name].standard)
			query.set(name, `${chosen[name]}`);
	if (selection.length > 0) query.set('select', selection.join('-'));
	return `${page}?${query}`;
}

/** The state of the workbench behind a figure, without the image's file. */
export function originOf(study: FigureStudy, work: Work, chosen: Choices) {
	const { model, subject, question } = work;
	return {
		address: addressOf(study, work, chosen),
		...(model && {
			model: {
				name: model.manifest.name,
				dtype: model.manifest.dtype,
				files: Object.fromEntries(model.manifest.files.map(({ path, sha256 }) => [path, sha256]))
			},
			backend: model.backend.backend
		}),
		...(subject && {
			projector: subject.projector,
			tokens: subject.tokens,
			image: { id: subject.image.id, name: subject.image.name }
		}),
		...(question !== undefined && { prompt: question })
	};
}
