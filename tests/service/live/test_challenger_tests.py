"""Tests of challengers by other metrics than accuracy are of the losses of all labelled rows, one bet a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, brier_score_loss

from service.contract.live_answers import ChallengerTest
from service.errors import InvalidRequest, SettingsError
from service.live import challenger_tests, comparison
from service.live.challengers import ShadowDeployment
from service.live.challengers import make_model_key as key
from service.live.cost_settings import find_costs, make_costs
from service.live.journal.challenger_counts import MEAN_SCALE, find_metrics
from service.live.journal.group_keys import hash_names
from service.live.journal.reading import reader
from service.live.journal.records import (
    Costs,
    FeedbackRecord,
    PredictionRecord,
    Record,
    ShadowRecord,
    encode_probabilities,
)
from service.live.journal.storage import schema
from service.live.journal.transaction import Transactions
from service.models.registry import Registry
from service.settings import Settings
from stats.losses import bounded
from tests.support.paired_worlds import PairedWorld

CLASSES = ("no", "yes")
MAX_ROWS = 100_000
WORLD = PairedWorld(0.4, (1.2, 1.5), correlation=0.9)
"""The challenger is the better one."""
COSTS = make_costs(((0.0, 1.0), (5.0, 0.0)), CLASSES)
POINT = ("rows", "groups", "difference", "interval")
ROUNDING = 1.1 / MEAN_SCALE


@pytest.fixture
def registry(models: Path) -> Registry:
    return Registry.load(models)


@pytest.fixture
def transactions(path: Path) -> Iterator[Transactions]:
    with closing(schema.connect(path)) as connection:
        yield Transactions(
            connection, max_rows=MAX_ROWS, costs={"colour": COSTS}, max_examples=0
        )


def make_records(
    deployment: ShadowDeployment,
    probabilities: list[np.ndarray],
    truth: np.ndarray,
    *,
    group_size: int = 1,
    name: str | None = None,
    is_kept: bool = True,
) -> list[Record]:
    """Returns the records of requests of `group_size` rows each, whose rows are then all labelled."""
    champion = key(deployment.champion)
    kept = encode_probabilities(np.stack(probabilities).astype(np.float32))
    labels = np.stack(probabilities).argmax(axis=2)
    keys = None if name is None else hash_names("colour", name)
    records: list[Record] = []

    for start in range(0, len(truth), group_size):
        rows = slice(start, start + group_size)
        request = f"r{start}{name or ''}"
        n_rows = len(truth[rows])
        records += [
            PredictionRecord(request, champion, labels[0, rows], keys),
            ShadowRecord(
                [request],
                [n_rows],
                champion,
                deployment.challenger_keys,
                labels[1:, rows],
                [],
                probabilities=kept[:, rows] if is_kept else None,
            ),
            *(
                FeedbackRecord(request, row, CLASSES[label])
                for row, label in enumerate(truth[rows])
            ),
        ]

    return records


def describe(
    registry: Registry,
    deployment: ShadowDeployment,
    path: Path,
    by: str,
    costs: Costs | None = None,
) -> ChallengerTest:
    window = reader.read_window(
        path, "colour", max_rows=10, metrics=find_metrics(by, len(CLASSES), costs)
    )
    found = comparison.describe(
        registry.task("colour"), deployment, window, by=by, costs=costs
    )
    assert found["by"] == by
    (test,) = found["tests"]
    assert test["by"] == by
    assert "reason" in test or test["difference"] is not None
    return test


def score(probabilities: np.ndarray, truth: np.ndarray, by: str) -> float:
    """Returns the metric by scikit-learn or by its definition, negative where less is better."""
    second = probabilities[:, 1]
    if by == "brier":
        return -float(brier_score_loss(truth, second))
    if by == "log_loss":
        of_true_class = np.where(truth == 1, second, 1 - second)
        return float(np.log(np.maximum(of_true_class, 0.01)).mean())
    if by == "cost":
        said = second >= 1 / 6
        return -float(np.where(truth == 1, 5 * ~said, said).mean())
    return float(balanced_accuracy_score(truth, second > 0.5))


@pytest.mark.parametrize("by", ["brier", "log_loss", "balanced_accuracy", "cost"])
def test_differences_are_those_of_the_metric(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
    by: str,
) -> None:
    """The difference over all labelled rows is that of the metric, and its interval holds it."""
    probabilities, truth = WORLD.draw(600, np.random.default_rng(1))
    transactions.write(make_records(deployment, probabilities, truth))
    found = describe(registry, deployment, path, by, COSTS if by == "cost" else None)

    expected = score(probabilities[1], truth, by) - score(probabilities[0], truth, by)
    unit = {"log_loss": bounded.find_largest("log_loss", 2), "cost": 5.0}.get(by, 1.0)
    assert found["difference"] == pytest.approx(expected, abs=ROUNDING * unit)
    assert found["rows"] == found["groups"] == len(truth)
    assert found["interval"] is not None
    low, high = found["interval"]
    assert -unit <= low < expected < high <= unit


def test_the_better_probabilities_are_shown(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
) -> None:
    """Log loss tells the better of two models with the same labels, one three times too sure; accuracy cannot."""
    world = PairedWorld(0.5, (1.5, 1.5), (3.0, 1.0), correlation=0.999)
    probabilities, truth = world.draw(1500, np.random.default_rng(3))
    transactions.write(make_records(deployment, probabilities, truth))
    verdicts = {
        by: describe(registry, deployment, path, by)["verdict"]
        for by in ("accuracy", "log_loss")
    }
    assert verdicts == {
        "accuracy": "not shown yet",
        "log_loss": "challenger better",
    }


def test_a_group_is_one_bet_by_any_metric(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
) -> None:
    """A request counts once by the mean of its rows' gains, however many rows it has; a name joins requests."""
    probabilities, truth = WORLD.draw(90, np.random.default_rng(2))
    transactions.write(make_records(deployment, probabilities, truth, group_size=9))
    named = [each[:20] for each in probabilities]
    transactions.write(make_records(deployment, named, truth[:20], name="patient"))
    found = describe(registry, deployment, path, "brier")

    gains = bounded.find_gains(probabilities[0], probabilities[1], truth, "brier")
    means = [*gains.reshape(10, 9).mean(axis=1), gains[:20].mean()]
    assert (found["rows"], found["groups"]) == (110, 11)
    assert found["difference"] == pytest.approx(np.mean(means), abs=ROUNDING)


