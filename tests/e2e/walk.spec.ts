import { readFileSync, writeFileSync } from 'node:fs';
import type { Page } from 'playwright/test';
import { sha256 } from '../../src/lib/bytes/hash.ts';
import { seededRandom, type Random } from '../../src/lib/bytes/random.ts';
import { greedy } from '../../src/lib/model/runtime/sampling.ts';
import type { HoneybeeModel } from '../../src/lib/model/runtime/model.ts';
import { generateScene } from '../../src/lib/scenes/index.ts';
import { ask as askModel } from '../../src/lib/study/ask.ts';
import type { SubjectImage } from '../../src/lib/study/subject.ts';
import { embeddedModel, openNodeModel, scene } from '../support/embedded.ts';
import { answerOf, ask, expect, test } from './workbench.ts';
import { faults, lies, type Known } from './walk/judge.ts';
import { look, type Look } from './walk/look.ts';
import { goTo, pick, steps, type Step } from './walk/steps.ts';
import { exported, untrue } from './walk/truth.ts';

const seed = Number(process.env['HONEYBEE_WALK_SEED'] ?? 1);
const count = Number(process.env['HONEYBEE_WALK_STEPS'] ?? 150);
/** Steps between two looks at whole figures, with a fresh computation of one. */
const CHECKED = 10;
const questions = ['What color is the background?', 'How many umbrellas are there?'];

/** A second model in the list: the embedded one under another name. */
const second = 'second';

test('a random walk: controls, address, figures and answers agree after every step', async ({
	page
}, info) => {
	test.setTimeout(600_000);
	const model = await openNodeModel(embeddedModel);
	const walk = new Walk(page, model, await imagesFor(info.outputPath('walk.png')));
	try {
		await offerSecondModel(page);
		await page.addInitScript(() => localStorage.setItem('honeybee.compare.method', '"occlusion"'));
		await page.goto('/locality?backend=wasm&method=occlusion&directions=1');
		await modelReady(page);
		await page.getByLabel('Image file').setInputFiles(info.outputPath('walk.png'));
		await expect(page.getByRole('button', { name: 'walk.png', pressed: true })).toBeVisible();
		await walk.run(seededRandom(seed));
	} catch (error) {
		const words = error instanceof Error ? error.message : String(error);
		throw new Error(`Seed ${seed}, after these steps:\n${walk.done.join('\n')}\n${words}`, { cause: error });
	} finally {
		await model.dispose();
	}
});

/** What was asked, as the chat must tell it ever after. */
interface Asked {
	/** Whether the answer was to go with earlier ones, and all it was computed by. */
	readonly source: string;
	readonly question: string;
	readonly answer: string;
	readonly ids: readonly number[];
	readonly words: readonly string[];
}

class Walk {
	readonly done: string[] = [];
	readonly #page: Page;
	readonly #model: HoneybeeModel;
	readonly #images: ReadonlyMap<string, SubjectImage>;
	#asked: Asked[] = [];
	#reloads = 0;

	constructor(page: Page, model: HoneybeeModel, images: ReadonlyMap<string, SubjectImage>) {
		this.#page = page;
		this.#model = model;
		this.#images = images;
	}

