"""Models are judged by a criterion, in numbers and in words that say no more than those show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stats.losses.comparison import LossComparison
from stats.paired_tests import mcnemar
from stats.scores import brier_scores, score
from tests.support.made_predictions import make_predictions
from tests.support.paired_worlds import PairedWorld, find_gaps
from verdict.by_criterion import UnknownPrice, judge_by
from verdict.criterion import Criterion, read_criterion, write_criterion
from verdict.criterion_sentences import write_by
from verdict.predictions import Predictions

COSTS = ((0.0, 1.0), (5.0, 0.0))
POWER_WORLD = PairedWorld(0.5, (1.506, 1.347), correlation=0.9)
"""Two calibrated models, whose scores go together, are right on 93.4 and 91.1 % of rows."""


def tell(predictions: Predictions, criterion: Criterion) -> dict[str, list[str]]:
    return write_by(judge_by(predictions, criterion), predictions, criterion)


def find_power(n_samples: int) -> dict[str, float]:
    """Returns how often the better one is shown to be on 360 rows, by McNemar's test and by losses."""
    generator = np.random.default_rng(0)
    shown = dict.fromkeys(("accuracy", "brier", "log_loss"), 0)

    for _ in range(n_samples):
        probabilities, truth = POWER_WORLD.draw(360, generator)
        hits = [each.argmax(axis=1) == truth for each in probabilities]
        tested = mcnemar(hits[0], hits[1])
        is_first = tested["only_a"] > tested["only_b"]
        shown["accuracy"] += is_first and tested["p_value"] < 0.05
        for metric in ("brier", "log_loss"):
            gaps = find_gaps(probabilities, truth, metric)
            (pair,) = LossComparison(gaps).compare_pairs()
            shown[metric] += pair.interval is not None and pair.interval[0] > 0

    return {metric: count / n_samples for metric, count in shown.items()}


def test_probabilities_tell_models_apart_where_hits_do_not() -> None:
    """The better one is shown half as often again on 360 rows by its losses as by McNemar's test of its hits."""
    power = find_power(60)
    assert min(power["brier"], power["log_loss"]) > 1.5 * power["accuracy"] > 0.2


def test_the_leader_and_the_gaps_are_those_of_the_mean_loss() -> None:
    """Values, leader and gain follow from the mean Brier score of each model."""
    predictions = make_predictions({"one": 0.9, "two": 0.6}, n_rows=300)
    numbers = judge_by(predictions, Criterion(metric="brier"))
    means = [
        brier_scores(each.probabilities, predictions.truth).mean()
        for each in predictions.answers
    ]

    assert [each["value"] for each in numbers["models"]] == pytest.approx(means)
    assert numbers["leader"] == "task-one"
    assert numbers["pairs"][0]["gain"]["value"] == pytest.approx(means[1] - means[0])
    assert numbers["pairs"][0]["verdict"] == "a"
    assert numbers["may_be_best"] == ["task-one"]
    shares = np.bincount(predictions.truth) / 300
    assert numbers["baseline"]["value"] == pytest.approx(shares[0] * shares[1])


def test_balanced_accuracy_is_better_where_it_is_higher() -> None:
    """The model with the higher balanced accuracy leads, with its own interval, and gains are in shares."""
    predictions = make_predictions({"one": 0.6, "two": 0.9}, n_rows=300)
    criterion = Criterion(metric="balanced_accuracy")
    numbers = judge_by(predictions, criterion)
    expected = score(
        predictions.answers[1].probabilities,
        predictions.answers[1].label,
        predictions.truth,
    )["balanced_accuracy"]

    assert numbers["leader"] == "task-two"
    assert numbers["models"][1]["value"] == expected["value"]
    assert numbers["pairs"][0]["verdict"] == "b"
    assert numbers["baseline"]["value"] == 0.5
    assert tell(predictions, criterion)["headline"].startswith(
        "two is the best by balanced accuracy: 9"
    )


