"""The statistics and questions of the recipe ablations."""
import numpy as np
import pytest

from training.ablate import FORMS, UNSEEN, reworded, row_of, task_means
from training.common import Clock
from training.data import scenes as S
from training.data.batches import WORDINGS
from training.data.questions import questions
from training.evaluate import SHORT_TASKS


def scores(share: float, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    right = (rng.random((300, len(SHORT_TASKS))) < share).astype(float)
    right[rng.random(right.shape) < 0.2] = np.nan  # not every scene has every question
    return {**{f: right for f in FORMS}, "box_iou": np.linspace(0, 1, 50), "caption_f1": np.array([])}


def test_a_recipe_against_itself_changes_nothing():
    row = row_of(scores(0.7), scores(0.7))
    assert row["change"]["free"]["mean"] == 0 and row["change"]["free"]["interval"] == [0, 0]
    assert row["written"]["box_iou"]["mean"] == 0.5 and "caption_f1" not in row["written"]


def test_accuracies_lie_in_their_intervals_and_a_large_change_is_seen():
    row = row_of(scores(0.9), scores(0.6, 1))
    for task, value in row["free"].items():
        low, high = row["intervals"]["free"][task]
        assert low <= value <= high and high - low < 0.15
    low, high = row["change"]["free"]["interval"]
    assert 0.2 < low < row["change"]["free"]["mean"] < high < 0.4


def test_a_task_that_a_scene_lacks_counts_neither_way():
    right = np.array([[1.0, np.nan], [0.0, 1.0], [1.0, np.nan]])
    assert task_means(right, np.array([[1.0, 1, 1], [2, 0, 0]])).tolist() == [[2 / 3, 1], [1, 0]]


def test_the_unseen_wording_is_none_that_is_trained_on():
    q = questions(S.generate_scene(1))[0]
    assert reworded(q).question not in [w.format(q.question) for w in WORDINGS] and q.question in reworded(q).question
    assert reworded(q).answer == q.answer and UNSEEN.count("{}") == 1


def test_the_clock_follows_steps_or_minutes():
    clock = Clock(None, 0.0, steps=10, done=4)
    assert clock.progress == 0.4
    clock.done = 12
    assert clock.progress == 1 and clock.lr(1.0) == pytest.approx(0.02)
    assert Clock(1.0, spent=30.0).progress == pytest.approx(0.5, abs=0.01)
    with pytest.raises(ValueError, match="either minutes or steps"):
        Clock(1.0, 0.0, steps=3)
