const ESCAPES: Readonly<Record<string, string>> = {
	n: '\n',
	t: '\t',
	r: '\r',
	a: '\x07',
	b: '\b',
	f: '\f',
	v: '\v',
	'0': '\0',
	'\n': ''
};

const ITEM = /\s*(?:'((?:[^'\\]|\\[\s\S])*)'|"((?:[^"\\]|\\[\s\S])*)"|(-?\d[\d.e+-]*))\s*(,|\])/y;

/**
 * A Python list of strings as `repr` writes it; undefined for anything else.
 * @param numbers whether there may be numbers in it, which are taken as they stand: `[0, 1]` may be an interval
 */
export function parsePythonList(text: string, numbers = false): string[] | undefined {
	const trimmed = text.trim();
	if (!trimmed.startsWith('[') || !trimmed.endsWith(']')) return undefined;
	if (trimmed.slice(1, -1).trim() === '') return [];
	const items: string[] = [];
	ITEM.lastIndex = 1;
	for (;;) {
		const match = ITEM.exec(trimmed);
		if (!match || (match[3] !== undefined && !numbers)) return undefined;
		items.push(match[3] ?? unescape(match[1] ?? match[2] ?? ''));
		const at = ITEM.lastIndex || trimmed.length;
		if (match[4] === ']') return at === trimmed.length ? items : undefined;
		if (trimmed.slice(at).trim() === ']') return items;
		ITEM.lastIndex = at;
	}
}

function unescape(text: string): string {
	return text.replace(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[\s\S])/g, (whole, code: string) =>
		code.length > 1
			? String.fromCodePoint(parseInt(code.slice(1), 16))
			: (ESCAPES[code] ?? (`'"\\`.includes(code) ? code : whole))
	);
}
