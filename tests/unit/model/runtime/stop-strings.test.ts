import { expect, it } from 'vitest';
import { applyStopStrings } from '../../../../src/lib/model/runtime/stop-strings.ts';

it('cuts before the earliest stop string', () => {
	expect(applyStopStrings('a dog\nHuman: and', ['and', '\nHuman:'], false)).toEqual({
		text: 'a dog',
		stopped: true
	});
});

it('holds back an end that may become a stop string, until the text is final', () => {
	expect(applyStopStrings('a dog\nHu', ['\nHuman:'], false)).toEqual({ text: 'a dog', stopped: false });
	expect(applyStopStrings('a dog\nHu', ['\nHuman:'], true)).toEqual({ text: 'a dog\nHu', stopped: false });
	expect(applyStopStrings('aab', ['abc', 'aabb'], false)).toEqual({ text: '', stopped: false });
});

it('leaves text without stop strings alone', () => {
	expect(applyStopStrings('a dog', [], false)).toEqual({ text: 'a dog', stopped: false });
});