	async run(random: Random): Promise<void> {
		const all = [...steps, ...this.#own(random)];
		let before = await this.#agree();
		for (let i = 1; i <= count; i++) {
			const step = this.#next(all, random);
			const said = await step.run(this.#page, random);
			if (said === undefined) continue;
			this.done.push(`${i}. ${step.name} ${said}`);
			const after = await this.#agree();
			if (step.keepsLeft) expect(after.left, 'the choices at the left').toEqual(before.left);
			before = after;
			if (i % CHECKED === 0) await this.#check(random);
		}
	}

	#next(all: readonly Step[], random: Random): Step {
		let at = random() * all.reduce((sum, { weight }) => sum + weight, 0);
		return all.find(({ weight }) => (at -= weight) < 0) ?? all[0]!;
	}

	/** Waits until nothing contradicts anything else. A figure that is no longer of what is chosen must say so at once. */
	async #agree(): Promise<Look> {
		let seen: Look | undefined;
		const told: string[] = [];
		await expect
			.poll(
				async () => {
					seen = await this.#page.evaluate(look);
					told.push(...lies(seen, this.#known));
					return faults(seen, this.#known);
				},
				{ timeout: 20_000, intervals: [30, 60, 120, 240] }
			)
			.toEqual([]);
		expect(told, 'figures that are of something else than what stands beside them').toEqual([]);
		return seen!;
	}

	get #known(): Known {
		const { manifest } = this.#model;
		return {
			manifests: { [manifest.name]: manifest, [second]: { ...manifest, name: second } },
			images: Object.fromEntries([...this.#images].map(([word, { name }]) => [word, name])),
			asked: this.#asked.map(({ words }) => words)
		};
	}

	/** Waits until all that is being computed is there, and computes one of the figures anew. */
	async #check(random: Random): Promise<void> {
		const title = pick(random, ['Locality', 'Locality', 'Offsets', 'Side by side']);
		await goTo(this.#page, title);
		this.done.push(`   page ${title}`);
		await expect
			.poll(
				async () => {
					const { running, figures } = await this.#page.evaluate(look);
					return running || figures.some(({ stale }) => stale);
				},
				{ timeout: 60_000 }
			)
			.toBe(false);
		const seen = await this.#agree();
		const known = seen.figures.flatMap(({ id, drawn, method }, at) =>
			drawn && comparable(id, method, seen) ? [{ id, at }] : []
		);
		if (known.length === 0) return;
		const { id, at } = pick(random, known);
		const capsule = await exported(this.#page, this.#page.locator('.middle figure').nth(at));
		expect(`/${capsule.origin.address}`, 'the address in the exported file').toBe(
			await this.#page.evaluate(() => location.pathname + location.search)
		);
		this.done.push(`   compared ${id}`);
		expect(await untrue(capsule, this.#model, this.#images)).toBeUndefined();
	}

	/** Steps that the walk itself must remember. */
	#own(random: Random): Step[] {
		return [
			{
				...{ name: 'question', weight: 1, keepsLeft: true },
				run: async (page) => (this.#asked.length < 6 ? this.#ask(page, pick(random, questions)) : undefined)
			},
			{
				...{ name: 'reload', weight: 0.4, keepsLeft: true },
				run: async (page) => {
					if (++this.#reloads > 1) return undefined;
					await page.reload();
					await modelReady(page);
					return '';
				}
			},
			{
				...{ name: 'model', weight: 0.4 },
				run: async (page) => {
					const list = page.getByLabel('Model', { exact: true });
					const { name } = this.#model.manifest;
					const other = (await list.inputValue()) === second ? name : second;
					await list.selectOption(other);
					await modelReady(page);
					return other;
				}
			}
		];
	}

	async #ask(page: Page, question: string): Promise<string> {
		const { left } = await this.#agree();
		const source = `${left.model}, ${left.projector}, ${left.tokens}, ${left.image}`;
		const along = (await page.getByLabel('Send the earlier questions along').isChecked())
			? this.#asked.filter((one) => one.source === source)
			: [];
		const answer = await answerOf(await ask(page, question));
		const image = [...this.#images.values()].find(({ name }) => name === left.image)!;
		const turns = [
			...along.map((one) => ({ question: one.question, answer: one.answer, answer_ids: one.ids })),
			{ question }
		].map((turn, index) => ({ ...turn, images: index === 0 ? [image] : [] }));
		const { projector = '', tokens } = left;
		const own = this.#model.manifest.projectors[projector]!.num_query_tokens;
		const truth = await askModel(
			this.#model,
			{ projector, ...(tokens !== own && { tokens: tokens! }), turns, sampling: greedy },
			{}
		);
		expect(answer.trim(), `the answer to ${question}, ${source}`).toBe(truth.text.trim());
		this.#asked = [
			...this.#asked,
			{
				...{ source, question, answer: truth.text, ids: truth.ids },
				words: [
					question,
					`${left.title}, M = ${left.tokens}`,
					`${left.model === second ? second : this.#model.manifest.name}, ${left.image}`,
					along.length === 0
						? 'Sent alone'
						: `Sent with ${along.length} earlier question${along.length === 1 ? '' : 's'} and`
				]
			}
		];
		return `“${question}” with ${along.length} earlier`;
	}
}

/** Figures of one picture whose numbers are no differences of small steps, which no two backends share. */
function comparable(id: string, method: string, { path, parameters }: Look): boolean {
	if (/perturbation/.test(method) || path === '/anatomy') return false;
	if (path === '/locality') return /^(locality-grid|token-map|token-patch-matrix|coverage)$/.test(id);
	if (path === '/offsets') return /^(sampling-offsets|reference-points|sampling-density)$/.test(id);
	// With another method a column may have no map.
	return path === '/compare' && id === 'compare-grids' && parameters['method'] === 'occlusion';
}

/** The sample scenes and one file, as the address names them. */
async function imagesFor(path: string): Promise<Map<string, SubjectImage>> {
	const images = new Map<string, SubjectImage>();
	for (let at = 0; images.size < 8; at++) {
		if (generateScene(at, 'test').objects.length < 4) continue;
		images.set(`scene.${at}`, { ...scene(at).image, name: `Scene ${at}`, url: '' });
	}
	const { bytes } = scene(14).image;
	writeFileSync(path, bytes);
	const id = await sha256(new Uint8Array(bytes));
	images.set(id.slice(0, 16), { id, bytes, name: 'walk.png', url: '' });
	return images;
}

/** Where it runs is said as soon as it does, on every page. */
async function modelReady(page: Page): Promise<void> {
	await expect(page.locator('aside.left').getByText(/^WASM: /)).toBeVisible({ timeout: 120_000 });
}

/** A page that is isolated takes only what says so. */
const isolated = { 'Cross-Origin-Resource-Policy': 'same-origin' };

async function offerSecondModel(page: Page): Promise<void> {
	await page.context().route(/\/models\/index\.json/, async (route) => {
		const response = await route.fetch();
		const { models } = (await response.json()) as { models: object[] };
		await route.fulfill({
			response,
			json: { models: [...models, { name: second, title: 'A second model' }] }
		});
	});
	const manifest = JSON.parse(readFileSync(`${embeddedModel}/honeybee.json`, 'utf8')) as object;
	const renamed = Buffer.from(JSON.stringify({ ...manifest, name: second }));
	await page.context().route(/\/models\/second\//, async (route) => {
		const request = route.request();
		const url = request.url().replace(`/models/${second}/`, '/models/honeybee-mini/');
		if (!url.includes('honeybee.json')) return route.continue({ url });
		await route.fulfill({
			headers: { ...isolated, 'Content-Length': `${renamed.length}` },
			...{ contentType: 'application/json', body: renamed }
		});
	});
}
