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

const STRING = /\s*(?:'((?:[^'\\]|\\[\s\S])*)'|"((?:[^"\\]|\\[\s\S])*)")\s*(,|\])/y;

/** A Python list of strings as `repr` writes it; undefined for anything else. */
export function parsePythonList(text: string): string[] | undefined {
	const trimmed = text.trim();
	if (!trimmed.startsWith('[') || !trimmed.endsWith(']')) return undefined;
	if (trimmed.slice(1, -1).trim() === '') return [];
	const items: string[] = [];
	STRING.lastIndex = 1;
	for (;;) {
		const match = STRING.exec(trimmed);
		if (!match) return undefined;
		items.push(unescape(match[1] ?? match[2] ?? ''));
		const at = STRING.lastIndex || trimmed.length;
		if (match[3] === ']') return at === trimmed.length ? items : undefined;
		if (trimmed.slice(at).trim() === ']') return items;
		STRING.lastIndex = at;
	}
}

function unescape(text: string): string {
	return text.replace(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[\s\S])/g, (whole, code: string) =>
		code.length > 1
			? String.fromCodePoint(parseInt(code.slice(1), 16))
			: (ESCAPES[code] ?? (`'"\\`.includes(code) ? code : whole))
	);
}