def test_costs_decide_what_is_said_and_a_price_who_is_best() -> None:
    """The cheaper model leads until the price of its latency, which is in every figure, outweighs its mistakes."""
    predictions = make_predictions({"one": 0.7, "two": 0.95}, n_rows=400)
    plain = judge_by(predictions, Criterion(metric="cost", costs=COSTS))
    priced = judge_by(
        predictions, Criterion(metric="cost", costs=COSTS, price_ms=100.0)
    )

    assert (plain["leader"], priced["leader"]) == ("task-two", "task-one")
    assert plain["threshold"] == pytest.approx(1 / 6)
    assert priced["models"][1]["price"] == pytest.approx(3.0)
    assert priced["models"][1]["value"] == pytest.approx(
        plain["models"][1]["value"] + 3.0
    )
    assert priced["pairs"][0]["gain"]["value"] == pytest.approx(
        plain["pairs"][0]["gain"]["value"] + 2.0
    )
    chosen = plain["models"][1]["chosen"]
    assert chosen["cost_here"] <= min(
        plain["models"][1]["value"], chosen["cost_elsewhere"]
    )


def test_a_price_of_what_is_not_known_is_refused() -> None:
    """A price of megabytes is refused where a model's size is not known."""
    predictions = make_predictions({"one": 0.7})
    unknown = replace(predictions.answers[0], size_bytes=None)
    criterion = Criterion(metric="cost", costs=COSTS, price_mb=1.0)

    with pytest.raises(UnknownPrice, match="the size of task-one is not known"):
        judge_by(replace(predictions, answers=[unknown]), criterion)


def test_few_wrong_rows_are_no_verdict_in_words() -> None:
    """A task with few wrong rows gets no interval and no verdict, and the words say so and why."""
    predictions = make_predictions({"one": 1.0, "two": 0.98}, n_rows=100)
    said = tell(predictions, Criterion(metric="log_loss"))

    assert "no interval: no row is wrong" in said["headline"]
    assert said["findings"][0].startswith(
        "one and two: no verdict by log loss; no interval: "
    )
    assert said["findings"][-1].startswith("All this holds for rows like these")


def test_costs_are_told_with_their_threshold_and_their_saving() -> None:
    """The words name the threshold, what the own labels cost, and the threshold that was chosen on rows."""
    predictions = make_predictions({"one": 0.8, "two": 0.85}, n_rows=400)
    said = tell(predictions, Criterion(metric="cost", costs=COSTS))
    findings = "\n".join(said["findings"])

    assert "with these costs 'yes' from a probability of 0.1667 on." in findings
    assert "'s own labels cost " in findings
    assert "on rows that it was not chosen on (five folds)" in findings
    assert "Saying 'yes' always would cost " in findings


@pytest.mark.parametrize(
    "criterion",
    [
        None,
        Criterion(metric="brier"),
        Criterion(metric="cost", costs=COSTS, price_ms=2.0),
    ],
)
def test_what_is_wanted_is_kept_and_read_again(criterion: Criterion | None) -> None:
    """The criterion that evidence keeps is read back as it was."""
    assert read_criterion(write_criterion(criterion), 2) == criterion


@pytest.mark.parametrize(
    "written",
    [
        {"metric": "beauty", "costs": None, "price_ms": 0, "price_mb": 0},
        {"metric": "cost", "costs": None, "price_ms": 0, "price_mb": 0},
        {"metric": "cost", "costs": [[0]], "price_ms": 0, "price_mb": 0},
    ],
)
def test_what_is_no_metric_in_evidence_is_refused(written: dict[str, object]) -> None:
    """A metric that is not known, costs that are missing, or those of other classes are refused."""
    with pytest.raises(ValueError, match="expected"):
        read_criterion(written, 2)


@pytest.mark.long
def test_power_on_360_rows_is_as_high_as_is_said() -> None:
    """The better one is shown in at most 45 % of 2,000 samples of 360 rows by hits, and in at least 80 % by losses."""
    power = find_power(2000)
    assert power["accuracy"] < 0.45
    assert power["brier"] > 0.8
    assert power["log_loss"] > 0.85


