"""`--report` draws real, small models, with the numbers that they show."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from model_card import Metric
from tests.support.report_pictures import CLASSIFIER, REGRESSOR, check_picture
from training import pipeline
from training.__main__ import main
from training.arguments.parser import build_parser
from training.arguments.run import make_training_run
from training.data.datasets import load, split
from training.export.calibration import expected_calibration_error
from training.families.pca import Components
from training.pictures import curves, draw, learning_figures, panels
from training.pictures.drawn_model import DrawnModel
from training.pipeline import TrainedModel, TrainingRun

PICTURES = {
    "naive_bayes --task points": CLASSIFIER | {"decision_boundary"},
    "decision_tree --task diabetes --min-leaf 20": REGRESSOR | {"tree", "importances"},
    "pca --task diabetes --components 1": {"metrics", "explained_variance"},
}
"""Each of these commands draws the pictures of these names; tests/shipped/test_course.py has other families."""


def train(words: str | Sequence[str], folder: Path) -> tuple[TrainingRun, TrainedModel]:
    """Fits and exports without a picture."""
    options = build_parser().parse_args(
        [*(words.split() if isinstance(words, str) else words), "--output", str(folder)]
    )
    training_run = make_training_run(options)
    return training_run, pipeline.train(training_run, folder)[0]


@pytest.mark.parametrize("words", PICTURES)
def test_a_report_holds_what_suits_the_model(words: str, tmp_path: Path) -> None:
    """A report holds these pictures and no others, each of a sensible size and not blank."""
    family, _, task = words.split()[:3]
    assert (
        main(
            [
                *words.split(),
                "--output",
                str(tmp_path),
                "--report",
                str(tmp_path / "reports"),
            ]
        )
        == 0
    )
    paths = list((tmp_path / "reports" / f"{task}-{family}").iterdir())
    assert {path.name for path in paths} == {f"{name}.png" for name in PICTURES[words]}
    for path in paths:
        check_picture(path)


def write_odd_table(path: Path) -> Path:
    """Writes a table with gaps, a category, and names of columns and classes that are odd."""
    generator = np.random.default_rng(0)
    classes = [
        "$5",
        "$5-$6",
        "_hidden",
        "a name that is longer than what fits beside an axis",
        *"bcdefghi",
    ]

    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["$x$", "_y", "colour", "class"])

        for number in range(240):
            x, y = generator.normal(size=2) + np.array([number % 12, number % 5])
            gaps = generator.random(3) < 0.1
            values = [f"{x:.2f}", f"{y:.2f}", ("_red", "$green")[number % 2]]
            shown = [
                "" if gap else value for gap, value in zip(gaps, values, strict=True)
            ]
            table.writerow([*shown, classes[number % 12]])

    return path


def test_a_table_with_gaps_categories_and_odd_names_is_drawn(tmp_path: Path) -> None:
    """Names are drawn that matplotlib would take for mathematics, or hide, or that are too long, and twelve classes."""
    data = ("--data", str(write_odd_table(tmp_path / "odd.csv")), "--target", "class")

    for name, words, pictures in (
        (
            "odd-decision_tree",
            ("decision_tree", "--task", "odd"),
            CLASSIFIER | {"tree", "importances"},
        ),
        (
            "odd-kmeans",
            ("kmeans", "--task", "odd", "--starts", "1"),
            {"metrics", "centres", "cluster_classes"},
        ),
        (
            "plane-decision_tree",
            ("decision_tree", "--task", "plane", "--exclude", "colour"),
            CLASSIFIER | {"tree", "importances", "decision_boundary"},
        ),
    ):
        places = ("--output", str(tmp_path), "--report", str(tmp_path / "reports"))
        assert main([*words, *data, *places]) == 0
        paths = list((tmp_path / "reports" / name).iterdir())
        assert {path.stem for path in paths} == pictures
        for path in paths:
            check_picture(path)


def test_old_pictures_are_replaced_and_foreign_files_stay(tmp_path: Path) -> None:
    """Pictures drawn twice have the same bytes, and what else is in the folder is left alone."""
    training_run, trained = train("pca --task wine", tmp_path)
    folder = tmp_path / "new" / "folder"
    first = {
        path.name: path.read_bytes()
        for path in draw.draw(training_run, trained, folder)
    }
    (folder / "notes.txt").write_text("mine")
    (folder / "codes.png").write_text("old")
    paths = draw.draw(training_run, trained, folder)

    assert {path.name: path.read_bytes() for path in paths} == first
    assert {path.name for path in folder.iterdir()} == {*first, "notes.txt"}
    assert (folder / "notes.txt").read_text() == "mine"


def test_roc_curves_have_the_areas_of_scikit_learn() -> None:
    """The areas of one against the rest are scikit-learn's; a class without rows has no curve."""
    generator = np.random.default_rng(0)
    target = generator.integers(3, size=200)
    probabilities = generator.dirichlet(np.ones(4), size=200) + 0.3 * np.eye(4)[target]
    rates = curves.measure_roc(probabilities, target, ("a", "b", "c", "none"))
    assert list(rates) == ["a", "b", "c"]

    for number, (false, true, area) in enumerate(rates.values()):
        assert area == pytest.approx(
            roc_auc_score(target == number, probabilities[:, number])
        )
        assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)