@pytest.mark.parametrize("by", ["accuracy", "brier", "balanced_accuracy"])
@pytest.mark.parametrize("group_size", [1, 4])
def test_the_curve_has_what_each_test_was_then(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
    by: str,
    group_size: int,
) -> None:
    """A curve's points are the tests as they were after so many labels, the first and the last among them."""
    probabilities, truth = WORLD.draw(800, np.random.default_rng(7))
    records = make_records(deployment, probabilities, truth, group_size=group_size)
    n_each = 12 * (2 + group_size)
    seen = []
    for start in range(0, len(records), n_each):
        transactions.write(records[start : start + n_each])
        found = describe(registry, deployment, path, by)
        seen.append({name: found[name] for name in POINT})  # type: ignore[literal-required]

    window = reader.read_window(
        path,
        "colour",
        max_rows=10,
        metrics=find_metrics(by, len(CLASSES)),
        has_histories=True,
    )
    (found,) = challenger_tests.describe(deployment, window, by)
    assert "curve" in found
    curve = found["curve"]

    by_rows = {each["rows"]: _flatten(each) for each in seen}
    assert [each["rows"] for each in curve] == sorted({each["rows"] for each in curve})
    assert {curve[0]["rows"], curve[-1]["rows"]} == {min(by_rows), max(by_rows)}
    for point in curve:
        assert _flatten(point) == pytest.approx(by_rows[point["rows"]], rel=1e-12)
    assert len(seen) / 4 < len(curve) < len(seen)


