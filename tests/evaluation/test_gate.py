"""Claims about two models are read, judged by the paired interval, and told in one line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation import gate
from evaluation.gate import Gate
from service.errors import EvaluationError
from stats.paired_differences import Pair, difference_interval
from stats.rows_needed import rows_to_show
from tests.support.made_predictions import make_predictions

MODELS = ["task-champion", "task-challenger"]


def parse(claim: str) -> Gate:
    return Gate.parse(claim, task="task", models=MODELS)


def test_a_claim_names_models_with_or_without_their_task() -> None:
    """Better needs a difference over the margin, not worse one over what is allowed for."""
    better = parse("challenger better than task-champion by 0.01")
    assert (better.first, better.second, better.least) == (
        "task-challenger",
        "task-champion",
        0.01,
    )
    assert parse("task-champion not worse than challenger by .005").least == -0.005
    assert parse("challenger better than champion by 0").least == 0


@pytest.mark.parametrize(
    "claim",
    [
        "",
        "challenger better than champion",
        "challenger beats champion by 1",
        "a better than b by 5",
    ],
)
def test_what_is_no_claim_is_said_so(claim: str) -> None:
    """The refusal of what is no claim shows both forms that would work."""
    with pytest.raises(EvaluationError) as error:
        parse(claim)
    assert str(error.value) == (
        f'--gate: expected "A better than B by 0.01" or "A not worse than B by 0.005", got {claim!r}'
    )


def test_a_claim_about_an_unknown_model_lists_the_known_ones() -> None:
    """A claim about an unknown model lists the known ones, and one about the same model twice is refused."""
    with pytest.raises(EvaluationError) as error:
        parse("challenger better than chapion by 0.01")

    assert (
        str(error.value)
        == "--gate: unknown model 'chapion'; models of task: task-champion, task-challenger"
    )
    with pytest.raises(EvaluationError, match="expected two different models"):
        parse("champion better than task-champion by 0.01")


def test_a_clear_difference_is_shown_and_a_small_one_is_not() -> None:
    """The limit is the lower end of the 90 % interval."""
    predictions = make_predictions({"champion": 0.8, "challenger": 0.95}, n_rows=400)
    shown = parse("challenger better than champion by 0.01").check(predictions)
    hits = predictions.hits
    pair = Pair.of(hits[:, 1], hits[:, 0])
    assert shown["shown"]
    assert shown["lower_limit"] == difference_interval(pair, confidence=0.9)[0]
    assert shown["difference"] == pytest.approx(hits[:, 1].mean() - hits[:, 0].mean())
    assert not parse("challenger better than champion by 0.14").check(predictions)[
        "shown"
    ]


def test_equals_are_not_worse_only_on_enough_rows() -> None:
    """A model under two names is not worse than itself only on enough rows, and the line says how many."""
    few, many = (
        make_predictions({"champion": 0.9, "challenger": 0.9}, n_rows=n_rows)
        for n_rows in (100, 2000)
    )
    claim = parse("challenger not worse than champion by 0.005")
    found = []
    for predictions in (few, many):
        twin = replace(predictions.answers[0], model="task-challenger")
        found.append(
            claim.check(replace(predictions, answers=[predictions.answers[0], twin]))
        )

    assert [each["shown"] for each in found] == [False, True]
    assert found[1]["rows_needed"] is None
    needed = found[0]["rows_needed"]
    assert needed == rows_to_show(
        Pair.of(few.hits[:, 0], few.hits[:, 0]), margin=-0.005
    )
    assert gate.describe(found[0]).endswith(
        f"if the difference is what was seen, 80 % of samples of {needed:,} rows would show it"
    )


def test_the_line_says_what_was_found_and_what_was_claimed() -> None:
    """The line says what was found and claimed, and that no number of rows would do where the claim is false."""
    predictions = make_predictions({"champion": 0.9, "challenger": 0.9}, n_rows=100)
    first = replace(
        predictions.answers[0],
        label=np.where(np.arange(100) < 90, predictions.truth, 1 - predictions.truth),
    )
    second = replace(
        predictions.answers[1],
        label=np.where(np.arange(100) < 88, predictions.truth, 1 - predictions.truth),
    )
    result = parse("challenger better than champion by 0.01").check(
        replace(predictions, answers=[first, second])
    )
    limit = result["lower_limit"]
    assert gate.describe(result) == (
        "NOT SHOWN: challenger better than champion by 0.01: accuracy differs by -0.0200 on 100 rows, one-sided 95 % "
        f"limit {limit:+.4f}, which had to be over +0.01; if the difference is what was seen, "
        "no number of rows would show it"
    )


def test_a_true_claim_fails_and_a_false_one_passes_as_rarely_as_is_said() -> None:
    """A claim on the edge of the truth passes in at most about 5 % of 1,000 samples."""
    passed = 0
    for draw in (
        np.random.default_rng(3)
        .multinomial(200, [0.75, 0.12, 0.08, 0.05], size=1000)
        .tolist()
    ):
        passed += difference_interval(Pair(*draw), confidence=0.9)[0] > 0.04

    assert passed / 1000 <= 0.065
