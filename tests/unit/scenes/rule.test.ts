import { expect, test } from 'vitest';
import { generateScene } from '../../../src/lib/scenes/index.ts';
import { MOST_OBJECTS, readRule, ruleWord, scenesOf } from '../../../src/lib/scenes/rule.ts';

test('a rule is read from its word, and nothing else is one', () => {
	const rule = { from: 40, count: 3, objects: 5 };
	expect(readRule(ruleWord(rule))).toEqual(rule);
	for (const word of [
		'samples',
		'scenes.1.2',
		'scenes.1.0.1',
		'scenes.1.501.1',
		'scenes.1.2.7',
		'scenes.999999999.2.1'
	])
		expect(readRule(word), word).toBeUndefined();
});

test('the scenes of a rule are held-out ones in their order, with as many objects as asked for', () => {
	const scenes = scenesOf({ from: 40, count: 5, objects: MOST_OBJECTS });
	expect(scenes).toHaveLength(5);
	for (const scene of scenes) {
		expect(scene.objects.length).toBeGreaterThanOrEqual(MOST_OBJECTS);
		expect(scene).toEqual(generateScene(scene.seed, 'test'));
	}
	expect(scenes.map(({ seed }) => seed)).toEqual(scenes.map(({ seed }) => seed).sort((a, b) => a - b));
	expect(scenesOf({ from: 40, count: 2, objects: 1 }).map(({ seed }) => seed)).toEqual([40, 41]);
});
