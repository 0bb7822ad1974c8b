"""Sentences that say what the numbers mean are compared whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from evaluation import evidence
from stats import simultaneous
from stats.paired_differences import Pair, difference_interval
from tests.support.made_predictions import make_predictions
from verdict import accuracy_sentences, words
from verdict.grouping import find_groups
from verdict.predictions import Predictions


def told(predictions: Predictions, risk: float = 0.01) -> dict[str, Any]:
    return evidence.conclude(predictions, risk=risk, gates=[])["verdict"]


def with_hits(*hits: list[bool]) -> Predictions:
    """Models `m0`, `m1`, ... that are right where it is said."""
    predictions = make_predictions(
        {f"m{number}": 1.0 for number in range(len(hits))}, n_rows=len(hits[0])
    )
    answers = []

    for answer, right in zip(predictions.answers, hits, strict=True):
        label = np.where(right, predictions.truth, 1 - predictions.truth)
        answers.append(
            replace(
                answer,
                label=label,
                probabilities=np.where(np.eye(2)[label] == 1, 0.9, 0.1),
            )
        )

    return replace(predictions, answers=answers)


def split(*counts: tuple[int, bool, bool]) -> Predictions:
    first = [a for count, a, _ in counts for _ in range(count)]
    second = [b for count, _, b in counts for _ in range(count)]
    return with_hits(first, second)


def test_a_single_difference_is_no_verdict_and_asks_for_more_rows() -> None:
    """A single difference in 114 rows is no verdict, and Connor's formula says how many rows it takes."""
    found = told(split((100, True, True), (1, True, False), (13, False, False)))
    assert found["headline"] == (
        "m0 leads, right on 88.6 % of 114 rows (95 %, as the best of 2 here: 80.2 % to 93.2 %), "
        "but m0 and m1 cannot be told apart in accuracy on 114 rows."
    )
    assert found["findings"][0] == (
        "m0 and m1: no verdict on 114 rows; one alone is right on only 1 row, and fewer than 6 can show no difference. "
        "If the difference is what was seen (it may be none: the interval holds 0), 80 % of samples of 900 rows would "
        "show it; from the ends of the interval it is 180 to any number."
    )


def test_models_that_are_not_told_apart_are_said_so() -> None:
    """The verdict gives the rows on which models that are not told apart differ, and what would tell them apart."""
    found = told(
        split((90, True, True), (12, True, False), (8, False, True), (4, False, False))
    )
    assert found["findings"][0] == (
        "m0 and m1 cannot be told apart in accuracy on 114 rows: one alone is right on 20 rows, accuracy differs by "
        "+3.5 % (95 %: −4.5 % to +11.7 %; p = 0.5). If the difference is "
        "what was seen (it may be none: the interval holds 0), 80 % of samples of 1,200 rows would show it; from the "
        "ends of the interval it is 99 to any number."
    )
    assert found["findings"][1:4] == [
        "Saying 'yes' always is right on 54.4 %; m0 is shown to be better.",
        "In no part of the rows is m0 shown to be worse than another model: 2 parts of 30 rows or more, by class, "
        "were looked at.",
        "Of the 2 that may be the best, m0 was the fastest (0.01 ms a row, the median here) and is the smallest "
        "(1,000 bytes).",
    ]


def test_a_better_model_is_called_the_best() -> None:
    """The better model is called the best, and no cheaper one is named, since none is as good."""
    found = told(split((80, True, True), (20, True, False), (2, False, True)))
    assert found["headline"].startswith(
        "m0 is the best in accuracy: right on 98.0 % of 102 rows"
    )
    assert found["headline"].endswith("and shown to be better than m1.")
    assert found["findings"][0].startswith(
        "m0 is better than m1: right on 17.6 % more of the rows (95 %: "
    )
    assert not any("fastest" in finding for finding in found["findings"])


def test_equals_are_not_told_apart_by_any_number_of_rows() -> None:
    """No number of rows tells equals apart, unless they stop being equal."""
    found = told(split((90, True, True), (5, True, False), (5, False, True)))
    assert found["headline"].startswith(
        "m0 and m1 are level in front, right on 95.0 % of 100 rows"
    )
    assert found["findings"][0].endswith(
        "They are right equally often: more rows would tell them apart only if that changes."
    )


def test_models_that_are_right_on_the_same_rows_are_said_so() -> None:
    """The verdict says that the models are right on the same rows, and that more such rows would tell nothing."""
    found = told(split((9, True, True), (1, False, False)))["findings"]
    assert found[:2] == [
        "Saying 'no' always is right on 60.0 %, and m0 is not shown to be better than that "
        "(p = 0.5, as the best of 2 here).",
        "m0 and m1: no verdict on 10 rows; they are right on the same ones.",
    ]


