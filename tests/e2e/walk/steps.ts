import { expect, type Page } from 'playwright/test';
import type { Random } from '../../../src/lib/bytes/random.ts';

/** One thing a reader does. */
export interface Step {
	readonly name: string;
	/** How often, against the others. */
	readonly weight: number;
	/** Leaves model, projector, M and image as they are. */
	readonly keepsLeft?: true;
	/** @returns what was done in words; undefined when there is nothing to do it to */
	run(page: Page, random: Random): Promise<string | undefined>;
}

/** Pages that compute little by themselves. */
const titles = [
	'Start',
	'Locality',
	'Offsets',
	'Anatomy',
	'Answer',
	'Side by side',
	'Scenes',
	'Benchmarks',
	'Data recipe',
	'Models'
];
/** Few of each, so that what was computed is met again. */
const projectors = ['C-Abstractor', 'D-Abstractor', 'Resampler', 'Linear'];

export const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)]!;

/** By the navigation. */
export async function goTo(page: Page, title: string): Promise<void> {
	const link = page
		.getByRole('navigation', { name: 'Pages' })
		.getByRole('link', { name: title, exact: true });
	await link.click();
	await expect(link).toHaveAttribute('aria-current', 'page');
}

export const steps: readonly Step[] = [
	{
		...{ name: 'page', weight: 5, keepsLeft: true },
		async run(page, random) {
			const title = pick(random, titles);
			await goTo(page, title);
			return title;
		}
	},
	{
		...{ name: 'projector', weight: 3 },
		async run(page, random) {
			const title = pick(random, projectors);
			const left = page.getByRole('complementary', { name: 'Model and image' });
			await left.getByRole('radio', { name: title, exact: true }).check({ force: true });
			return title;
		}
	},
	{
		...{ name: 'M', weight: 2 },
		async run(page, random) {
			const slider = page.getByRole('slider', { name: 'Visual tokens' });
			if (!(await slider.isEnabled())) return undefined;
			const key = pick(random, ['ArrowLeft', 'ArrowRight']);
			// Beyond 64 tokens everything takes long.
			const now = parseInt((await slider.getAttribute('aria-valuetext')) ?? '');
			await slider.press(now >= 64 ? 'ArrowLeft' : key);
			return now >= 64 ? 'ArrowLeft' : key;
		}
	},
	{
		...{ name: 'image', weight: 3 },
		async run(page, random) {
			const images = page.locator('aside.left li button:has(img)');
			const at = Math.floor(random() * Math.min(3, await images.count()));
			await images.nth(at).click();
			return `the one in place ${at}`;
		}
	},
	{
		...{ name: 'Back', weight: 3 },
		async run(page) {
			// The first entry of the history is outside the workbench.
			const from = await page.evaluate(() => (navigation.currentEntry?.index ?? 0) - 2);
			if (from < 0) return undefined;
			await page.goBack({ waitUntil: 'commit' });
			return '';
		}
	},
	{
		...{ name: 'Forward', weight: 1 },
		async run(page) {
			if (!(await page.evaluate(() => navigation.canGoForward))) return undefined;
			await page.goForward({ waitUntil: 'commit' });
			return '';
		}
	},
	{
		...{ name: 'setting', weight: 8, keepsLeft: true },
		run: (page, random) => page.evaluate(chooseSetting, random())
	},
	{
		...{ name: 'token', weight: 2, keepsLeft: true },
		async run(page, random) {
			const figures = page.locator('.middle figure svg[tabindex]:visible');
			const count = await figures.count();
			if (count === 0) return undefined;
			const key = pick(random, ['ArrowRight', 'ArrowDown', 'ArrowLeft', 'Escape']);
			const at = Math.floor(random() * count);
			// A figure that is drawn anew meanwhile takes the key all the same.
			await figures.nth(at).press(key);
			return `${key} in figure ${at}`;
		}
	},
	{
		...{ name: 'earlier questions', weight: 1, keepsLeft: true },
		async run(page) {
			const box = page.getByLabel('Send the earlier questions along');
			await box.click();
			return (await box.isChecked()) ? 'along' : 'not along';
		}
	}
];

/** Chooses a value of one of the page's radio groups or lists. Runs in the page. */
function chooseSetting(share: number): string | undefined {
	if (/models|notebook|scenes/.test(location.pathname)) return undefined;
	const middle = document.querySelector('.middle')!;
	const visible = (node: Element) => node.closest('details:not([open])') === null;
	const radios = [...middle.querySelectorAll<HTMLInputElement>('fieldset input[type=radio]')]
		// Steps in random directions take long, and are no numbers to compare between backends; ablation runs the answer once per token.
		.filter(
			({ checked, disabled, value }) =>
				!checked && !disabled && !/^(perturbation|ablation|steps)$/.test(value)
		)
		.filter(visible)
		.map((radio) => ({ words: radio.value, choose: () => radio.click() }));
	const nameOf = (list: HTMLSelectElement) =>
		list.ariaLabel ?? list.labels[0]?.firstChild?.textContent?.trim() ?? '';
	const lists = [...middle.querySelectorAll('select')]
		.filter((list) => !list.disabled && visible(list) && !/^(Directions|Model of)/.test(nameOf(list)))
		.flatMap((list) =>
			[...list.options]
				.filter(
					(option) =>
						!option.selected && !option.disabled && !(parseInt(option.text.replace('M = ', '')) > 64)
				)
				.slice(0, 3)
				.map((option) => ({
					words: `${nameOf(list)}: ${option.text}`,
					choose: () => {
						list.value = option.value;
						list.dispatchEvent(new Event('change', { bubbles: true }));
					}
				}))
		);
	const all = [...radios, ...lists];
	const chosen = all[Math.floor(share * all.length)];
	chosen?.choose();
	return chosen?.words;
}
