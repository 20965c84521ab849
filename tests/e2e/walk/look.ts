/** What can be read off the workbench at one moment: address, controls, figures. It runs in the page, so it stands alone. */
export interface Look {
	/** Of the page that is shown; the address may already be another's. */
	readonly path: string;
	readonly address: string;
	readonly parameters: Readonly<Record<string, string>>;
	/** The choices at the left: words and values of what is checked. */
	readonly left: {
		readonly model: string | undefined;
		readonly projector: string | undefined;
		readonly title: string | undefined;
		readonly tokens: number | undefined;
		readonly image: string | undefined;
	};
	/** Radio groups and lists of the page by their names; values. */
	readonly controls: Readonly<Record<string, string>>;
	readonly figures: readonly {
		readonly id: string;
		readonly provenance: string;
		readonly method: string;
		/** It says by itself that it is of before, or being made. */
		readonly stale: boolean;
		readonly drawn: boolean;
	}[];
	/** Side by side: what the columns are called. */
	readonly columns: readonly string[];
	/** Answers of the chat, whole. */
	readonly answers: readonly string[];
	/** Answer: what the page says of the answer looked into. */
	readonly looked: string | undefined;
	readonly running: boolean;
	readonly alarms: readonly string[];
}

export function look(): Look {
	const text = (node: Element | null | undefined) => node?.textContent.replace(/\s+/g, ' ').trim() ?? '';
	const left = document.querySelector('aside.left')!;
	const middle = document.querySelector('.middle')!;
	const groupOf = (box: ParentNode) =>
		[...box.querySelectorAll('fieldset')].map((group) => {
			const checked = group.querySelector<HTMLInputElement>('input[type=radio]:checked');
			return [
				text(group.querySelector('legend')),
				checked?.value ?? '',
				text(checked?.closest('label'))
			] as const;
		});
	const projector = groupOf(left).find(([legend]) => legend === 'Projector');
	const slider = left.querySelector('input[type=range]')?.getAttribute('aria-valuetext') ?? '';
	const lists = [...middle.querySelectorAll('select')].map((list) => {
		const name = list.getAttribute('aria-label') ?? text(list.labels[0]?.firstChild as Element | null);
		return [name, list.value] as const;
	});
	return {
		path: document.querySelector<HTMLAnchorElement>('nav a[aria-current=page]')?.pathname ?? '',
		address: location.pathname,
		parameters: Object.fromEntries(new URLSearchParams(location.search)),
		left: {
			model: left.querySelector('select')?.value,
			projector: projector?.[1],
			title: projector?.[2],
			tokens: /^\d+/.test(slider) ? parseInt(slider) : undefined,
			image: left.querySelector('button[aria-pressed=true] img')?.getAttribute('alt') ?? undefined
		},
		controls: Object.fromEntries([
			...groupOf(middle).map(([legend, value]) => [legend, value] as const),
			...lists.filter(([name]) => name !== '')
		]),
		figures: [...middle.querySelectorAll('figure')].map((figure) => ({
			id: figure.id.replace('figure-', ''),
			provenance: text(figure.querySelector('.foot > p')),
			method: text(figure.querySelector('.foot summary')).replace(/^Method:? ?/, ''),
			stale: figure.closest('.stale') !== null || figure.getAttribute('aria-busy') === 'true',
			drawn: figure.querySelector('.sheet svg') !== null
		})),
		columns: [...middle.querySelectorAll('section[aria-label^="Column "]')].map((column) =>
			column.getAttribute('aria-label')!.replace('Column ', '')
		),
		answers: [...document.querySelectorAll('[role=log] article')]
			.filter((article) => article.querySelector('[aria-busy=false]'))
			// Without what can be done with it, which speaks of what is chosen now.
			.map((article) => [...article.querySelectorAll('h3, .answer, .line')].map(text).join(' ')),
		looked: text(middle.querySelector('[aria-label="The answer looked into"]')) || undefined,
		running: document.querySelector('progress, [role=log] [aria-busy=true]') !== null,
		alarms: [...document.querySelectorAll('.alarm')].map(text).filter(Boolean)
	};
}
