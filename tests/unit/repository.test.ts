import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mayImport } from '../../scripts/rooms.mjs';
import { benchmarks } from '../../src/lib/benchmarks/registry.ts';
import type { JsonObject } from '../../src/lib/bytes/json.ts';
import { gridSide } from '../../src/lib/model/config.ts';
import { parseConfig } from '../../src/lib/model/families/honeybee/parse-config.ts';
import { families } from '../../src/lib/model/families/registry.ts';
import { projectorDefinition, projectors } from '../../src/lib/model/projectors/registry.ts';
import { studies } from '../../src/lib/study/registry.ts';
import { pages } from '../../src/lib/workbench/frame/pages.ts';
import { ShapesOnly } from '../support/official-manifest.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const readmeOf = (type: string) => read(`src/lib/model/projectors/${type}/README.md`);
const foldersOf = (path: string) =>
	readdirSync(new URL(path, root), { withFileTypes: true })
		.filter((entry) => entry.isDirectory())
		.map((entry) => entry.name)
		.sort();

/** Files below a folder, new ones that are not in git yet included. */
const filesOf = (folder: string) =>
	execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', folder], {
		...{ cwd: root, encoding: 'utf8' }
	})
		.split('\0')
		.filter((path) => path && existsSync(new URL(path, root)));

