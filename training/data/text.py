"""Prompts and tokenization exactly as upstream: every chunk is tokenized on its own, <image> is M times -1."""
from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

import sentencepiece as spm

from . import scenes as S
from .questions import questions

BASE = "The following is a conversation between a curious human and AI assistant."
DETAIL = "The assistant gives helpful, detailed, and polite answers to the user's questions."
SHORT = "Answer the question using a single word or phrase. {}"
GROUND = "Provide the bounding box coordinate of the region this sentence describes. {}"
PAD, BOS, EOS, IMAGE_TOKEN, IGNORE = 0, 1, 2, -1, -100
CHUNKS = re.compile(r"(<image>|\nAI: |\nHuman: )")


def free_prompt(turns: list[tuple[str, str]], detail: bool = True, image: bool = True) -> str:
    """`turns` are (question, answer); the last answer may be empty."""
    head = f"{BASE} {DETAIL}" if detail else BASE
    if image:
        head += "\nHuman: <image>"
    return head + "".join(f"\nHuman: {q}\nAI: {a}" for q, a in turns)


class Tokenizer:
    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.sp = spm.SentencePieceProcessor(model_file=str(self.folder / "tokenizer.model"))
        self.size = self.sp.get_piece_size()
        self.text = lru_cache(maxsize=200_000)(lambda t: tuple(self.sp.encode(t)))

    def encode(self, prompt: str, visual_tokens: int, no_eos: bool = False) -> tuple[list[int], list[int]]:
        """(ids, labels); labels are unshifted, IGNORE outside the answers."""
        ids, labels = [BOS], [IGNORE]
        answer = False
        for chunk in CHUNKS.split(prompt):
            if chunk == "":
                continue
            if chunk == "<image>":
                ids += [IMAGE_TOKEN] * visual_tokens
                labels += [IGNORE] * visual_tokens
            else:
                part = list(self.text(chunk))
                if answer:
                    part.append(EOS)
                ids += part
                labels += part if answer else [IGNORE] * len(part)
            answer = chunk == "\nAI: "
        if no_eos and ids[-1] == EOS:
            ids.pop()
            labels.pop()
        return ids, labels

    def caption(self, text: str, visual_tokens: int) -> tuple[list[int], list[int]]:
        """[NO_PROMPT]: everything after the image is a label."""
        part = list(self.text(text)) + [EOS]
        return ([BOS] + [IMAGE_TOKEN] * visual_tokens + part,
                [IGNORE] * (visual_tokens + 1) + part)

    def decode(self, ids: list[int]) -> str:
        return self.sp.decode([i for i in ids if i > EOS])


def corpus(scenes: int = 3000):
    for seed in range(scenes):
        scene = S.generate_scene(seed)
        for q in questions(scene):
            if q.task != "caption" or seed % 4 == 0:
                yield from (q.question, q.answer) * (3 if q.task in ("counting", "identity") else 1)
        if seed % 3 == 0:
            yield from (f"{BASE} {DETAIL}", BASE, ".Human: ", ".AI: ", SHORT.format(q.question), GROUND.format("the cat"))


def train_tokenizer(folder: Path, vocab: int = 664) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    spm.SentencePieceTrainer.train(
        sentence_iterator=corpus(), model_prefix=str(folder / "tokenizer"), model_type="bpe", vocab_size=vocab,
        byte_fallback=True, character_coverage=1.0, normalization_rule_name="identity", add_dummy_prefix=True,
        remove_extra_whitespaces=False, split_digits=False, split_by_number=False, split_by_unicode_script=True,
        allow_whitespace_only_pieces=True, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, num_threads=1, minloglevel=2,
        hard_vocab_limit=False)
    (folder / "tokenizer.vocab").unlink()
    add_role_pieces(folder / "tokenizer.model")
    write_json(folder)


def add_role_pieces(model: Path) -> None:
    """Make `\\nHuman: ` and `\\nAI: ` one token each: pieces that only the last, lowest merges can build."""
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.read_bytes())
    known = {p.piece for p in proto.pieces}
    score = min(p.score for p in proto.pieces)
    for piece in ("\n", "▁\n", "Human:", "AI:", "Human:▁", "AI:▁", "▁\nHuman:▁", "▁\nAI:▁"):
        if piece not in known:
            score -= 1
            proto.pieces.add(piece=piece, score=score)
    model.write_bytes(proto.SerializeToString())


def write_json(folder: Path) -> None:
    """tokenizer.json, tokenizer_config.json and special_tokens_map.json beside tokenizer.model (Llama layout)."""
    sp = spm.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    pieces = [sp.id_to_piece(i) for i in range(sp.get_piece_size())]
    vocab = {p: i for i, p in enumerate(pieces)}
    merges = []
    for piece, i in vocab.items():
        if sp.is_unknown(i) or sp.is_control(i) or sp.is_byte(i) or len(piece) < 2:
            continue
        splits = [(piece[:k], piece[k:]) for k in range(1, len(piece)) if piece[:k] in vocab and piece[k:] in vocab]
        splits.sort(key=lambda lr: (vocab[lr[0]], vocab[lr[1]]))
        merges += [(sp.get_score(i), l, r) for l, r in splits]
    merges.sort(key=lambda m: -m[0])

    def added(content: str, **extra) -> dict:
        return dict(content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, **extra)

    special = ["<unk>", "<s>", "</s>"]

    def sequence(kind: str, type_id: int) -> list:
        return [{"SpecialToken": {"id": "<s>", "type_id": type_id}}, {"Sequence": {"id": kind, "type_id": type_id}}]

    document = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": i, **added(t, special=True)} for i, t in enumerate(special)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        "pre_tokenizer": None,
        "post_processor": {"type": "TemplateProcessing", "single": sequence("A", 0),
                           "pair": sequence("A", 0) + sequence("B", 1),
                           "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "vocab": vocab,
                  "merges": [f"{l} {r}" for _, l, r in merges]},
    }
    (folder / "tokenizer.json").write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    tokens = dict(zip(("unk_token", "bos_token", "eos_token"), (added(t) for t in special)))
    config = {"add_bos_token": True, "add_eos_token": False, "clean_up_tokenization_spaces": False, "legacy": False,
              "model_max_length": 1024, "pad_token": None, "padding_side": "right", "sp_model_kwargs": {},
              "tokenizer_class": "LlamaTokenizer", **{k: {"__type": "AddedToken", **v} for k, v in tokens.items()}}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "special_tokens_map.json").write_text(json.dumps(tokens, indent=1) + "\n")