def test_two_classes_have_one_roc_curve() -> None:
    """Two classes have the second's curve, because the first's is the same, mirrored."""
    rates = curves.measure_roc(
        np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]), ("no", "yes")
    )
    assert [(name, area) for name, (_, _, area) in rates.items()] == [("yes", 1.0)]


def test_reliability_is_scikit_learns_calibration_curve() -> None:
    """The gaps of scikit-learn's curve, weighted by rows, are the expected calibration error."""
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.full(3, 0.5), size=500)
    target = generator.integers(3, size=500)
    measured = curves.measure_reliability(probabilities, target)
    hits = probabilities.argmax(axis=1) == target
    accuracy, confidence = calibration_curve(
        hits, probabilities.max(axis=1), n_bins=curves.BINS
    )
    np.testing.assert_allclose(measured["accuracy"], accuracy)
    np.testing.assert_allclose(measured["confidence"], confidence)

    assert measured["rows"].sum() == 500
    assert (measured["low"] <= measured["accuracy"]).all()
    assert (measured["accuracy"] <= measured["high"]).all()


def test_reliability_of_certainty_is_one_bin() -> None:
    """The gap of one bin is the expected calibration error, as training measures it."""
    probabilities = np.eye(2)[[0, 1, 1, 0]]
    target = np.array([0, 1, 0, 0])
    measured = curves.measure_reliability(probabilities, target)
    assert (measured["confidence"].tolist(), measured["accuracy"].tolist()) == (
        [1.0],
        [0.75],
    )
    assert expected_calibration_error(probabilities, target) == 0.25


def test_subsets_are_nested_and_stratified() -> None:
    """A smaller share's rows are among a larger's, and each class has its share of the rows."""
    dataset = load("wine")
    train_rows = split(dataset, seed=0, needs_validation=False).train
    small, large = (
        curves.choose_subset(dataset, train_rows, share=share, seed=0)
        for share in (0.2, 0.5)
    )

    assert small is not None
    assert large is not None
    assert set(small) < set(large) < set(train_rows)
    shares = np.bincount(dataset.target[large]) / np.bincount(
        dataset.target[train_rows]
    )
    np.testing.assert_allclose(shares, 0.5, atol=0.02)


def test_a_subset_keeps_two_rows_of_each_class() -> None:
    """A subset keeps two rows of each class, and is none where there are too few rows in all."""
    dataset = load("digits")
    train_rows = split(dataset, seed=0, needs_validation=False).train
    tiny = curves.choose_subset(dataset, train_rows, share=0.001, seed=0)

    assert tiny is not None
    assert np.bincount(dataset.target[tiny]).tolist() == [2] * 10
    assert (
        curves.choose_subset(load("points"), np.arange(195, 205), share=0.1, seed=0)
        is None
    )


def test_a_learning_curve_learns_from_growing_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parts are a tenth, a fifth, two fifths and seven tenths of the 320 training rows."""
    # A busy machine may take longer than the budget of a curve.
    monkeypatch.setattr(curves, "CURVE_BUDGET_S", float("inf"))
    training_run, trained = train("naive_bayes --task points", tmp_path)
    points = curves.measure_learning_curve(training_run, trained.rows)
    assert [n_rows for n_rows, _, _ in points] == [32, 64, 128, 224]
    assert all(0.9 <= score <= 1 for _, *scores in points for score in scores)


def test_sizes_that_cannot_be_learnt_from_are_left_out(tmp_path: Path) -> None:
    """Sizes with fewer training rows than neighbours to ask are left out."""
    training_run, trained = train(
        "knn --task wine --neighbors 60 --weights distance", tmp_path
    )
    assert [
        n_rows
        for n_rows, _, _ in curves.measure_learning_curve(training_run, trained.rows)
    ] == [100]


def test_explained_variance_is_scikit_learns() -> None:
    """The explained variance is scikit-learn's for every number of components, up to all of them."""
    dataset = load("wine")
    rows = split(dataset, seed=0, needs_validation=False)
    train_features = dataset.features[rows.train]
    shares = curves.measure_explained_variance(
        Components(dataset, rows, n_components=2), train_features
    )
    pca = PCA().fit(StandardScaler().fit_transform(train_features.astype(np.float64)))
    np.testing.assert_allclose(
        shares, np.cumsum(pca.explained_variance_ratio_), rtol=1e-5
    )