interface PackageJson {
	readonly version: string;
	readonly scripts: Readonly<Record<string, string>>;
}
interface Lock {
	readonly version: string;
	readonly packages: Readonly<Record<string, LockedPackage>>;
}
interface LockedPackage {
	readonly resolved?: string;
	readonly integrity?: string;
	readonly hasInstallScript?: boolean;
	readonly dev?: true;
	readonly engines?: { readonly node?: string };
	readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Major, minor and patch in words such as ">=20.19". */
const versionOf = (words: string) =>
	[...words.matchAll(/\d+/g)].map(([number]) => Number(number)).slice(0, 3);

/** Whether a version is in a range as packages give it for Node: ">=18", "^20.19.0 || >=22", "20 || >=22", "*". */
function admits(range: string, version: readonly number[]): boolean {
	return range.split('||').some((words) => {
		const [, kind, number = ''] = /^\s*(>=|\^|)\s*v?([\d.]*|\*)\s*$/.exec(words) ?? [];
		if (kind === undefined) throw new Error(`The range "${range}" is not understood; teach it here.`);
		const low = versionOf(number);
		const place = low.findIndex((part, i) => part !== (version[i] ?? 0));
		const isAbove = place < 0 || (version[place] ?? 0) > low[place]!;
		return isAbove && (kind === '>=' || low.length === 0 || low[0] === version[0]);
	});
}

/** JSON files of a folder, parsed. */
const jsonOf = (folder: string) =>
	Object.fromEntries(
		readdirSync(new URL(folder, root))
			.filter((name) => name.endsWith('.json'))
			.map((name) => [name, JSON.parse(read(folder + name)) as JsonObject])
	);

/** Golden checkpoints of families, with their canonical configs. */
const familyGoldens = families.flatMap(({ goldens, parse }) =>
	goldens.map((golden) => {
		const folder = `tests/fixtures/families/${golden}/`;
		const { config_dir, tower_dir } = JSON.parse(read(`${folder}golden.json`)) as Record<string, string>;
		return {
			golden,
			...parse({
				name: golden,
				json: jsonOf(`${folder}${config_dir}/`),
				text: {},
				entries: new Map(),
				...(tower_dir !== undefined && {
					vision: { name: tower_dir, json: jsonOf(`${folder}${tower_dir}/`) }
				})
			})
		};
	})
);

describe('projectors: folders, registry and goldens', () => {
	it('has one folder for each registered type, and none besides', () => {
		expect(projectors.map(({ type }) => type).sort()).toEqual(foldersOf('src/lib/model/projectors/'));
	});

	it('tests every projector with a golden checkpoint, and uses every golden checkpoint', () => {
		const inFamilies = familyGoldens.map(({ config }) => config.projector_config.projector_type);
		for (const { type, goldens } of projectors)
			expect(goldens.length > 0 || inFamilies.includes(type), type).toBe(true);
		const checkpoints = foldersOf('tests/fixtures/golden/').filter((name) =>
			existsSync(new URL(`tests/fixtures/golden/${name}/golden.json`, root))
		);
		expect(projectors.flatMap(({ goldens }) => goldens).sort()).toEqual(checkpoints);
	});

	it('has a README in every folder', () => {
		for (const { type } of projectors) expect(readmeOf(type), type).toContain('paper');
	});

	it('gives every variant a name and a colour of its own', () => {
		const names = projectors.flatMap(({ variants }) => Object.keys(variants));
		expect(new Set(names).size).toBe(names.length);
		const colours = projectors.flatMap(({ variants }) =>
			Object.values(variants).flatMap(({ colour }) => (colour === undefined ? [] : [colour]))
		);
		expect(new Set(colours).size).toBe(colours.length);
	});

	const upstream = projectors.flatMap(({ goldens }) =>
		goldens.map((golden) => ({
			golden,
			config: parseConfig(JSON.parse(read(`tests/fixtures/golden/${golden}/last/config.json`)))
		}))
	);
	it.each([...upstream, ...familyGoldens])(
		'a projector reads only what its graph gives: $golden',
		({ config, golden }) => {
			const { goldens, variants, of } = projectorDefinition(config.projector_config.projector_type);
			if (upstream.some((other) => other.golden === golden)) expect(goldens).toContain(golden);
			const projector = of(config.projector_config);
			expect(Object.keys(variants)).toContain(projector.name);
			const { stages, gates = [], attention, sampler } = projector;
			expect(stages.at(-1)?.output).toBe('visual_embeds');
			const layers = ({ layers }: { readonly layers: number }) => Array.from({ length: layers }, (_, i) => i);
			const named = [
				...stages.map(({ output }) => output),
				...gates.flatMap(({ before, after }) => [before, after]),
				...(attention ? layers(attention).map(attention.output) : []),
				...(sampler
					? [
							sampler.referencePoints,
							...layers(sampler).flatMap((i) => [sampler.locations(i), sampler.weights(i)])
						]
					: [])
			];
			const graph = projector.graph(new ShapesOnly(), gridSide(config.vision_config));
			const outputs = graph.ports().outputs.map(({ name }) => name);
			expect(named.filter((name) => !outputs.includes(name))).toEqual([]);
		}
	);
});

describe('families: folders and registry', () => {
	it('has one folder for each registered family, and none besides', () => {
		expect(families.map(({ name }) => name).sort()).toEqual(foldersOf('src/lib/model/families/'));
	});
	it('uses every golden checkpoint of families', () => {
		const checkpoints = foldersOf('tests/fixtures/families/').filter((name) =>
			existsSync(new URL(`tests/fixtures/families/${name}/golden.json`, root))
		);
		expect(families.flatMap(({ goldens }) => goldens).sort()).toEqual(checkpoints);
	});
});

describe('what is special about a thing stands in its folder or file', () => {
	const sources = filesOf('src').filter((path) => /\.(ts|svelte)$/.test(path));
	/** Lines of `src` that have one of the names as a literal, outside what `isHome` says is its place. */
	const linesNaming = (names: readonly string[], isHome: (path: string) => boolean) => {
		// A module inside a network may be called like a projector: `.at('mlp')`, `scope: 'mlp'`, `.scope('mlp')`, `trace('mlp', …)`.
		const literal = new RegExp(`(?<!\\b(?:at|scope|trace)(?:\\(|: ))(['"\`])(?:${names.join('|')})\\1`);
		return sources
			.filter((path) => !isHome(path))
			.flatMap((path) =>
				read(path)
					.split('\n')
					.flatMap((line, i) => (literal.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : []))
			);
	};

	it.each(projectors.map(({ type }) => type))('nothing else asks for the projector %s', (type) => {
		expect(linesNaming([type], (path) => path.startsWith(`src/lib/model/projectors/${type}/`))).toEqual([]);
		expect(linesNaming([type], () => false).length).toBeGreaterThan(0);
	});

	// The first one has the project's own name.
	it.each(families.slice(1).map(({ name }) => ({ name })))(
		'nothing else asks for the family $name',
		({ name }) => {
			expect(linesNaming([name], (path) => path.startsWith(`src/lib/model/families/${name}/`))).toEqual([]);
		}
	);

	it.each(benchmarks.map(({ name }) => name))('nothing else asks for the benchmark %s', (name) => {
		const file = `src/lib/benchmarks/${name.split('-')[0]}.ts`;
		// Words of other things, too: a seed of random numbers, the page of scenes; a data set of the fine-tuning mixture.
		const elsewhere = /^src\/(?!lib\/benchmarks\/|routes\/benchmarks\/|cli\/eval)/;
		const shared = ['seed', 'scenes'].includes(name);
		const isHome = (path: string) =>
			path === file || (shared && elsewhere.test(path)) || path === 'src/routes/recipe/recipe.ts';
		expect(linesNaming([name], isHome)).toEqual([]);
	});

	it('lists every file that makes a benchmark', () => {
		const folder = 'src/lib/benchmarks/';
		const files = readdirSync(new URL(folder, root)).filter(
			(name) => name.endsWith('.ts') && /generation: \{ max_new_tokens: \d/.test(read(`${folder}${name}`))
		);
		const registered = new Set(benchmarks.map(({ name }) => `${name.split('-')[0]}.ts`));
		expect(files.sort()).toEqual([...registered].sort());
	});
});

describe('the layout of src', () => {
	const sources = filesOf('src').filter((path) => /\.(ts|svelte)$/.test(path));
	const statement =
		/\b(?:import|export)(\s+type)?\s[^'";]*?\bfrom\s*'([^']+)'|\bimport\(\s*'([^']+)'\)|\bimport\s+'([^']+)'/g;
	/** What each source imports of `src`; types alone do not make a circle. */
	const imports = new Map(
		sources.map((path) => [
			path,
			[...read(path).matchAll(statement)].flatMap(([, type, ...specs]) => {
				const spec = specs.find((found) => found !== undefined)!.replace(/\?.*$/, '');
				if (!/^(\.|\$lib\/)/.test(spec)) return [];
				const to = spec.startsWith('.') ? posix.join(posix.dirname(path), spec) : `src/lib/${spec.slice(5)}`;
				return /\.(ts|svelte)$/.test(to) ? [{ to, types: type !== undefined }] : [];
			})
		])
	);
	const roomOf = (path: string) => /^src\/(?:lib\/)?([^/]+)\//.exec(path)?.[1];

	it('every import is understood', () => {
		const unknown = [...imports].flatMap(([from, all]) =>
			all.filter(({ to }) => !imports.has(to)).map(({ to }) => `${from}: ${to}`)
		);
		expect(unknown).toEqual([]);
		expect([...imports.values()].flat().length).toBeGreaterThan(sources.length);
	});

	it('has a line for every room, and no room that is above itself', () => {
		expect(Object.keys(mayImport).sort()).toEqual(
			[
				...foldersOf('src/lib/'),
				...foldersOf('src/').filter((name) => name !== 'lib' && name !== 'routes')
			].sort()
		);
		const done = new Set<string>();
		const open = (below: readonly string[]) => below.some((name) => !done.has(name));
		for (const _ of Object.keys(mayImport))
			for (const [room, below] of Object.entries(mayImport)) if (!open(below)) done.add(room);
		expect(Object.keys(mayImport).filter((room) => !done.has(room))).toEqual([]);
	});

	it('imports go down only', () => {
		const up = [...imports].flatMap(([from, all]) => {
			const room = roomOf(from);
			const below =
				room === 'routes' ? Object.keys(mayImport).filter((name) => name !== 'cli') : mayImport[room!];
			return all
				.filter(({ to }) => roomOf(to) !== room && !below?.includes(roomOf(to)!))
				.map(({ to }) => `${from}: ${to}`);
		});
		expect(up).toEqual([]);
	});

	it('imports make no circle', () => {
		const finished = new Set<string>();
		const visit = (path: string, above: readonly string[]): string | undefined => {
			if (above.includes(path)) return [...above.slice(above.indexOf(path)), path].join(' → ');
			if (finished.has(path)) return undefined;
			for (const { to, types } of imports.get(path) ?? []) {
				const circle = types ? undefined : visit(to, [...above, path]);
				if (circle) return circle;
			}
			finished.add(path);
			return undefined;
		};
		expect(sources.flatMap((path) => visit(path, []) ?? [])).toEqual([]);
	});

	it.each(['src/workers/', 'src/lib/workbench/'])(
		'%s has no loose files but those that are named',
		(folder) => {
			const [, table = ''] = /## Layout\n+```\n([^]*?)```/.exec(read('CONTRIBUTING.md')) ?? [];
			const loose = readdirSync(new URL(folder, root), { withFileTypes: true })
				.filter((entry) => entry.isFile())
				.map(({ name }) => name);
			expect(loose.filter((name) => !table.includes(` ${name} `))).toEqual([]);
		}
	);

	it('has a page for every folder of routes', () => {
		expect(pages.flatMap(({ path }) => path || []).sort()).toEqual(foldersOf('src/routes/'));
	});

	it.each(Object.entries(studies).map(([id, { page }]) => ({ id, page })))(
		'shows the figure $id on the page that its study names',
		({ id, page }) => {
			const users = sources.filter((path) =>
				imports.get(path)?.some(({ to }) => to === `src/lib/viz/${id}.ts`)
			);
			expect(users.filter((path) => path.startsWith(`src/routes/${page}/`))).not.toEqual([]);
		}
	);

	it('is what unit tests mirror', () => {
		const tests = filesOf('tests/unit').filter((path) => path.endsWith('.test.ts'));
		const homes = (path: string) => {
			const folder = posix.dirname(path).slice('tests/unit'.length);
			return [`src/lib${folder}`, `src${folder}`, folder.slice(1)];
		};
		const homeless = tests.filter(
			(path) => !homes(path).some((home) => home === '' || existsSync(new URL(home, root)))
		);
		expect(homeless).toEqual([]);
	});
});

describe('tracked files', () => {
	const files = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
		.split('\0')
		.filter((path) => path && existsSync(new URL(path, root)));
	const texts = files.flatMap((path) => {
		const bytes = readFileSync(new URL(path, root));
		return bytes.subarray(0, 8192).includes(0) ? [] : [{ path, text: bytes.toString('utf8') }];
	});
	const linesWith = (pattern: RegExp) =>
		texts.flatMap(({ path, text }) =>
			text
				.split('\n')
				.flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim().slice(0, 120)}`] : []))
		);

	it('are there to be checked', () => {
		expect(texts.map(({ path }) => path)).toContain('package.json');
	});

	it('name no package registry', () => {
		expect(
			linesWith(
				/\b(registry\.[\w-]+\.\w+|npmjs\.\w+|yarnpkg\.\w+|pypi\.\w+\/|pythonhosted\.\w+|static\.crates\.\w+|deb\.debian\.\w+|api\.nuget\.\w+)/
			)
		).toEqual([]);
	});

	it('draw lines under words one property at a time: WebKitGTK takes no "text-decoration" of several words', () => {
		expect(linesWith(/^\s*text-decoration:\s*[^\s;]+\s+[^;]+;/)).toEqual([]);
	});

	it('name no folder of one machine', () => {
		expect(linesWith(/(^|[\s'"`(=:])(\/(work|root|home\/\w+|Users\/\w+)\/|[A-Z]:\\Users\\)/)).toEqual([]);
	});

	it('lock onnxruntime-node as a package without an install script, which would fetch GPU libraries: npm before 11.19 knows no "allowScripts"', () => {
		const { packages } = JSON.parse(read('package-lock.json')) as Lock;
		expect(packages['node_modules/onnxruntime-node']).toBeDefined();
		expect(
			packages['node_modules/onnxruntime-node']!.hasInstallScript,
			'npm has written "hasInstallScript" again; take the line out'
		).toBeUndefined();
	});

	it('lock the optional packages of every platform: `npm ci` refuses a lock file that lacks one', () => {
		const { packages } = JSON.parse(read('package-lock.json')) as Lock;
		/** Where Node would look for `name` from the package at `from`: its own node_modules, then its parents'. */
		const isLocked = (from: string, name: string): boolean =>
			`${from}${from && '/'}node_modules/${name}` in packages ||
			(from !== '' && isLocked(from.slice(0, from.lastIndexOf('node_modules/')).replace(/\/$/, ''), name));
		const missing = Object.entries(packages).flatMap(([from, { optionalDependencies = {} }]) =>
			Object.keys(optionalDependencies).filter((name) => !isLocked(from, name))
		);
		expect(missing).toEqual([]);
	});

	it('lock packages for the oldest Node that an installed command line may run in', () => {
		const { packages } = JSON.parse(read('package-lock.json')) as Lock;
		const oldest = versionOf(packages['']!.engines!.node!);
		const refusing = Object.entries(packages).filter(
			([, { dev, engines }]) => !dev && engines?.node !== undefined && !admits(engines.node, oldest)
		);
		expect(refusing.map(([path, { engines }]) => `${path}: ${engines!.node}`)).toEqual([]);
		expect(admits('^22.22.2 || ^24.15.0 || >=26.0.0', oldest)).toBe(false);
	});

	it('lock versions and hashes, not the place they were fetched from', () => {
		const { packages } = JSON.parse(read('package-lock.json')) as Lock;
		const entries = Object.entries(packages).filter(([path]) => path !== '');
		expect(entries.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path)).toEqual([]);
		expect(entries.filter(([, entry]) => !entry.integrity).map(([path]) => path)).toEqual([]);
	});
});