def test_equals_by_a_metric_are_level_in_front() -> None:
    """Two models with the same answers do not lead before each other, and the words are those of accuracy."""
    trial = make_predictions({"one": 0.8, "two": 0.8, "worst": 0.6}, n_rows=400)
    first, second, worst = trial.answers
    same = replace(second, label=first.label, probabilities=first.probabilities)
    said = tell(
        replace(trial, answers=[first, same, worst]), Criterion(metric="log_loss")
    )
    assert said["headline"].startswith("one and two are level in front by log loss: ")
    assert (
        "one is shown to be better than worst, but not than two. " in said["headline"]
    )


def test_a_cost_has_an_interval_with_what_no_row_shows() -> None:
    """A mistake that costs 100 and that no row shows is in the interval of a cost as in that of a gap: it holds."""
    costs = ((0.0, 1.0), (100.0, 0.0))
    criterion = Criterion(metric="cost", costs=costs)
    generator = np.random.default_rng(0)
    rows = 200_000
    true, _ = find_cost(generator, rows, criterion)
    found = [find_cost(generator, 300, criterion)[1] for _ in range(200)]
    held = np.mean([low <= true <= high for low, high in found])

    assert held > 0.92
    assert all(low >= 0 for low, _ in found)


def find_cost(
    generator: np.random.Generator, n_rows: int, criterion: Criterion
) -> tuple[float, tuple[float, float]]:
    """Returns the mean cost of a calibrated model with its interval; every second row is dear to miss."""
    truth = generator.integers(0, 2, n_rows)
    scores = 1.28 * (2 * truth - 1) + generator.normal(size=n_rows)
    second = 1 / (1 + np.exp(-2.56 * scores))
    trial = make_predictions({"one": 0.8}, n_rows=2)
    answer = replace(
        trial.answers[0],
        probabilities=np.stack([1 - second, second], axis=1),
        label=(second > 0.5).astype(np.int64),
    )
    (model,) = judge_by(replace(trial, truth=truth, answers=[answer]), criterion)[
        "models"
    ]

    return model["value"], tuple(model["interval"])


def test_negative_costs_have_the_sign_of_minus() -> None:
    """A gain is a negative cost, written with the same sign in values and in gaps."""
    trial = make_predictions({"one": 0.8, "two": 0.9}, n_rows=400)
    said = tell(trial, Criterion(metric="cost", costs=((-1.0, 5.0), (20.0, -30.0))))
    assert "-" not in said["headline"].replace("had it been", "")
    assert "two leads by cost: −" in said["headline"] or "−" in said["headline"]


def test_who_is_no_better_than_the_shares_is_said_to_be_so() -> None:
    """Models whose loss is over that of the classes' shares are not left without that word."""
    trial = make_predictions({"one": 0.5, "two": 0.5}, n_rows=400)
    for metric in ("brier", "log_loss"):
        findings = " ".join(tell(trial, Criterion(metric=metric))["findings"])
        assert "and no model here is better than that." in findings

    better = make_predictions({"one": 0.95, "two": 0.9}, n_rows=400)
    for metric in ("brier", "log_loss", "balanced_accuracy"):
        findings = " ".join(tell(better, Criterion(metric=metric))["findings"])
        assert "no model here is better than that" not in findings


def test_what_the_leader_saves_holds_though_it_was_chosen_here() -> None:
    """The interval that is said of the leader's saving is that of all models together, and wider than its own."""
    trial = make_predictions({"one": 0.8, "two": 0.85, "three": 0.7}, n_rows=400)
    criterion = Criterion(metric="cost", costs=COSTS)
    numbers = judge_by(trial, criterion)
    for model in numbers["models"]:
        (low, high), (lower, higher) = (
            model["saved"]["interval"],
            model["saved"]["together"],
        )
        assert lower < low <= model["saved"]["value"] <= high < higher
    assert "(95 %, as the best of 3 here: " in " ".join(
        tell(trial, criterion)["findings"]
    )
