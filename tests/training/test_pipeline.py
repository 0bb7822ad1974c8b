"""Folds, calibration, gaps and categories go the whole way from data to file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from model_card import FeatureInput
from service.errors import InvalidRequest
from service.live.drift import describe
from service.live.drift_cells import DriftCells
from service.models.model import Model
from tests.support.server import Server
from training.__main__ import main
from training.arguments.parser import build_parser
from training.arguments.run import make_training_run
from training.data import datasets
from training.data.datasets import split
from training.learning.family import TrainingError
from training.pipeline import cross_validate, train


def train_and_load(*words: str, folder: Path) -> Model:
    assert main([*words, "--output", str(folder)]) == 0
    model = Model.load(next(folder.glob(f"*-{words[0]}.onnx")))
    assert model is not None
    return model


def test_folds_are_scikit_learns_cross_validation() -> None:
    """The folds have scikit-learn's accuracies, with their mean and standard deviation."""
    training_run = make_training_run(
        build_parser().parse_args(
            ["decision_tree", "--task", "breast_cancer", "--folds", "5"]
        )
    )
    found = cross_validate(training_run)
    dataset = training_run.dataset
    oracle = DecisionTreeClassifier(random_state=0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    expected = cross_val_score(oracle, dataset.features, dataset.target, cv=folds)

    assert found is not None
    assert found.folds == 5
    assert found.metrics["accuracy"].mean == pytest.approx(expected.mean(), abs=1e-6)
    assert found.metrics["accuracy"].standard_deviation == pytest.approx(
        expected.std(ddof=1), abs=1e-6
    )


def test_folds_of_numbers_are_not_stratified() -> None:
    """A regressor's folds are plain."""
    training_run = make_training_run(
        build_parser().parse_args(
            ["decision_tree", "--task", "diabetes", "--folds", "4"]
        )
    )
    found = cross_validate(training_run)
    oracle = DecisionTreeRegressor(random_state=0)
    folds = KFold(4, shuffle=True, random_state=0)
    expected = cross_val_score(
        oracle,
        training_run.dataset.features,
        training_run.dataset.target,
        cv=folds,
        scoring="r2",
    )

    assert found is not None
    assert found.metrics["r2"].mean == pytest.approx(expected.mean(), abs=1e-6)


def test_without_folds_there_is_no_cross_validation() -> None:
    """Cross-validation, which costs as many trainings as there are folds, is left out without folds."""
    assert (
        cross_validate(
            make_training_run(
                build_parser().parse_args(["naive_bayes", "--task", "wine"])
            )
        )
        is None
    )


def test_the_card_shows_overfitting(tmp_path: Path) -> None:
    """A tree to the last row knows the training rows by heart, and the card shows it."""
    card = train_and_load("decision_tree", "--task", "wine", folder=tmp_path).card
    assert card.train_metrics is not None
    assert card.train_metrics["accuracy"].value == 1.0
    assert card.metrics["accuracy"].value < 1.0


def test_the_line_over_the_tacos_is_that_of_least_squares(tmp_path: Path) -> None:
    """Descent on the mean squared error finds what the normal equations give."""
    model = train_and_load("linear", "--task", "tacos", folder=tmp_path)
    tacos = datasets.load("tacos")
    rows = datasets.split(tacos, seed=0)
    oracle = LinearRegression().fit(
        tacos.features[rows.train], tacos.target[rows.train]
    )
    prices = np.array([[8.0], [16.0], [25.0]], dtype=np.float32)

    assert model.run(prices)[0] == pytest.approx(oracle.predict(prices), abs=5)
    assert model.card.metrics["r2"].value > 0.85


def test_calibration_is_in_the_file_and_on_the_card(tmp_path: Path) -> None:
    """A decision tree is far too sure, and rows that no model had seen say by how much."""
    model = train_and_load("decision_tree", "--task", "breast_cancer", folder=tmp_path)
    calibration = model.card.calibration

    assert calibration is not None
    assert calibration.rows == model.card.provenance.split["train"] == 455
    assert calibration.temperature > 1.5
    assert calibration.after["log_loss"] < 0.7 * calibration.before["log_loss"]
    assert model.card.metrics["log_loss"].value < 0.4


def test_naive_bayes_comes_calibrated_and_stays_so(tmp_path: Path) -> None:
    """Naive Bayes brings a temperature or curves of its own, says so, and leaves little to the temperature after."""
    model = train_and_load("naive_bayes", "--task", "breast_cancer", folder=tmp_path)
    calibration = model.card.calibration

    assert calibration is not None
    assert "Naive Bayes, at a temperature of " in model.card.summary
    assert calibration.before["log_loss"] < 0.3
    assert calibration.temperature == pytest.approx(1, abs=0.2)
    assert model.card.metrics["log_loss"].value < 0.3


def test_the_perceptron_is_not_calibrated(tmp_path: Path) -> None:
    """The perceptron is not calibrated, because its probabilities are a step."""
    assert (
        train_and_load(
            "perceptron", "--task", "points", folder=tmp_path
        ).card.calibration
        is None
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("linear", "--task", "wine"),
            "linear is a regressor, and the target of 'wine' has classes",
        ),
        (
            ("logistic", "--task", "tacos"),
            "logistic is a classifier, and the target of 'tacos' has numbers",
        ),
    ],
)
def test_a_family_refuses_what_it_cannot_learn(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    """A family refuses what it cannot learn before anything is learnt."""
    with pytest.raises(TrainingError) as refused:
        train(make_training_run(build_parser().parse_args(words)), tmp_path)
    assert str(refused.value) == message


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns 120 customers with gaps, categories and a boolean."""
    generator = np.random.default_rng(0)
    months = generator.integers(1, 60, size=120)
    plans = [
        ("basic", "plus", "pro", None)[each] for each in generator.integers(0, 4, 120)
    ]
    bills = [
        None if each < 0.15 else round(100 * each, 2)
        for each in generator.random(120).tolist()
    ]
    churn = [
        "yes" if plan == "basic" or month < 15 else "no"
        for plan, month in zip(plans, months, strict=True)
    ]
    frame = pl.DataFrame(
        {
            "months": months,
            "plan": plans,
            "bill": bills,
            "paperless": generator.random(120) < 0.5,
            "churn": churn,
        }
    )
    path = tmp_path_factory.mktemp("table") / "customers.csv"
    frame.write_csv(path)

    return path


def _churn(table: Path) -> list[str]:
    return ["--task", "churn", "--data", str(table), "--target", "churn"]


FAMILIES = (
    "logistic",
    "perceptron",
    "mlp",
    "naive_bayes",
    "knn",
    "decision_tree",
    "random_forest",
    "kmeans",
)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_learns_from_gaps_and_categories(
    table: Path, tmp_path: Path, family: str
) -> None:
    """Rows are served as a client sends them, and the gate has compared the file with its source on gaps too."""
    model = train_and_load(
        family,
        "--task",
        "churn",
        "--data",
        str(table),
        "--target",
        "churn",
        folder=tmp_path,
    )
    card = model.card.to_document()["input"]

    assert [feature["type"] for feature in card["features"]] == [
        "number",
        "category",
        "number",
        "category",
    ]
    assert card["features"][1]["values"] == ("basic", "plus", "pro")
    imputed = [feature.get("imputed") for feature in card["features"]]
    assert imputed[0] is imputed[3] is None
    assert imputed[1] in ("basic", "plus", "pro")
    known = [
        [5, imputed[1], imputed[2], True],
        {"months": 5, "plan": imputed[1], "bill": imputed[2], "paperless": True},
    ]
    gaps = [[5, None, None, "true"]]

    for output in model.run(model.encode(known + gaps)):
        assert np.array_equal(output[0], output[1])
        assert np.array_equal(output[0], output[2])


def test_boosted_trees_learn_from_gaps_and_categories(
    table: Path, tmp_path: Path
) -> None:
    """A gap is answered as a gap, the file says so, and a value that the table does not have is refused."""
    model = train_and_load("gradient_boosting", *_churn(table), folder=tmp_path)
    assert "split on gaps too" in model.card.summary
    document = model.card.to_document()["input"]["features"]
    assert document[1]["imputed"] in ("basic", "plus", "pro")
    label, probabilities = model.run(
        model.encode([[5, None, None, "true"], [59, "pro", 3.5, False]])
    )
    assert label.tolist() == [1, 0]
    assert np.isfinite(probabilities).all()

    with pytest.raises(
        InvalidRequest, match="'plan' expects one of basic, plus, pro, got 'gold'"
    ):
        model.encode([[5, "gold", 3.5, True]])


def test_the_card_knows_how_a_table_spreads(table: Path, tmp_path: Path) -> None:
    """The card counts the training rows as polars does; the table's own rows are no drift, the same plan for all is."""
    model = train_and_load("naive_bayes", *_churn(table), folder=tmp_path)
    training_run = make_training_run(
        build_parser().parse_args(["naive_bayes", *_churn(table)])
    )
    rows = split(training_run.dataset, seed=0, needs_validation=False)
    train_rows = pl.read_csv(table)[rows.train.tolist()]

    assert isinstance(model.card.input, FeatureInput)
    months, plan, bill, _ = (
        feature.distribution for feature in model.card.input.features
    )
    assert months is not None
    assert plan is not None
    assert bill is not None
    assert plan.counts == tuple(
        (train_rows["plan"] == each).sum() for each in ("basic", "plus", "pro")
    )
    assert (months.missing, plan.missing, bill.missing) == (
        0,
        train_rows["plan"].null_count(),
        train_rows["bill"].null_count(),
    )
    assert sum(months.counts[:5]) == (train_rows["months"] < months.edges[4]).sum()

    given = (
        pl.read_csv(table)
        .drop("churn")
        .with_columns(pl.col("paperless").cast(pl.String))
    )
    assert _find_drifted(model, given) == []
    assert _find_drifted(model, given.with_columns(plan=pl.lit("pro"))) == ["plan"]


def _find_drifted(model: Model, table: pl.DataFrame) -> list[str]:
    """Returns the features that are shown to drift where a server answers these rows."""
    cells = DriftCells.of(model.card)
    assert cells is not None
    rows = model.encode([list(row) for row in table.rows()])

    return describe(cells, cells.count(rows))["drifted"]


def test_a_regressor_learns_from_gaps_and_categories(
    table: Path, tmp_path: Path
) -> None:
    """A regressor learns from gaps and categories too."""
    words = (
        "random_forest",
        "--task",
        "months",
        "--data",
        str(table),
        "--target",
        "months",
    )
    model = train_and_load(*words, folder=tmp_path)
    assert model.card.kind == "regressor"
    assert model.run(model.encode([["basic", None, False, "yes"]]))[0].shape == (1,)


def test_a_transformer_says_which_columns_it_cannot_take(
    table: Path, tmp_path: Path
) -> None:
    """A transformer names its categories, because a category cannot be restored from a code."""
    words = ["pca", "--task", "churn", "--data", str(table), "--target", "churn"]
    with pytest.raises(
        TrainingError, match="pca needs numbers throughout: --exclude plan paperless"
    ):
        train(make_training_run(build_parser().parse_args(words)), tmp_path)

    model = train_and_load(*words, "--exclude", "plan", "paperless", folder=tmp_path)
    assert model.run(model.encode([[5, None]]))[1].shape == (1, 2)


def test_the_stored_command_names_the_file_and_no_folder(
    table: Path, tmp_path: Path
) -> None:
    """The stored command names the file and no folder, because where somebody keeps data is nobody's business."""
    model = train_and_load(
        "naive_bayes",
        "--task",
        "churn",
        "--data",
        str(table),
        "--target",
        "churn",
        folder=tmp_path,
    )
    command = model.card.provenance.command
    assert "--data customers.csv --target churn" in command
    assert str(table.parent) not in command


def test_a_table_is_learnt_served_and_asked(
    table: Path,
    tmp_path: Path,
    start_server: Callable[..., AbstractContextManager[Server]],
) -> None:
    """A CSV with categories and gaps becomes two files that a server process answers for rows as objects."""
    models = tmp_path / "models"
    for family in ("logistic", "decision_tree"):
        assert main([family, *_churn(table), "--output", str(models)]) == 0

    row = {"months": 40, "plan": "plus", "bill": None, "paperless": False}

    with start_server(VEREDICTO_MODELS=models) as server:
        fields = {
            "model": "churn-logistic",
            "inputs": [row, row | {"plan": "basic", "months": 2}, row | {"plan": None}],
        }
        predictions = server.post("/predict", fields).json()["predictions"]
        assert predictions[:2] == ["no", "yes"]

        comparison = server.post(
            "/compare", {"task": "churn", "inputs": [row], "labels": ["no"]}
        ).json()
        assert [each["model"] for each in comparison["models"]] == [
            "churn-decision_tree",
            "churn-logistic",
        ]
        refused = server.post(
            "/predict", {"model": "churn-logistic", "inputs": [row | {"plan": "gold"}]}
        )
        expected = "feature 'plan' expects one of basic, plus, pro, got 'gold'"
        assert refused.status_code == 400
        assert refused.json()["error"] == f"inputs[0]: {expected}"

        missing = server.post(
            "/predict", {"model": "churn-logistic", "inputs": [row | {"months": None}]}
        )
        expected = "feature 'months' expects a number, got null: the model was not taught to do without"
        assert missing.json()["error"] == f"inputs[0]: {expected}"
