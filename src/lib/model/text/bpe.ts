/** A candidate merge: the two symbols that begin at `left` and end `length` characters (UTF-16) further on. */
interface Candidate {
	readonly rank: number;
	readonly left: number;
	readonly length: number;
}

/**
 * SentencePiece's byte-pair encoding: of all adjacent pairs whose join is a piece, the best piece is merged first and
 * the leftmost of equals, until no pair is left. Returns the symbols; those that are single characters need not be
 * pieces.
 *
 * This is not quite the merge loop of `tokenizer.json` readers: those rank each way of splitting a piece on its own, and
 * so may prefer a pair further right. Upstream uses SentencePiece itself.
 *
 * @param text characters with spaces already written as `▁`
 * @param ranks pieces that can be made by merging → rank, 0 is best
 */
export function bytePairEncode(text: string, ranks: ReadonlyMap<string, number>): string[] {
	const symbols: string[] = Array.from(text);
	const previous = symbols.map((_, i) => i - 1);
	const next = symbols.map((_, i) => (i + 1 < symbols.length ? i + 1 : -1));
	const queue = new Heap();
	const propose = (left: number, right: number): void => {
		if (left < 0 || right < 0) return;
		const joined = symbols[left]! + symbols[right]!;
		const rank = ranks.get(joined);
		if (rank !== undefined) queue.push({ rank, left, length: joined.length });
	};
	for (let i = 0; i + 1 < symbols.length; i++) propose(i, i + 1);
	for (let best = queue.pop(); best !== undefined; best = queue.pop()) {
		const { left, length } = best;
		const right = next[left]!;
		// Either symbol has been merged since; empty symbols are swallowed ones.
		if (symbols[left] === '' || right < 0 || symbols[left]!.length + symbols[right]!.length !== length)
			continue;
		symbols[left]! += symbols[right]!;
		symbols[right] = '';
		next[left] = next[right]!;
		if (next[left] >= 0) previous[next[left]] = left;
		propose(previous[left]!, left);
		propose(left, next[left]);
	}
	return symbols.filter((symbol) => symbol !== '');
}

/** Binary heap of candidates, best rank first, then leftmost. */
class Heap {
	readonly #items: Candidate[] = [];

	push(item: Candidate): void {
		const items = this.#items;
		let at = items.push(item) - 1;
		while (at > 0) {
			const parent = (at - 1) >> 1;
			if (!before(item, items[parent]!)) break;
			items[at] = items[parent]!;
			at = parent;
		}
		items[at] = item;
	}

	pop(): Candidate | undefined {
		const items = this.#items;
		const top = items[0];
		const item = items.pop();
		if (item === undefined || items.length === 0) return top;
		let at = 0;
		for (;;) {
			let child = 2 * at + 1;
			if (child >= items.length) break;
			if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child++;
			if (!before(items[child]!, item)) break;
			items[at] = items[child]!;
			at = child;
		}
		items[at] = item;
		return top;
	}
}

function before(a: Candidate, b: Candidate): boolean {
	return a.rank < b.rank || (a.rank === b.rank && a.left < b.left);
}