describe('documents', () => {
	const { version, scripts } = JSON.parse(read('package.json')) as PackageJson;
	const documents = ['README.md', 'CONTRIBUTING.md'].map((path) => ({ path, text: read(path) }));

	it.each(documents)('$path names commands that exist', ({ text }) => {
		for (const [, name] of text.matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty([name ?? '']);
	});

	it.each(documents)('$path names files that exist', ({ text }) => {
		const paths = [...text.matchAll(/[`(]((?:src|tests|scripts|static|training|docs|bin)\/[\w./-]*)/g)];
		const missing = paths.map(([, path]) => path ?? '').filter((path) => !existsSync(new URL(path, root)));
		expect(missing).toEqual([]);
	});

	it('link to what npm packs with them', () => {
		const packed = (JSON.parse(read('package.json')) as { readonly files: readonly string[] }).files;
		const pages = packed.filter((path) => path.endsWith('.md'));
		expect(pages).toContain('README.md');
		const dangling = pages.flatMap((page) =>
			[...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)]
				.map(([, path]) => path ?? '')
				.filter((path) => !packed.some((own) => path === own || path.startsWith(`${own}/`)))
				.map((path) => `${page} → ${path}`)
		);
		expect(dangling).toEqual([]);
	});

	it('gives one version everywhere', () => {
		expect((JSON.parse(read('package-lock.json')) as Lock).version).toBe(version);
		expect(read('CHANGELOG.md')).toContain(`## ${version}`);
	});
});