def test_a_model_alone_has_nothing_to_be_compared_with() -> None:
    """The verdict on a model alone says that there is nothing to compare it with."""
    found = told(make_predictions({"alone": 0.9}))
    assert found["headline"].endswith(
        "It is the only classifier of task: there is nothing to compare it with."
    )


def test_some_beaten_and_some_level_are_both_named() -> None:
    """The models that are beaten and those that are level are both named where no single one is the best."""
    predictions = make_predictions({"worst": 0.6, "one": 0.9, "other": 0.92})
    assert told(predictions)["headline"].endswith(
        "one is shown to be better than worst, but not than other. "
        "With 95 % confidence the best is one of one and other."
    )


def test_numbers_of_rows_are_rounded_up_to_two_digits() -> None:
    """Numbers of rows are rounded up to two digits, since they are estimates."""
    assert [words.round_up(rows) for rows in (1, 99, 101, 893, 8451)] == [
        "1",
        "99",
        "110",
        "900",
        "8,500",
    ]


def test_shares_and_p_values_are_written_for_people() -> None:
    """Shares have no minus before nothing, and p-values have no zero for what is small."""
    assert [words.signed(share) for share in (0.0123, -0.0123, -0.0001)] == [
        "+1.2 %",
        "−1.2 %",
        "−0.01 %",
    ]
    assert [words.signed(share) for share in (0.0, -0.0, -1e-12)] == 3 * ["0.0 %"]
    assert [words.show_p(p_value) for p_value in (0.5, 0.0012, 0.00002)] == [
        "p = 0.5",
        "p = 0.0012",
        "p < 0.001",
    ]
    assert [words.join(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == [
        "a",
        "a and b",
        "a, b and c",
    ]


def test_a_model_that_says_one_class_is_named_where_it_is_no_worse() -> None:
    """The first finding says that always saying one class is right more often, where most rows are of that class."""
    predictions = with_hits([True] * 90 + [False] * 10)
    common = replace(predictions, truth=np.zeros(100, dtype=np.int64))
    label = np.where(np.arange(100) < 90, 0, 1)
    answers = [replace(common.answers[0], label=label)]
    found = told(replace(common, answers=answers))["findings"][0]
    assert found == (
        "All rows are 'no', so that errors on other classes are not seen. Saying 'no' always is right on 100.0 %, more "
        "often than any model here."
    )


def test_a_class_without_a_row_is_named() -> None:
    """A file that has none of a class says nothing of errors on it, and one that has all of them needs no word."""
    predictions = with_hits([True] * 90 + [False] * 10)
    answers = [
        replace(each, probabilities=np.pad(each.probabilities, ((0, 0), (0, 1))))
        for each in predictions.answers
    ]
    missing = replace(predictions, classes=("no", "yes", "maybe"), answers=answers)
    sentence = "No row is 'maybe', so that errors on such rows are not seen."
    assert told(missing)["findings"][-2:] == [sentence, accuracy_sentences.CONDITION]
    assert not any("No row is" in each for each in told(predictions)["findings"])


def test_as_good_as_is_said_where_it_is_shown() -> None:
    """Two models whose difference is within a point on 3,000 rows are as good within it, and 300 do not show it."""
    many = told(split((2900, True, True), (20, True, False), (20, False, True)))
    few = told(split((290, True, True), (2, True, False), (2, False, True)))
    words = "They are as good within 1.0 %: this pair alone differs by less, at 5 %."
    assert words in many["findings"][0]
    assert words not in few["findings"][0]


def test_no_interval_beside_a_verdict_contradicts_it() -> None:
    """The interval of a pair of seven models that is told apart is on one side of 0, and of any other on both."""
    names = {f"m{number}": 0.8 + 0.02 * number for number in range(7)}
    for seed in range(5):
        predictions = make_predictions(names, n_rows=300, seed=seed)
        numbers = evidence.conclude(predictions, risk=0.01, gates=[])["numbers"]
        for pair in numbers["pairs"]:
            low, high = pair["difference"]["interval"]
            alone = pair["difference"]["alone"]
            if pair["verdict"] in ("a", "b"):
                assert low >= 0 or high <= 0
            else:
                assert low <= min(0, alone[0])
                assert high >= max(0, alone[1])


def test_a_promise_comes_without_the_number_that_is_none() -> None:
    """The words say that few rows promise no threshold, and that many certain ones do."""
    few = told(split((9, True, True), (1, False, False)))["findings"]
    assert (
        "From which probability on m0 would be wrong on at most 1 % of what it answers cannot be promised: these rows "
        "are too few for it."
    ) in few
    many = told(split((900, True, True)))["findings"]
    assert any("It can be promised, with 95 % confidence" in each for each in many)


def test_a_model_that_votes_is_said_to() -> None:
    """A model whose answers are all certain has no calibration error in words."""
    predictions = with_hits([True] * 20)
    answer = predictions.answers[0]
    votes = replace(answer, probabilities=np.eye(2)[answer.label])
    found = told(replace(predictions, answers=[votes]))["findings"]
    assert any(each.startswith("m0 votes: each of its answers") for each in found)
    assert not any("calibration error" in each for each in found)


def test_a_calibration_error_stands_beside_what_is_usual() -> None:
    """Probabilities of 0.9 that are right in nine of ten rows are not shown to be off, and in six of ten are."""
    honest = told(with_hits([True] * 90 + [False] * 10))["findings"]
    boastful = told(with_hits([True] * 60 + [False] * 40))["findings"]
    assert any("m0's probabilities are not shown to be off" in each for each in honest)
    assert any("m0's probabilities are not calibrated" in each for each in boastful)


def test_what_is_nearly_all_is_not_said_to_be_all() -> None:
    """A share has more digits where one would make it all or nothing, and 100.0 % is said of all alone."""
    shown = [words.percent(each) for each in (0.9998, 1.0, 0.0004, 0.0, 0.999, 1e-7)]
    assert shown == [
        "99.98 %",
        "100.0 %",
        "0.04 %",
        "0.0 %",
        "99.9 %",
        "0.00001 %",
    ]
    assert words.percent(1 - 1e-15) == "100.0 %"


def test_equals_in_front_are_level_and_no_contrast_is_said() -> None:
    """Two models that are right equally often are level, and that they cannot be told apart follows with no but."""
    found = told(with_hits([True] * 9 + [False], [False] + [True] * 9))
    assert found["headline"] == (
        "m0 and m1 are level in front, right on 90.0 % of 10 rows (95 %, as the best of 2 here: 54.7 % to 98.2 %), "
        "and cannot be told apart in accuracy on 10 rows."
    )


def test_one_model_alone_may_be_the_best_only_where_the_pairs_show_it() -> None:
    """The one-sided limits leave one model alone, and the two-sided test of the pair does not show a difference."""
    trial = split(
        (150, True, True), (24, True, False), (12, False, True), (14, False, False)
    )
    (pair,) = concluded(trial)["pairs"]
    assert 0.05 < pair["p_value"] < 0.1
    assert simultaneous.find_best(trial.hits) == [0]
    assert concluded(trial)["may_be_best"] == ["task-m0", "task-m1"]


def test_who_is_the_best_is_not_both_shown_and_not_shown() -> None:
    """The leader of three models is not shown to be better than the second: both may be the best, the third not."""
    first = [True] * 174 + [False] * 26
    second = [True] * 150 + [False] * 24 + [True] * 12 + [False] * 14
    third = [False] * 100 + [True] * 74 + [False] * 26
    headline = told(with_hits(first, second, third))["headline"]
    assert headline.endswith(
        "m0 is shown to be better than m2, but not than m1. With 95 % confidence the best is one of m0 and m1."
    )


def test_the_pairs_own_interval_agrees_with_its_own_test() -> None:
    """Newcombe's interval ends over 0 where the exact test does not show it: it reaches 0, and so does the plan."""
    trial = split(
        (150, True, True), (17, True, False), (7, False, True), (10, False, False)
    )
    (pair,) = concluded(trial)["pairs"]
    assert difference_interval(Pair(150, 17, 7, 10))[0] > 0
    assert pair["p_value"] > 0.05
    assert pair["difference"]["alone"][0] == 0
    assert pair["rows_needed"]["range"][1] is None


def test_the_range_of_rows_says_whose_interval_it_is_from() -> None:
    """The interval beside it is that of all pairs together, and the range is from this pair's own."""
    trial = with_hits([True] * 99 + [False], [True] * 90 + [False] * 10, [True] * 100)
    findings = " ".join(told(trial)["findings"])
    assert "from the ends of this pair's own interval it is" in findings
    assert "from the ends of the interval" not in findings


def test_few_groups_plan_nothing_and_are_counted_as_groups() -> None:
    """The words of two groups, which do not tell how far groups differ, count groups and tell no number of rows."""
    trial = split((60, True, True), (30, True, False), (10, False, False))
    grouping = find_groups(
        list(range(100)), column="shop", values=[str(row % 2) for row in range(100)]
    )
    found = told(replace(trial, grouping=grouping))
    assert found["findings"][2] == (
        "m0 and m1: no verdict on 100 rows; one alone is right on only 30 rows of 2 groups, and fewer than 6 groups "
        "can show no difference. How many rows would show it is not known: 2 groups are too few to say how many rows "
        "it takes."
    )


def concluded(trial: Predictions) -> dict[str, Any]:
    numbers: dict[str, Any] = evidence.conclude(trial, risk=0.01, gates=[])["numbers"]
    return numbers
