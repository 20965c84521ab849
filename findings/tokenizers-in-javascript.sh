#!/bin/sh
# @huggingface/tokenizers 0.2.0 gives other ids than tokenizers 0.22.2 for the same tokenizer.json, without a word.
#
# Guess before the run: pre-tokenizers that it knows by name do the same; unknown ones raise an error.
# What came out: unknown types do raise (UnicodeScripts, CharDelimiterSplit, the normalizers Nmt and ByteLevel), but
#  - Split knows two ways only: MergedWithPrevious, MergedWithNext and Contiguous do what Isolated does; with invert they, and Isolated,
#    drop the text between; Removed with a plain string keeps it (with a Regex, and with invert, it is right);
#  - Punctuation ignores Removed, MergedWithPrevious and MergedWithNext in the same way;
#  - single_word of added tokens is ignored: "bb" is found inside "xbb";
#  - Whitespace splits at letters outside ASCII;
#  - a decoder with ByteFallback drops U+FEFF.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python >/dev/null
python/bin/pip install -q tokenizers==0.22.2 2>/dev/null
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @huggingface/tokenizers@0.2.0 >/dev/null
cat > make.py <<'PY'
import json
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers as P

ALPHABET = sorted(P.ByteLevel.alphabet())
VOCAB = {c: i for i, c in enumerate(ALPHABET)}
MERGES = []
# merges across the places where a text may be cut show where it was cut
for a, b in [("a", "Ġ"), ("Ġ", "b"), ("Ġ", "Ġ"), ("a", "-"), ("-", "b"), ("i", "Ã"), ("a", "b"), ("Ġ", "-")]:
    MERGES.append((a, b)); VOCAB[a + b] = len(VOCAB)
BYTES = P.ByteLevel(add_prefix_space=False, use_regex=False)


def one(name, *parts, text, added=()):
    t = Tokenizer(models.BPE(vocab=VOCAB, merges=MERGES))
    t.pre_tokenizer, t.decoder = P.Sequence([*parts, BYTES]), decoders.ByteLevel()
    t.add_tokens(list(added))
    return {"name": name, "file": json.loads(t.to_str()), "text": text, "pieces": t.encode(text).tokens}


cases = [one(f"Split {b}{' inverted' if i else ''} {n}", P.Split(p, b, invert=i), text="a b  ab")
         for b in ("isolated", "removed", "merged_with_previous", "merged_with_next", "contiguous") for i in (False, True)
         for n, p in (("string", " "), ("regex", Regex(r"\s")))]
cases += [one(f"Punctuation {b}", P.Punctuation(b), text="a-b a--b")
          for b in ("isolated", "removed", "merged_with_previous", "merged_with_next", "contiguous")]
cases += [one("Whitespace", P.Whitespace(), text="iß aï b"), one("single_word", text="bb xbb", added=[AddedToken("bb", single_word=True)])]
t = Tokenizer(models.BPE(vocab={f"<0x{i:02X}>": i for i in range(256)}, merges=[], byte_fallback=True))
t.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
cases.append({"name": "ByteFallback", "file": json.loads(t.to_str()), "ids": [0xEF, 0xBB, 0xBF, 0x78], "said": t.decode([0xEF, 0xBB, 0xBF, 0x78])})
json.dump(cases, open("cases.json", "w"))
PY
cat > read.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { Tokenizer } from '@huggingface/tokenizers';
for (const { name, file, text, pieces, ids, said } of JSON.parse(readFileSync('cases.json', 'utf8'))) {
	const tokenizer = new Tokenizer(file, { clean_up_tokenization_spaces: false });
	const ours = ids ? tokenizer.decode(ids) : tokenizer.encode(text).tokens;
	const [a, b] = [said ?? pieces, ours].map((value) => JSON.stringify(value).replaceAll('\ufeff', '\\ufeff'));
	console.log(a === b ? `${name}: same` : `${name}: ${a} against ${b}`);
}
JS
python/bin/python make.py
node read.mjs > seen.txt
cat seen.txt
cat > expected.txt <<'TXT'
Split isolated string: same
Split isolated regex: same
Split isolated inverted string: ["a","Ġ","b","Ġ","Ġ","ab"] against ["Ġ","Ġ","Ġ"]
Split isolated inverted regex: ["a","Ġ","b","Ġ","Ġ","ab"] against ["Ġ","Ġ","Ġ"]
Split removed string: ["a","b","ab"] against ["a","Ġ","b","Ġ","Ġ","ab"]
Split removed regex: same
Split removed inverted string: same
Split removed inverted regex: same
Split merged_with_previous string: ["aĠ","b","Ġ","Ġ","ab"] against ["a","Ġ","b","Ġ","Ġ","ab"]
Split merged_with_previous regex: ["aĠ","b","Ġ","Ġ","ab"] against ["a","Ġ","b","Ġ","Ġ","ab"]
Split merged_with_previous inverted string: ["a","Ġb","Ġ","Ġ","ab"] against ["Ġ","Ġ","Ġ"]
Split merged_with_previous inverted regex: ["a","Ġb","Ġ","Ġ","ab"] against ["Ġ","Ġ","Ġ"]
Split merged_with_next string: ["a","Ġb","Ġ","Ġ","ab"] against ["a","Ġ","b","Ġ","Ġ","ab"]
Split merged_with_next regex: ["a","Ġb","Ġ","Ġ","ab"] against ["a","Ġ","b","Ġ","Ġ","ab"]
Split merged_with_next inverted string: ["aĠ","b","Ġ","Ġ","ab"] against ["Ġ","Ġ","Ġ"]
Split merged_with_next inverted regex: ["aĠ","b","Ġ","Ġ","ab"] against ["Ġ","Ġ","Ġ"]
Split contiguous string: ["a","Ġ","b","ĠĠ","ab"] against ["a","Ġ","b","Ġ","Ġ","ab"]
Split contiguous regex: ["a","Ġ","b","ĠĠ","ab"] against ["a","Ġ","b","Ġ","Ġ","ab"]
Split contiguous inverted string: ["a","Ġ","b","ĠĠ","ab"] against ["Ġ","Ġ","Ġ"]
Split contiguous inverted regex: ["a","Ġ","b","ĠĠ","ab"] against ["Ġ","Ġ","Ġ"]
Punctuation isolated: same
Punctuation removed: ["a","b","Ġ","a","b"] against ["a","-","b","Ġ","a","-","-","b"]
Punctuation merged_with_previous: ["a-","b","Ġ","a-","-","b"] against ["a","-","b","Ġ","a","-","-","b"]
Punctuation merged_with_next: ["a","-b","Ġ","a","-","-b"] against ["a","-","b","Ġ","a","-","-","b"]
Punctuation contiguous: same
Whitespace: ["iÃ","Ł","a","Ã","¯","b"] against ["i","Ã","Ł","a","Ã","¯","b"]
single_word: ["bb","Ġ","x","b","b"] against ["bb","Ġ","x","bb"]
ByteFallback: "\ufeffx" against "x"
TXT
diff expected.txt seen.txt && echo 'As described: tokenizers first, @huggingface/tokenizers second.'