def test_what_is_under_encoding_and_calibration_is_found(tmp_path: Path) -> None:
    """A tree on the encoded columns is found, and the probabilities that it gave before the temperature."""
    generator = np.random.default_rng(0)
    lines = ["size,colour,class"]

    for number in range(200):
        colour = "" if number % 17 == 0 else ("red", "green")[number % 2]
        lines.append(
            f"{generator.normal() + number % 2:.3f},{colour},{('no', 'yes')[number % 2]}"
        )

    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = (
        "decision_tree",
        "--task",
        "own",
        "--data",
        str(tmp_path / "table.csv"),
        "--target",
        "class",
    )
    _, trained = train((*words, "--max-depth", "2"), tmp_path)
    drawn = DrawnModel(trained)
    assert isinstance(drawn.source, DecisionTreeClassifier)
    assert drawn.encoded.feature_names == ("size", "colour=green", "colour=red")
    shares = drawn.source.predict_proba(drawn.encoded.features[drawn.rows.held_out])
    n_votes = len(drawn.rows.train)
    expected = (n_votes * shares + 1 / 2) / (n_votes + 1)  # a vote is cast for both
    np.testing.assert_allclose(drawn.uncalibrated, expected, rtol=1e-9)


def test_the_lowest_validation_loss_is_marked() -> None:
    """The lowest validation loss is marked, and a loss that is not a number is passed over."""
    losses = {
        "train": np.array([3.0, 2.0, 1.0]),
        "validation": np.array([np.nan, 2.0, 2.5]),
    }
    axes = learning_figures.draw_losses(
        losses, np.array([1, 2, 3]), unit="nats", about="model"
    ).axes[0]
    (mark,) = [
        line for line in axes.lines if str(line.get_label()).startswith("lowest")
    ]

    assert mark.get_label() == "lowest on validation rows: epoch 2"
    assert mark.get_xydata().tolist() == [[2.0, 2.0]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "nats")


def test_a_matrix_shows_every_count_but_zeros() -> None:
    """Matrices of up to 30 classes show every count but zeros; larger ones have no room for numbers."""
    counts = np.array([[5, 0], [1, 3]])
    words: dict[str, Any] = {
        "title": "Confusion",
        "about": "model",
        "x": "predicted",
        "y": "true",
        "has_diagonal": True,
    }
    axes = panels.draw_matrix(counts, ("a", "b"), ("a", "b"), **words).axes[0]

    assert sorted(text.get_text() for text in axes.texts) == ["1", "3", "5"]
    names = [f"class {number}" for number in range(31)]
    many = panels.draw_matrix(np.eye(31, dtype=int), names, names, **words).axes[0]
    assert len(many.texts) == 0
    assert [tick.get_text() for tick in many.get_yticklabels()] == names


def test_a_cluster_is_not_right_for_its_number(tmp_path: Path) -> None:
    """A cluster whose number is the name of a class is shaded as any other, by its share of the row alone."""
    drawn = DrawnModel(
        train("kmeans --task digits --clusters 10 --starts 1", tmp_path)[1]
    )
    figures_by_name = dict(draw.draw_clusterer(drawn))
    (cells,) = figures_by_name["cluster_classes"].axes[0].collections
    colours = np.asarray(cells.get_facecolor())

    assert len(colours) == 10 * 10
    assert (colours[:, 0] <= colours[:, 2]).all(), "each is blue or grey"


@pytest.mark.parametrize(
    ("of_all", "scale", "lowest"), [(0.8, "linear", -0.5), (-1.1e5, "symlog", None)]
)
def test_a_learning_curve_shows_scores_of_any_size(
    of_all: float, scale: str, lowest: float | None
) -> None:
    """A bad score of few rows does not squeeze the good ones; after an explosion the bad ones are what is shown."""
    points = np.array([[16, 0.5, -3e4], [32, 0.7, 0.6], [160, 0.9, of_all]])
    axes = learning_figures.draw_learning_curve(
        points, metric="r2", interval=Metric(value=of_all, interval=None), about="model"
    ).axes[0]

    low, high = axes.get_ylim()
    assert axes.get_yscale() == scale
    assert low < of_all < high
    if lowest is not None:
        assert (low, high) == pytest.approx((lowest, 1.075))
