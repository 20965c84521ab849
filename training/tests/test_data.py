"""The data side: determinism, well-posed questions, prompts, tokenizer files, boxes."""
import hashlib
from collections import Counter

import numpy as np
import pytest
from tokenizers import Tokenizer as FastTokenizer

from training.data import scenes as S
from training.data.batches import MIXTURES, Options, caption_batch, conversation, make_batch, templated, wording
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


def test_pictures_of_the_splits_differ():
    """By the drawn pixels, so that two seeds that draw the same picture would show."""
    def digest(seed, split):
        return hashlib.sha256(S.render_scene(S.generate_scene(seed, split)).tobytes()).hexdigest()
    train = {digest(i, "train") for i in range(3000)}
    for split in ("test", "style", "size"):
        assert not train & {digest(i, split) for i in range(500)}


def test_seed_ranges_of_the_splits_do_not_meet():
    starts = sorted(offset for offset, *_ in S.SPLITS.values())
    assert all(b - a >= S.SEED_LIMIT for a, b in zip(starts, starts[1:]))


def test_conversations_do_not_repeat():
    rng = np.random.default_rng(0)
    for seed in range(50):
        turns = conversation(S.generate_scene(seed), rng, Options())
        assert len({q.question for q in turns}) == len(turns) <= Options().turns
    assert all(set(mixture) == set(TASKS) for mixture in MIXTURES.values())


def test_mixture_weights_decide_which_tasks_are_asked():
    rng = np.random.default_rng(0)
    only = Options(mixture={t: float(t == "relation") for t in TASKS})
    asked = Counter(q.task for seed in range(100) for q in conversation(S.generate_scene(seed), rng, only))
    assert asked["relation"] > 50 and sum(asked.values()) - asked["relation"] - asked["existence"] == 0


def test_granularity_and_diversity_change_the_wording():
    box = next(q for q in questions(S.generate_scene(3)) if q.task == "referring")
    assert templated(box, "fine").startswith("Provide the bounding box")
    assert templated(box, "coarse").startswith("Answer the question using a single word or phrase.")
    rng = np.random.default_rng(0)
    for diversity in (1, 2, 4):
        seen = {wording(box, rng, Options(diversity=diversity), False) for _ in range(200)}
        assert len(seen) == diversity
    with pytest.raises(ValueError, match="granularity"):
        Options(granularity="some")
    with pytest.raises(ValueError, match="diversity"):
        Options(diversity=9)


def test_single_turn_switch(tokenizer):
    scenes = [S.generate_scene(i) for i in range(6)]
    ai = tokenizer.text("\nAI: ")[0]
    for multi, most in ((True, Options().turns), (False, 1)):
        b = make_batch(scenes, 36, tokenizer, np.random.default_rng(1), Options(multi_turn=multi))
        turns = (b.ids == ai).sum(1)
        assert turns.max() <= most and (multi is False or turns.max() > 1)


def test_batch_has_one_image_and_labels_end_with_eos(tokenizer):
    rng = np.random.default_rng(0)
    scenes = [S.generate_scene(i) for i in range(4)]
    for b in (make_batch(scenes, 36, tokenizer, rng, Options()), caption_batch(scenes, 36, tokenizer)):
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
