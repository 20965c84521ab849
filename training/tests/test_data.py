"""The data side: determinism, well-posed questions, prompts, tokenizer files, boxes."""
from collections import Counter

import numpy as np
import pytest
from tokenizers import Tokenizer as FastTokenizer

from training.data import scenes as S
from training.data.batches import MIXTURE, Options, conversation, dense_conversation, make_batch
from training.data.questions import CELL_NAMES, TASKS, questions
from training.data.text import EOS, IGNORE, IMAGE_TOKEN, Tokenizer, corpus, free_prompt, train_tokenizer
from training.evaluate import caption_f1, iou


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(folder)
    return Tokenizer(folder)


def test_scenes_are_valid():
    for split, (_, styles, small, large) in S.SPLITS.items():
        for seed in range(300):
            scene = S.generate_scene(seed, split)
            assert scene == S.generate_scene(seed, split)
            assert 1 <= len(scene.objects) <= 6
            for o in scene.objects:
                low, high = large if o.large else small
                assert low <= o.size <= high and o.style in styles
                assert 0 <= o.x <= S.IMAGE - o.size and 0 <= o.y <= S.IMAGE - o.size


def test_answers_follow_from_the_scene():
    names = S.class_names()
    for seed in range(500):
        scene = S.generate_scene(seed, "test")
        for q in questions(scene):
            if q.task == "existence":
                asked = q.question.removeprefix("Is there ").split(" ")[1].rstrip("?")
                assert (asked in [names[o.cls] for o in scene.objects]) == (q.answer == "yes")
            if q.task == "identity":
                cell = CELL_NAMES.index(q.question.removeprefix("What is at the ").rstrip("?"))
                assert [names[o.cls] for o in scene.objects if o.cell == cell] == [q.answer]
            if q.task == "localisation":
                asked = q.question.removeprefix("Where is the ").rstrip("?")
                assert [CELL_NAMES[o.cell] for o in scene.objects if names[o.cls] == asked] == [q.answer]


def test_yes_and_no_are_balanced():
    seen = Counter((q.task, q.answer) for seed in range(2000) for q in questions(S.generate_scene(seed, "test")))
    for task in ("existence", "position", "relation"):
        assert 0.46 < seen[task, "yes"] / (seen[task, "yes"] + seen[task, "no"]) < 0.54
    assert {t for t, _ in seen} == set(TASKS)


def test_no_scene_of_a_held_out_set_has_a_training_picture():
    def key(seed, split):
        s = S.generate_scene(seed, split)
        return s.background, s.objects
    train = {key(i, "train") for i in range(24_000)}
    assert not [i for i in range(2000) if key(i, "test") in train]


def test_conversations_do_not_repeat(tokenizer):
    rng = np.random.default_rng(0)
    for seed in range(50):
        turns = conversation(S.generate_scene(seed), rng, Options())
        assert len({q.question for q in turns}) == len(turns) <= 10
        dense = dense_conversation(S.generate_scene(seed), rng)
        assert len({q.question for q in dense}) == len(dense) >= 1
    assert set(MIXTURE) == set(TASKS)


def test_batch_has_one_image_and_labels_end_with_eos(tokenizer):
    rng = np.random.default_rng(0)
    for captions, dense in ((False, False), (True, False), (False, True)):
        b = make_batch([S.generate_scene(i) for i in range(4)], 36, tokenizer, rng, Options(), captions, dense)
        assert ((b.ids == IMAGE_TOKEN).sum(1) == 36).all()
        assert (b.ids[:, b.image_at:b.image_at + 36] == IMAGE_TOKEN).all()
        last = [row[row != IGNORE][-1].item() for row in b.labels]
        assert last == [EOS] * 4


def test_fast_tokenizer_agrees(tokenizer):
    fast = FastTokenizer.from_file(str(tokenizer.folder / "tokenizer.json"))
    texts = list(corpus(200)) + ["\nHuman: ", "\nAI: ", "Human: x AI: y\n z", "Hello wörld! 🐝  two spaces"]
    for t in texts:
        assert list(tokenizer.text(t)) == fast.encode(t, add_special_tokens=False).ids
    assert len(tokenizer.text("\nHuman: ")) == len(tokenizer.text("\nAI: ")) == 1


def test_prompt_form():
    assert free_prompt([("Q?", "")]).endswith("\nHuman: <image>\nHuman: Q?\nAI: ")


def test_scores():
    assert iou("[0.00,0.00,0.50,0.50]", "[0.00,0.00,0.50,0.50]") == 1
    assert iou("[0.00,0.00,0.50,0.50]", "[0.25,0.00,0.75,0.50]") == pytest.approx(1 / 3)
    assert iou("a cat", "[0.00,0.00,0.50,0.50]") == 0
    text = "a large cat at the top left, a small dog at the center on a blue background"
    assert caption_f1(text, text) == 1
    assert caption_f1("a large cat at the top left on a blue background", text) == pytest.approx(2 / 3)
