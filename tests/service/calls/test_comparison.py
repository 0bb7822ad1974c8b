"""The answer of `/compare` is checked on rows that can be counted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.calls.comparison import ClassifierOutput, NotFinite, compare
from service.contract.codec import as_json

CLASSES = ("no", "yes")


def answer(name: str, *second: float) -> ClassifierOutput:
    """The model gives the second class these probabilities."""
    probabilities = np.array([[1 - each, each] for each in second], dtype=np.float32)
    return ClassifierOutput(
        model=name,
        version="0" * 12,
        label=probabilities.argmax(axis=1),
        probabilities=probabilities,
        latency_ms=0.123456,
    )


FIRST = answer("a", 0.9, 0.2, 0.6)
SECOND = answer("b", 0.8, 0.4, 0.3)
THIRD = answer("c", 0.7, 0.9, 0.3)


def compared(*answers: ClassifierOutput, truth: list[int] | None = None) -> Any:
    return as_json(
        compare("t", CLASSES, list(answers), None if truth is None else np.array(truth))
    )


def test_consensus_is_the_mean_of_the_probabilities() -> None:
    """The consensus has the most probable class of the mean, and the share of models that give that class."""
    consensus = compared(FIRST, SECOND, THIRD)["consensus"]

    assert consensus["predictions"] == ["yes", "no", "no"]
    assert np.array(consensus["probabilities"])[:, 1] == pytest.approx(
        [0.8, 0.5, 0.4], abs=1e-7
    )
    assert consensus["agreement"] == pytest.approx([1.0, 2 / 3, 2 / 3])


def test_a_model_that_only_votes_has_one_voice_in_the_consensus() -> None:
    """A vote counts as much as the others are sure on average, so that its 1 does not outweigh two that doubt it."""
    voter = answer("d", 1.0, 0.0, 1.0)
    doubting = [answer("a", 0.4, 0.2, 0.6), answer("b", 0.4, 0.4, 0.3)]
    comparison = compared(*doubting, voter)

    assert comparison["consensus"]["predictions"] == ["no", "no", "yes"]
    assert np.array(comparison["consensus"]["probabilities"])[:, 1] == pytest.approx(
        [(0.4 + 0.4 + 0.6) / 3, (0.2 + 0.4 + 0.3) / 3, (0.6 + 0.3 + 0.65) / 3], abs=1e-7
    )
    assert comparison["models"][2]["probabilities"] == [[0, 1], [1, 0], [0, 1]]


def draw_answers(seed: int) -> tuple[tuple[str, ...], list[ClassifierOutput]]:
    """Returns classes, and models that answer one row; up to all of them only vote."""
    generator = np.random.default_rng(seed)
    n_models = int(generator.integers(1, 9))
    n_classes = int(generator.choice([2, 3, 10, 32, 33]))
    probabilities = generator.dirichlet(np.ones(n_classes), n_models)
    is_vote = generator.random(n_models) < generator.choice([0, 0.3, 1])
    probabilities[is_vote] = np.eye(n_classes)[
        generator.integers(0, n_classes, int(is_vote.sum()))
    ]
    answers = [
        ClassifierOutput(f"model {number}", "0" * 12, each.argmax(axis=1), each, 0.12)
        for number, each in enumerate(probabilities.astype(np.float32)[:, None])
    ]

    return tuple(f"class {number}" for number in range(n_classes)), answers


@pytest.mark.parametrize("seed", range(100))
def test_a_row_alone_is_compared_as_among_others(seed: int) -> None:
    """An answer about one row is, to the last digit, the one that it gets beside its copy."""
    classes, alone = draw_answers(seed)
    twice = [
        each._replace(
            label=np.repeat(each.label, 2),
            probabilities=np.repeat(each.probabilities, 2, axis=0),
        )
        for each in alone
    ]
    of_one = as_json(compare("t", classes, alone, None))
    of_two = as_json(compare("t", classes, twice, None))

    for each in (*of_two["models"], of_two["consensus"]):
        for name in ("predictions", "probabilities", "agreement"):
            if name in each:
                assert each[name][0] == each[name][1]
                each[name] = each[name][:1]
    assert of_one["models"] == of_two["models"]
    assert of_one["consensus"] == of_two["consensus"]
    assert [each["models"] for each in of_one["pairs"]] == [
        each["models"] for each in of_two["pairs"]
    ]
    assert [each["agreement"] for each in of_one["pairs"]] == [
        each["agreement"] for each in of_two["pairs"]
    ]


@pytest.mark.parametrize("n_rows", [1, 2])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(n_rows: int, wrong: float) -> None:
    """One probability of one model that is no number is enough."""
    for answers in ([answer("a", *[wrong] * n_rows)], [FIRST, SECOND]):
        rows = [
            each._replace(
                label=each.label[:n_rows], probabilities=each.probabilities[:n_rows]
            )
            for each in answers
        ]
        rows.append(answer("z", *[wrong] * n_rows))
        with pytest.raises(NotFinite):
            compare("t", CLASSES, rows, None)


def test_models_that_all_vote_are_counted() -> None:
    """The consensus has the shares of the votes where no model says how sure it is."""
    votes = [answer("a", 1.0, 0.0), answer("b", 1.0, 1.0), answer("c", 0.0, 1.0)]
    second = np.array(compared(*votes)["consensus"]["probabilities"])[:, 1]
    assert second == pytest.approx([2 / 3, 2 / 3])


def test_every_pair_is_there_once() -> None:
    """Each pair of models stands once in the answer, in the order of the models."""
    pairs = compared(FIRST, SECOND, THIRD)["pairs"]

    assert [pair["models"] for pair in pairs] == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert [pair["agreement"] for pair in pairs] == pytest.approx([2 / 3, 1 / 3, 2 / 3])


def test_without_labels_nothing_is_called_right_or_wrong() -> None:
    """An answer without labels has agreement and no accuracy."""
    comparison = compared(FIRST, SECOND)

    assert "cochran_q" not in comparison
    assert all("metrics" not in model for model in comparison["models"])
    assert all("mcnemar" not in pair for pair in comparison["pairs"])


def test_with_labels_errors_are_tested_in_pairs() -> None:
    """Model a is right on rows 1 and 2 and b on rows 1, 2 and 3, and the pair's test counts just that."""
    comparison = compared(FIRST, SECOND, truth=[1, 0, 0])

    assert comparison["models"][0]["metrics"]["accuracy"]["value"] == pytest.approx(
        2 / 3
    )
    assert comparison["models"][1]["metrics"]["confusion"] == [[2, 0], [0, 1]]
    assert comparison["pairs"][0]["mcnemar"] == {
        "only_a": 0,
        "only_b": 1,
        "p_value": 1.0,
        "p_value_holm": 1.0,
    }
    assert comparison["cochran_q"]["statistic"] == pytest.approx(1.0)


def test_one_model_alone_has_no_pairs() -> None:
    """One model alone has no pairs and is its own consensus."""
    comparison = compared(FIRST, truth=[1, 0, 0])

    assert comparison["pairs"] == []
    assert (
        comparison["consensus"]["predictions"] == comparison["models"][0]["predictions"]
    )


def test_statistics_can_be_recomputed_from_the_answer() -> None:
    """The statistics are those of the probabilities as written, not of hidden digits."""
    thirds = answer("a", 1 / 3, 2 / 3, 1 / 7)
    model = compared(thirds, truth=[0, 1, 1])["models"][0]
    written = np.array(model["probabilities"])[[0, 1, 2], [0, 1, 1]]

    assert model["metrics"]["log_loss"]["value"] == -np.log(written).mean()
