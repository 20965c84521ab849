"""Lessons of the LM stage: packed questions, where heads are told to look, and the tokens the writer makes."""
import numpy as np
import pytest
import torch

from training.data import scenes as S
from training.data.batches import templated
from training.data.packed import Words, centre_token, lesson_scene, pack, scaffold, some_questions
from training.data.questions import TASKS, Question, questions
from training.data.text import IMAGE_TOKEN, Tokenizer, free_prompt, train_tokenizer
from training.language import Writer, packed_accuracy, packed_forward
from training.model.config import LANGUAGE
from training.model.honeybee import answer_loss, splice
from training.model.language import LlamaForCausalLM

WEIGHTS = {t: 1.0 for t in TASKS if t != "caption"}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(folder)
    return Tokenizer(folder)


@pytest.fixture(scope="module")
def lm(tokenizer):
    torch.manual_seed(0)
    return LlamaForCausalLM(dict(LANGUAGE, vocab_size=tokenizer.size, num_hidden_layers=2))


@torch.no_grad()
@pytest.mark.parametrize("form", ["free", "short"])
def test_a_packed_question_is_the_question_alone(tokenizer, lm, form):
    asked = [q for q in questions(S.generate_scene(1)) if q.task in ("existence", "counting", "relation")]
    visual = torch.randn(1, 36, LANGUAGE["hidden_size"])
    p = pack([asked], 36, tokenizer, form)
    _, logits, on = packed_forward(lm, p, visual)
    at = 0
    for q in asked:
        text = templated(q) if form == "short" else q.question
        ids, labels = tokenizer.encode(free_prompt([(text, q.answer)], detail=form == "free"), 36)
        ids, labels = torch.tensor([ids]), torch.tensor([labels])
        _, alone, _ = answer_loss(lm, splice(lm, ids.clamp(min=0), ids[0].tolist().index(IMAGE_TOKEN), visual), labels)
        assert torch.allclose(logits[at:at + len(alone)], alone, atol=1e-4)
        at += len(alone)
    assert at == len(logits)


def test_named_words_are_shown_their_objects_and_the_first_token(tokenizer):
    cat = S.class_names().index("cat")
    objects = tuple(S.SceneObject(cat, 0, 20, False, x, y) for x, y in ((2, 2), (60, 60)))
    scene = S.Scene("train", 0, 0, objects)
    asked = [Question("counting", "How many cats are there?", "2"), Question("existence", "Is there a dog?", "no")]
    words = Words(tokenizer)
    p = pack([asked], 36, tokenizer, "free")
    first, cells, second, related, facts = scaffold(p, [scene], [asked], words)
    shares = dict(zip(first.at.tolist(), first.share))
    cats, dog = sorted(shares)
    for o in objects:
        assert shares[cats][p.image_at + centre_token(o, 6)] == pytest.approx(1 / 3)
    assert shares[cats][0] == pytest.approx(1 / 3) and shares[dog][0] == 1
    assert facts.count.tolist() == [2, 0] and cells is None and second is None and related is None


def test_a_relation_looks_back_at_the_first_name(tokenizer):
    rng = np.random.default_rng(0)
    names = S.class_names()
    for _ in range(20):
        scene = lesson_scene(rng, 2, 4, 0.0)
        asked = [q for q in some_questions(scene, rng, WEIGHTS, 1, 20) if q.task == "relation"]
        if not asked:
            continue
        p = pack([asked], 36, tokenizer, "free")
        _, _, second, related, facts = scaffold(p, [scene], [asked], Words(tokenizer))
        ids = p.ids[0].tolist()
        for at, looked, by in zip(second.at.tolist(), second.share.argmax(1).tolist(), related.share.argmax(1).tolist()):
            one, other = (tokenizer.decode([ids[k]]).strip() for k in (looked, at))
            a, b = (next(o for o in scene.objects if names[o.cls] == n) for n in (one, other))
            side = facts.side[facts.at.tolist().index(at)].tolist()
            assert side == [int(a.cx2 > b.cx2), int(a.cy2 > b.cy2)]
            assert tokenizer.decode([ids[by]]).strip() in ("left", "right", "above", "below")


@torch.no_grad()
def test_writer_puts_an_object_at_its_centre(tokenizer, lm):
    writer = Writer(tokenizer, LANGUAGE["hidden_size"])
    o = S.SceneObject(3, 0, 20, False, 2, 40)
    a = writer(lm.model.embed_tokens, [S.Scene("train", 0, 1, (o,))], 36)
    b = writer(lm.model.embed_tokens, [S.Scene("train", 0, 1, (S.SceneObject(4, 0, 20, False, 2, 40),))], 36)
    change = (a - b).square().sum(-1)[0]
    assert int(change.argmax()) == centre_token(o, 6)
    covered = {r * 6 + c for r in range(6) for c in range(6)
               if 40 < (r + 1) * 16 and 60 > r * 16 and 2 < (c + 1) * 16 and 22 > c * 16}
    assert set(change.nonzero().flatten().tolist()) == covered


def test_accuracy_of_an_untrained_model_is_counted_per_task(tokenizer, lm):
    held_out = [S.generate_scene(i, "test") for i in range(4)]
    result = packed_accuracy(lm, tokenizer, held_out, 36, lambda part: torch.randn(len(part), 36, LANGUAGE["hidden_size"]))
    assert set(result) <= set(TASKS) - {"caption"} and all(0 <= v <= 1 for v in result.values())