def _flatten(point: Mapping[str, Any]) -> tuple[float, ...]:
    return (point["groups"], point["difference"], *point["interval"])


def test_labels_may_come_before_the_shadow(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
) -> None:
    """A label that is there before challengers have answered counts by every metric once they have."""
    probabilities, truth = WORLD.draw(50, np.random.default_rng(4))
    records = make_records(deployment, probabilities, truth)
    late = [each for each in records if isinstance(each, ShadowRecord)]
    transactions.write([each for each in records if not isinstance(each, ShadowRecord)])
    transactions.write(late)

    found = describe(registry, deployment, path, "brier")
    gains = bounded.find_gains(probabilities[0], probabilities[1], truth, "brier")
    assert found["groups"] == 50
    assert found["difference"] == pytest.approx(gains.mean(), abs=ROUNDING)


def test_what_is_not_known_has_a_reason(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
) -> None:
    """A pair without probabilities, or without labels of a class, has no difference, and anything may be."""
    probabilities, _ = WORLD.draw(20, np.random.default_rng(5))
    truth = np.zeros(20, np.int64)
    records = make_records(deployment, probabilities, truth, is_kept=False)
    transactions.write(records)

    by_brier = describe(registry, deployment, path, "brier")
    by_recall = describe(registry, deployment, path, "balanced_accuracy")
    assert (by_brier["groups"], by_brier["difference"]) == (0, None)
    assert by_brier["interval"] == pytest.approx((-1, 1))
    assert by_brier["reason"] == (
        "no labelled row of this pair has the probabilities of all classes, which are kept of champions and their "
        "challengers where there are at most 64 classes"
    )
    assert (by_recall["groups"], by_recall["difference"]) == (20, None)
    assert by_recall["reason"] == (
        "no row of this pair is labelled yes, and each class counts alike"
    )
    assert by_recall["verdict"] == "not shown yet"


def test_conditions_say_what_is_bounded_and_that_each_metric_has_its_level(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
) -> None:
    """Tests of log loss name the least probability, and no test but that of accuracy lacks the word on levels."""
    probabilities, truth = WORLD.draw(20, np.random.default_rng(5))
    transactions.write(make_records(deployment, probabilities, truth))
    said = {
        by: describe(registry, deployment, path, by)["conditions"]
        for by in ("accuracy", "log_loss", "balanced_accuracy")
    }
    assert said["accuracy"] == list(challenger_tests.CONDITIONS)
    assert "under 0.01 counts as that" in said["log_loss"][3]
    assert "costs 4.605 at most" in said["log_loss"][3]
    assert said["log_loss"][-1] == said["balanced_accuracy"][-1]
    assert said["log_loss"][-1] == challenger_tests.OWN_LEVEL


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_balanced_accuracy_holds_where_one_class_is_labelled_more(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
    share: float,
) -> None:
    """A model better at one class and worse at the other by as much is never better, whatever is labelled oftener."""
    generator = np.random.default_rng(6)
    n_rows = 1200
    truth = (generator.random(n_rows) < share).astype(np.int64)
    rights = np.where(truth[:, None] == 1, [0.6, 0.9], [0.9, 0.6])
    hits = generator.random((n_rows, 2)) < rights
    labels = np.where(hits, truth[:, None], 1 - truth[:, None])
    probabilities = [np.eye(2)[each] * 0.8 + 0.1 for each in labels.T]
    transactions.write(make_records(deployment, probabilities, truth))

    by_rows = describe(registry, deployment, path, "accuracy")["verdict"]
    by_classes = describe(registry, deployment, path, "balanced_accuracy")["verdict"]
    assert by_rows == ("not shown yet" if share == 0.5 else "champion better")
    assert by_classes == "not shown yet"


