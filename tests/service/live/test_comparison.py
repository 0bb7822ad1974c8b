"""The live comparison has the figures that scikit-learn and statsmodels compute from the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score
from statsmodels.stats.proportion import proportion_confint

from service.live import challenger_tests, comparison
from service.live.challengers import (
    ShadowDeployment,
    make_model_key,
)
from service.live.journal.group_keys import hash_names
from service.live.journal.reading import reader
from service.live.journal.records import (
    NO_ANSWER,
    FeedbackRecord,
    LostRows,
    PredictionRecord,
    Record,
    ShadowRecord,
)
from service.live.journal.storage import schema
from service.live.journal.transaction import Transactions
from service.models.registry import Registry
from stats import sequential
from tests.support.tiny_models import tiny_card, write_tiny

CLASSES = ("no", "yes")
N_ROWS = 400


@pytest.fixture
def registry(models: Path) -> Registry:
    """Loads three classifiers of one task."""
    write_tiny(models, tiny_card(family="third"), sign=0.5)
    return Registry.load(models)


@pytest.fixture
def transactions(path: Path) -> Iterator[Transactions]:
    with closing(schema.connect(path)) as connection:
        yield Transactions(connection, max_rows=10_000)


def fill(
    transactions: Transactions, deployment: ShadowDeployment
) -> tuple[np.ndarray, np.ndarray]:
    """Writes seeded predictions and returns labels `(n_rows, 3)`, in the order of names, and true labels `(n_rows,)`.

    Every third row has no feedback.
    """
    generator = np.random.default_rng(8)
    true_labels = generator.integers(0, 2, N_ROWS)
    labels = np.where(
        generator.random((N_ROWS, 3)) < [0.9, 0.7, 0.8],
        true_labels[:, None],
        1 - true_labels[:, None],
    )
    champion = make_model_key(deployment.champion)
    records: list[Record] = []

    for row in range(N_ROWS):
        records.append(PredictionRecord(f"{row}", champion, labels[row, 1:2]))
        examples = [(f"{row}", 0, "[1,null]")] if len(set(labels[row])) > 1 else []
        records.append(
            ShadowRecord(
                [f"{row}"],
                [1],
                champion,
                deployment.challenger_keys,
                labels[row, [0, 2]][:, None],
                examples,
            )
        )
        if row % 3:
            records.append(FeedbackRecord(f"{row}", None, CLASSES[true_labels[row]]))

    transactions.write(records)

    return labels, true_labels


def test_figures_are_those_of_the_rows(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
) -> None:
    """Agreement and kappa are those of all rows, accuracy and its interval those of the labelled ones."""
    labels, true_labels = fill(transactions, deployment)
    found = comparison.describe(
        registry.task("colour"),
        deployment,
        reader.read_window(path, "colour", max_rows=N_ROWS),
    )
    is_labelled = np.arange(N_ROWS) % 3 > 0
    assert found["window"] == {
        "rows": N_ROWS,
        "most_rows": comparison.MAX_WINDOW_ROWS,
        "labelled": int(is_labelled.sum()),
    }

    for each, column in zip(found["models"], labels.T, strict=True):
        right = int((column == true_labels)[is_labelled].sum())
        assert each["accuracy"]["value"] == pytest.approx(
            accuracy_score(true_labels[is_labelled], column[is_labelled]), abs=1e-12
        )
        interval = proportion_confint(right, int(is_labelled.sum()), method="wilson")
        assert each["accuracy"]["interval"] == pytest.approx(interval, abs=1e-9)

    for each, (first, second) in zip(
        found["pairs"], combinations(labels.T, 2), strict=True
    ):
        assert each["agreement"] == pytest.approx(
            accuracy_score(first, second), abs=1e-12
        )
        assert each["kappa"] == pytest.approx(
            cohen_kappa_score(first, second), abs=1e-9
        )


def test_tests_are_of_the_labelled_rows_with_their_share_of_alpha(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
) -> None:
    """Each challenger is tested against the champion, here the worst of the three, at half of the first level."""
    labels, true_labels = fill(transactions, deployment)
    found = comparison.describe(
        registry.task("colour"),
        deployment,
        reader.read_window(path, "colour", max_rows=10),
    )
    is_labelled = np.arange(N_ROWS) % 3 > 0
    hits = (labels == true_labels[:, None])[is_labelled].astype(int)

    for each, column in zip(found["tests"], (0, 2), strict=True):
        differences = hits[:, column] - hits[:, 1]
        counts = np.array([[(differences == value).sum() for value in (1, 0, -1)]])
        alpha = sequential.share_alpha(1, 2)
        values = np.array([1.0, 0.0, -1.0])
        interval = sequential.bound(values, counts, alpha=alpha)[0].tolist()
        assert (each["champion"], each["alpha"], each["rows"]) == (
            "colour-second",
            alpha,
            is_labelled.sum(),
        )
        assert each["groups"] == is_labelled.sum()
        assert each["conditions"] == list(challenger_tests.CONDITIONS)
        assert each["difference"] == pytest.approx(differences.mean())
        assert each["interval"] == pytest.approx(interval)

    assert found["tests"][0]["verdict"] == "challenger better"


def test_a_disagreement_says_what_each_said(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
) -> None:
    """A disagreement has the values, the label of each model that answered, and the true label."""
    champion = make_model_key(deployment.champion)
    shadowed = ShadowRecord(
        ["a"],
        [2],
        champion,
        deployment.challenger_keys,
        np.array([[0, 1], [0, NO_ANSWER]]),
        [("a", 1, "[1,null]")],
    )
    transactions.write(
        [
            PredictionRecord("a", champion, np.array([0, 0])),
            shadowed,
            FeedbackRecord("a", 1, "yes"),
            LostRows("colour", 3, 4),
        ]
    )
    found = comparison.describe(
        registry.task("colour"),
        deployment,
        reader.read_window(path, "colour", max_rows=10),
    )
    assert found["disagreements"] == [
        {
            "id": "a/1",
            "inputs": [1, None],
            "predictions": {"colour-second": "no", "colour-first": "yes"},
            "label": "yes",
        }
    ]
    assert (found["shed"], found["dropped"]) == (3, 4)
    assert [each["rows"] for each in found["models"]] == [2, 2, 1]


def test_other_versions_are_left_out(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
) -> None:
    """The answers of a file of the same name before it was exchanged count for neither figures nor tests."""
    old = make_model_key(deployment.champion)._replace(version="0" * 12)
    transactions.write(
        [PredictionRecord("a", old, np.array([1])), FeedbackRecord("a", None, "yes")]
    )
    found = comparison.describe(
        registry.task("colour"),
        deployment,
        reader.read_window(path, "colour", max_rows=10),
    )
    assert [(each["rows"], each["accuracy"]["value"]) for each in found["models"]] == [
        (0, None)
    ] * 3
    assert [each["verdict"] for each in found["tests"]] == ["not shown yet"] * 2


def test_without_rows_there_is_nothing_to_say(registry: Registry) -> None:
    """An empty window has models without accuracy, and no pair, no test, no disagreement."""
    found = comparison.describe(registry.task("colour"), None, comparison.EMPTY_WINDOW)
    assert (
        found["pairs"],
        found["tests"],
        found["disagreements"],
        found["champion"],
    ) == ([], [], [], None)
    assert found["models"][0]["accuracy"] == {
        "value": None,
        "interval": None,
        "reason": "undefined: no row that it answered is labelled",
    }


def write_requests(
    transactions: Transactions,
    deployment: ShadowDeployment,
    requests: list[tuple[int, str | None]],
) -> None:
    """Writes a request for each number of rows, in a group of a name or of its own; the challengers alone are right."""
    champion = make_model_key(deployment.champion)
    for index, (n_rows, name) in enumerate(requests):
        keys = None if name is None else hash_names("colour", name)
        labels = np.zeros(n_rows, np.int64)
        shadow = ShadowRecord(
            [f"{index}"],
            [n_rows],
            champion,
            deployment.challenger_keys,
            np.ones((2, n_rows), np.int64),
            [],
        )
        transactions.write(
            [PredictionRecord(f"{index}", champion, labels, keys), shadow]
        )
        transactions.write(
            [FeedbackRecord(f"{index}", row, "yes") for row in range(n_rows)]
        )


@pytest.mark.parametrize(
    ("requests", "n_groups", "verdict"),
    [
        ([(150, None)], 1, "not shown yet"),
        ([(1, "patient")] * 150, 1, "not shown yet"),
        ([(1, None)] * 150, 150, "challenger better"),
        ([(2, f"patient {each}") for each in range(75)], 75, "challenger better"),
    ],
    ids=["one request", "one name", "requests", "names"],
)
def test_what_belongs_together_is_one_bet(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
    requests: list[tuple[int, str | None]],
    n_groups: int,
    verdict: str,
) -> None:
    """A hundred and fifty rows show who is better where they are many groups, and not where they are one."""
    write_requests(transactions, deployment, requests)
    window = reader.read_window(path, "colour", max_rows=N_ROWS)
    found = comparison.describe(registry.task("colour"), deployment, window)
    for each in found["tests"]:
        assert (each["rows"], each["groups"], each["difference"]) == (150, n_groups, 1)
        assert each["verdict"] == verdict

    of_champion = found["models"][1]
    low, high = of_champion["accuracy"]["interval"]
    assert (of_champion["model"], of_champion["groups"]) == ("colour-second", n_groups)
    assert low == 0
    assert (high > 0.5) == (n_groups == 1)


@pytest.mark.parametrize("policy", ["thompson", "epsilon"])
def test_accuracy_under_a_policy_that_learns_is_called_biased(
    registry: Registry,
    transactions: Transactions,
    deployment: ShadowDeployment,
    path: Path,
    policy: str,
) -> None:
    """Each accuracy says that it is biased where feedback chooses who is asked, and under a champion none does."""
    fill(transactions, deployment)
    window = reader.read_window(path, "colour", max_rows=N_ROWS)
    models = registry.task("colour")
    found = comparison.describe(models, deployment, window, policy=policy)
    plain = comparison.describe(models, deployment, window)
    assert all(
        "biased" in each["bias"] and policy in each["bias"] for each in found["models"]
    )
    assert not any("bias" in each for each in plain["models"])
