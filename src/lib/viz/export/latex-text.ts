/** Signs as LaTeX writes them, with its own packages only. */
const signs: Readonly<Record<string, string>> = {
	'\\': '\\textbackslash{}',
	'{': '\\{',
	'}': '\\}',
	'&': '\\&',
	'%': '\\%',
	$: '\\$',
	'#': '\\#',
	_: '\\_',
	'~': '\\textasciitilde{}',
	'^': '\\textasciicircum{}',
	// Other letters stand at their places in the old font encoding, which is still the default.
	'<': '\\textless{}',
	'>': '\\textgreater{}',
	'|': '\\textbar{}',
	// Babel's shorthand, and a quote.
	'"': '\\char34{}',
	'`': '\\textasciigrave{}',
	// Options of the row before, where they begin one.
	'[': '{[}',
	'*': '{*}',
	'−': '$-$',
	'×': '$\\times$',
	'÷': '$\\div$',
	'·': '$\\cdot$',
	'→': '$\\rightarrow$',
	'←': '$\\leftarrow$',
	'↑': '$\\uparrow$',
	'↓': '$\\downarrow$',
	'√': '$\\surd$',
	'±': '$\\pm$',
	'≤': '$\\leq$',
	'≥': '$\\geq$',
	'≠': '$\\neq$',
	'≈': '$\\approx$',
	'∞': '$\\infty$',
	'∈': '$\\in$',
	'∑': '$\\sum$',
	'∂': '$\\partial$',
	'∇': '$\\nabla$',
	'‖': '$\\Vert$',
	'⁻': '$^{-}$',
	'½': '$\\frac{1}{2}$',
	'°': '$^\\circ$',
	'–': '--',
	'—': '---',
	'’': "'",
	'‘': '`',
	'“': '``',
	'”': "''",
	'…': '\\ldots{}',
	'•': '\\textbullet{}',
	'†': '\\dag{}',
	'§': '\\S{}',
	'©': '\\copyright{}',
	// How tokenizers write the space before a word.
	'▁': '\\textvisiblespace{}',
	'\u00A0': '~',
	'\u2009': '\\,',
	'\u202F': '\\,'
};

const greek =
	'αalpha βbeta γgamma δdelta εvarepsilon ζzeta ηeta θtheta ιiota κkappa λlambda μmu µmu νnu ξxi πpi ρrho σsigma τtau υupsilon φvarphi ' +
	'χchi ψpsi ωomega ΓGamma ΔDelta ΘTheta ΛLambda ΞXi ΠPi ΣSigma ΦPhi ΨPsi ΩOmega';

const written = new Map([
	...Object.entries(signs),
	...greek.split(' ').map((name): [string, string] => [name[0]!, `$\\${name.slice(1)}$`])
]);

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const subscripts = '₀₁₂₃₄₅₆₇₈₉';

/** Letters of a word between which it may be broken when it is very long. */
const BREAK = 12;

/**
 * Text that LaTeX sets as it stands, without packages. Signs that pdfLaTeX has no font for it shows as their code points; LuaLaTeX and
 * XeLaTeX set the signs themselves.
 */
export function escapeLatex(text: string): string {
	const line = text
		.normalize('NFC')
		// Marks that show nothing, and signs that TeX does not read; an empty line would end a caption.
		.replace(/\p{Cf}/gu, '')
		.replace(/[\s\p{Cc}]+/gu, (space) => (written.has(space) ? space : ' '));
	return line
		.split(/( )/)
		.map((word) => {
			const letters = [...word];
			if (letters.length <= 2 * BREAK) return escapeWord(word);
			const parts = letters.flatMap((_, i) =>
				i % BREAK === 0 ? [escapeWord(letters.slice(i, i + BREAK).join(''))] : []
			);
			return parts.join('\\allowbreak{}');
		})
		.join('');
}

/** Runs of signs that are written together: raised, lowered, unknown; else one sign. */
const runs = new RegExp(
	`[${superscripts}]+|[${subscripts}]+|-+|'+|,+|[^\\0-\\u017e${superscripts}${subscripts}]+|.`,
	'gsu'
);

function escapeWord(word: string): string {
	return (word.match(runs) ?? []).map(escapeRun).join('');
}

function escapeRun(run: string): string {
	const digits = (of: string) => [...run].map((digit) => of.indexOf(digit)).join('');
	if (superscripts.includes(run[0]!)) return `$^{${digits(superscripts)}}$`;
	if (subscripts.includes(run[0]!)) return `$_{${digits(subscripts)}}$`;
	// No ligatures: two hyphens are no dash.
	if (/^[-',]/.test(run)) return [...run].join('{}');
	let out = '';
	let unknown: string[] = [];
	const settle = () => {
		if (unknown.length === 0) return;
		const codes = unknown.map(
			(sign) => `U+${sign.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`
		);
		out += `\\ifdefined\\Umathchar ${unknown.join('')}\\else ${codes.join(' ')}\\fi{}`;
		unknown = [];
	};
	for (const sign of run) {
		const known = written.get(sign) ?? (isLatin(sign) ? sign : undefined);
		if (known === undefined) unknown.push(sign);
		else {
			settle();
			out += known;
		}
	}
	settle();
	return out;
}

/** What pdfLaTeX shows of a text, for its width: unknown signs as their code points. */
export function shownByPdfLatex(text: string): string {
	return [...text.normalize('NFC')].map((sign) => (isWritten(sign) ? sign : `${codeOf(sign)} `)).join('');
}

const isWritten = (sign: string) =>
	written.has(sign) || isLatin(sign) || superscripts.includes(sign) || subscripts.includes(sign);

function codeOf(sign: string): string {
	return `U+${sign.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Letters that LaTeX knows in every font encoding. */
function isLatin(letter: string): boolean {
	if (/^[ -~]$/.test(letter) || 'ÆæØøßŒœŁłıĲĳ'.includes(letter)) return true;
	return letter.codePointAt(0)! < 0x17f && /^[A-Za-z]\p{M}$/u.test(letter.normalize('NFD'));
}