def draw_mixed_groups(
    generator: np.random.Generator, size: int, apart: float
) -> list[list[dict[int, int]]]:
    """Returns the means of each class's groups after each fourth of 100 groups that have rows of both classes.

    The challenger is better by so much at one class and worse by as much at the other; half of the rows of a group are
    drawn as one.
    """
    steps: list[list[dict[int, int]]] = []
    counts: list[dict[int, int]] = [{}, {}]
    for group in range(100):
        truth = generator.integers(0, 2, size)
        drawn = np.where(
            generator.random(size) < 0.5, generator.random(), generator.random(size)
        )
        mean = np.where(truth == 0, apart, -apart)
        differences = np.where(drawn < (0.3 + mean) / 2, 1, 0)
        differences -= drawn > 1 - (0.3 - mean) / 2
        for of_class, each in enumerate(counts):
            if (truth == of_class).any():
                value = round(differences[truth == of_class].mean() * MEAN_SCALE)
                each[value] = each.get(value, 0) + 1
        if group % 4 == 3:
            steps.append([dict(each) for each in counts])

    return steps


@pytest.mark.parametrize("apart", [0.0, 0.2])
@pytest.mark.parametrize("size", [1, 3, 10, 30])
@pytest.mark.parametrize("n_streams", [25, pytest.param(400, marks=pytest.mark.long)])
def test_groups_of_several_classes_keep_the_level_of_balanced_accuracy(
    size: int, apart: float, n_streams: int
) -> None:
    """Equal models are ever called different in 5 % of streams at most, though a group bets on each class it has."""
    generator = np.random.default_rng(size)
    n_alarms = 0
    for _ in range(n_streams):
        steps = draw_mixed_groups(generator, size, apart)
        bounds = challenger_tests.bound_differences(
            steps, 0.05, by="balanced_accuracy", largest=1.0
        )
        n_alarms += any(low > 0 or high < 0 for _, _, (low, high) in bounds)

    assert n_alarms / n_streams <= 0.05 + 3 * (0.05 * 0.95 / n_streams) ** 0.5


@pytest.mark.parametrize(
    ("by", "reason"),
    [
        (
            "f1",
            "by: expected one of accuracy, brier, log_loss, balanced_accuracy, cost, got 'f1'",
        ),
        (
            "cost",
            "by: no costs of 'colour' are known, which VEREDICTO_COSTS=colour:costs.csv would name",
        ),
    ],
)
def test_a_metric_without_a_test_is_refused(by: str, reason: str) -> None:
    """Other metrics are refused with those that there are, and costs with the setting that names them."""
    with pytest.raises(InvalidRequest) as refused:
        challenger_tests.check_metric(by, "colour", None)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("t,no,yes\nno,0,1\n", "costs.csv: the first column: expected each class once"),
        (
            "t,no,yes\nno,2,2\nyes,1,1\n",
            "costs.csv: expected costs that depend on what is said",
        ),
        (None, "costs.csv cannot be read: No such file or directory"),
    ],
)
def test_costs_that_make_no_sense_are_refused(
    registry: Registry,
    tmp_path: Path,
    content: str | None,
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A file of costs that is none, is not there or says nothing keeps the server from starting, but no successor."""
    path = tmp_path / "costs.csv"
    if content is not None:
        path.write_text(content)
    settings = Settings.from_environment(
        {
            "VEREDICTO_SHADOW": "colour:colour-second",
            "VEREDICTO_JOURNAL": "j",
            "VEREDICTO_COSTS": f"colour:{path}",
        }
    )
    with pytest.raises(SettingsError) as refused:
        find_costs(registry, settings)
    assert str(refused.value).startswith(f"VEREDICTO_COSTS: colour: {reason}")

    assert find_costs(registry, settings, leaves_out=True) == {}
    assert reason in caplog.text


def test_other_costs_begin_another_test(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
) -> None:
    """The counts by one table say nothing by another."""
    probabilities, truth = WORLD.draw(30, np.random.default_rng(7))
    transactions.write(make_records(deployment, probabilities, truth))
    others = make_costs(((0.0, 2.0), (5.0, 0.0)), CLASSES)
    assert others.metric != COSTS.metric
    assert describe(registry, deployment, path, "cost", COSTS)["groups"] == 30
    assert describe(registry, deployment, path, "cost", others)["groups"] == 0
