"""Models that scikit-learn, LightGBM and torch have made are adopted, and served like our own."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from skl2onnx import convert_sklearn, to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from service.models.model import Model
from tables.reader import as_whole, name_values, read_table
from tests.support.foreign_models import (
    FLOWERS,
    adopt,
    make_flowers,
    write_csv,
    write_flowers,
)
from tests.support.server import ROOT

FEATURES, KINDS = make_flowers()
CODES = np.array([FLOWERS.index(kind) for kind in KINDS])


def save(path: Path, model: onnx.ModelProto) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def export(path: Path, fitted: Any, **options: Any) -> Path:
    """Writes a fitted estimator of four features as skl2onnx exports it."""
    chosen = {id(fitted): options} if options else None
    return save(path, to_onnx(fitted, FEATURES[:1], options=chosen))


def load(path: Path) -> Model:
    """Returns the model as a service loads it, which checks the card, the graph and the stored rows."""
    model = Model.load(path)
    assert model is not None
    return model


def read_rows(path: Path) -> tuple[NDArray[np.float32], list[str]]:
    lines = [each.split(",") for each in path.read_text().splitlines()[1:]]
    return np.array([each[:-1] for each in lines], np.float32), [e[-1] for e in lines]


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    return write_flowers(tmp_path)


@pytest.mark.parametrize(
    ("estimator", "options"),
    [
        pytest.param(LogisticRegression(), {}, id="maps of class names"),
        pytest.param(LogisticRegression(), {"zipmap": False}, id="a tensor"),
        pytest.param(RandomForestClassifier(9, random_state=0), {}, id="a forest"),
    ],
)
def test_a_classifier_of_scikit_learn_is_served_as_it_was(
    tmp_path: Path, flowers: Path, estimator: Any, options: dict[str, Any]
) -> None:
    """Its labels and probabilities are those of the estimator, and its card has the accuracy of these."""
    estimator.fit(FEATURES, KINDS)
    path = export(tmp_path / "theirs.onnx", estimator, **options)

    words = ("--task", "flowers", "--data", flowers, "--target", "kind")
    assert adopt(path, *words, "--output", tmp_path) == 0

    model = load(tmp_path / "flowers-theirs.onnx")
    rows, truth = read_rows(flowers)
    label, probabilities = model.run(
        model.encode([list(map(float, each)) for each in rows])
    )
    expected = estimator.predict_proba(rows)
    assert model.classes == FLOWERS
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert [FLOWERS[each] for each in label] == list(estimator.predict(rows))
    accuracy = float(np.mean(estimator.predict(rows) == np.array(truth)))
    assert model.card.metrics["accuracy"].value == pytest.approx(accuracy)
    assert model.card.metrics["accuracy"].interval is not None
    assert model.card.parity.rows == len(rows)
    assert model.card.parity.unequal_labels == 0


def test_the_card_says_that_it_was_learnt_elsewhere(
    tmp_path: Path, flowers: Path
) -> None:
    """The card knows no learnt row, and its summary names the file and what exported it."""
    path = export(tmp_path / "lr.onnx", LogisticRegression().fit(FEATURES, KINDS))
    words = ("--task", "flowers", "--data", flowers, "--target", "kind")
    adopt(path, *words, "--output", tmp_path)

    card = load(tmp_path / "flowers-lr.onnx").card

    assert card.summary.startswith(
        "learnt elsewhere and adopted from lr.onnx (skl2onnx"
    )
    assert card.provenance.split == {"train": 0, "validation": 0, "held_out": 60}
    assert card.train_metrics is None
    assert card.provenance.command == (
        "python -m training.adopt lr.onnx --task flowers --data flowers.csv --target kind --family lr "
        "--licence 'not stated'"
    )


def test_a_regressor_answers_its_value(tmp_path: Path) -> None:
    """One number a row is the value of a target of numbers, and the card has its R2."""
    target = FEATURES @ np.array([1, 2, 3, 4], np.float32)
    fitted = LinearRegression().fit(FEATURES, target)
    rows = [[*row, value] for row, value in zip(FEATURES, target, strict=True)]
    table = write_csv(tmp_path / "t.csv", ["a", "b", "c", "d", "price"], rows)
    path = export(tmp_path / "line.onnx", fitted)

    words = ("--task", "prices", "--data", table, "--target", "price")
    assert adopt(path, *words, "--output", tmp_path) == 0

    model = load(tmp_path / "prices-line.onnx")
    assert model.card.kind == "regressor"
    assert model.card.target == "price"
    assert model.card.metrics["r2"].value == pytest.approx(1, abs=1e-5)


def make_passengers(n_rows: int = 200) -> list[list[Any]]:
    """Returns rows of age, fare, sex, port and whether they live, a tenth of the fares missing."""
    generator = np.random.default_rng(3)
    rows = []
    for number in range(n_rows):
        age, sex = int(generator.integers(1, 90)), ("female", "male")[number % 2]
        fare = "" if number % 10 == 0 else round(float(generator.gamma(2, 20)), 2)
        lives = generator.random() < (0.8 if sex == "female" else 0.2)
        rows.append([age, fare, sex, "CQS"[number % 3], "yes" if lives else "no"])
    return rows


def export_passengers(path: Path, rows: list[list[Any]]) -> Path:
    """Writes a pipeline with one typed input for each column, which fills what is missing itself."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    texts = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer([("n", numbers, [0, 1]), ("t", texts, [2, 3])])
    pipeline = make_pipeline(columns, LogisticRegression())
    given = [[row[0], np.nan if row[1] == "" else row[1], *row[2:4]] for row in rows]
    pipeline.fit(np.array(given, dtype=object), [row[4] for row in rows])
    types = [
        ("age", FloatTensorType([None, 1])),
        ("fare", FloatTensorType([None, 1])),
        ("sex", StringTensorType([None, 1])),
        ("port", StringTensorType([None, 1])),
    ]

    return save(path, convert_sklearn(pipeline, initial_types=types, target_opset=18))


def test_a_pipeline_of_typed_columns_takes_rows_by_name(tmp_path: Path) -> None:
    """Texts are categories with the values that its encoder knows, and a gap that it fills may be sent as null."""
    rows = make_passengers()
    path = export_passengers(tmp_path / "pipe.onnx", rows)
    known = [row for row in rows if row[3] != "Q"]
    names = ["fare", "note", "age", "port", "sex", "lives"]
    moved = [[row[1], "x", row[0], row[3], row[2], row[4]] for row in known]
    table = write_csv(tmp_path / "test.csv", names, moved)

    words = ("--task", "ship", "--data", table, "--target", "lives")
    assert adopt(path, *words, "--output", tmp_path) == 0

    model = load(tmp_path / "ship-pipe.onnx")
    features = {each.name: each for each in model.card.input.features}
    assert list(features) == ["fare", "age", "port", "sex"]
    assert features["port"].values == ("C", "Q", "S")
    inputs = model.encode([{"age": 30, "fare": None, "sex": "male", "port": "Q"}])
    session = onnxruntime.InferenceSession(path)
    expected = session.run(
        None,
        {
            "age": np.array([[30]], np.float32),
            "fare": np.array([[np.nan]], np.float32),
            "sex": np.array([["male"]]),
            "port": np.array([["Q"]]),
        },
    )[1][0]
    np.testing.assert_allclose(
        model.run(inputs)[1][0], [expected["no"], expected["yes"]], atol=1e-6
    )


def test_rows_that_it_cannot_answer_are_set_aside_and_counted(
    tmp_path: Path, flowers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row without a value that the graph needs is not fatal: the others are measured, and the number is said."""
    path = export(tmp_path / "lr.onnx", LogisticRegression().fit(FEATURES, KINDS))
    with flowers.open("a", encoding="utf-8") as file:
        file.write("1.0,,1.0,1.0,setosa\n1.0,1.0,1.0,1.0,\n")

    words = ("--task", "flowers", "--data", flowers, "--target", "kind")
    assert adopt(path, *words, "--output", tmp_path) == 0

    said = capsys.readouterr().out
    assert "rows without a value that it needs are set aside: 1" in said
    assert "rows without a 'kind' are left out: 1" in said
    assert load(tmp_path / "flowers-lr.onnx").card.parity.rows == 60


class Network(torch.nn.Module):
    """A network of rows that answers logits."""

    def __init__(self) -> None:
        super().__init__()
        self.line = torch.nn.Linear(4, 3)
        fitted = LogisticRegression().fit(FEATURES, CODES)
        with torch.no_grad():
            self.line.weight.copy_(torch.tensor(fitted.coef_))
            self.line.bias.copy_(torch.tensor(fitted.intercept_))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.line(rows)
        return scores


def export_torch(path: Path, module: torch.nn.Module, example: torch.Tensor) -> Path:
    """Writes a module with a free number of rows."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    shapes = ({0: torch.export.Dim("n")},)
    torch.onnx.export(
        module.eval(),
        (example,),
        path,
        dynamo=True,
        dynamic_shapes=shapes,
        verbose=False,
    )
    return path


def test_logits_of_torch_become_probabilities(
    tmp_path: Path, flowers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scores that do not sum to 1 are taken for logits, which is said, and the classes are those that are named."""
    network = Network()
    path = export_torch(tmp_path / "net.onnx", network, torch.tensor(FEATURES[:2]))

    words = ("--task", "flowers", "--data", flowers, "--target", "kind")
    assert adopt(path, *words, "--output", tmp_path, "--classes", *FLOWERS) == 0

    assert "softmax is put behind them" in capsys.readouterr().out
    model = load(tmp_path / "flowers-net.onnx")
    rows, _ = read_rows(flowers)
    with torch.inference_mode():
        expected = network(torch.tensor(rows)).softmax(dim=1).numpy()
    np.testing.assert_allclose(model.run(rows)[1], expected, atol=1e-5)


def test_boosted_trees_of_lightgbm_are_adopted(tmp_path: Path, flowers: Path) -> None:
    """A file of onnxmltools, of opset 9 and with maps, answers as LightGBM does."""
    lightgbm = pytest.importorskip("lightgbm")
    onnxmltools = pytest.importorskip("onnxmltools")
    from onnxmltools.convert.common.data_types import FloatTensorType as Floats

    trees = lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=5, verbose=-1)
    trees.fit(FEATURES, CODES)
    types = [("input", Floats([None, 4]))]
    exported = onnxmltools.convert_lightgbm(trees, initial_types=types)
    path = save(tmp_path / "lgbm.onnx", exported)

    words = ("--task", "flowers", "--data", flowers, "--target", "kind")
    assert adopt(path, *words, "--output", tmp_path, "--classes", *FLOWERS) == 0

    rows, _ = read_rows(flowers)
    model = load(tmp_path / "flowers-lgbm.onnx")
    expected = trees.booster_.predict(rows)
    np.testing.assert_allclose(model.run(rows)[1], expected, atol=1e-5)


def test_a_second_model_of_a_task_fits_beside_the_first(
    tmp_path: Path, flowers: Path
) -> None:
    """Features and classes take the order of the task's other file, since a service compares what is alike."""
    words = ("--task", "flowers", "--target", "kind", "--output", tmp_path / "my")
    first = export(tmp_path / "first.onnx", LogisticRegression().fit(FEATURES, KINDS))
    adopt(first, *words, "--data", flowers)
    rows, truth = read_rows(flowers)
    moved = [[*row[::-1], kind] for row, kind in zip(rows, truth, strict=True)]
    other = write_csv(tmp_path / "other.csv", ["d", "c", "b", "a", "kind"], moved)
    forest = RandomForestClassifier(5, random_state=0).fit(FEATURES[:, ::-1], KINDS)
    second = export(tmp_path / "second.onnx", forest)

    assert adopt(second, *words, "--data", other) == 0

    model = load(tmp_path / "my" / "flowers-second.onnx")
    assert [each.name for each in model.card.input.features] == ["a", "b", "c", "d"]
    expected = forest.predict_proba(rows[:, ::-1])
    np.testing.assert_allclose(model.run(rows)[1], expected, atol=1e-5)


def test_another_file_of_the_name_is_kept_unless_it_is_replaced(
    tmp_path: Path, flowers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file with other figures stands until `--replace`; the same file is written again without a word."""
    words = ("--task", "flowers", "--target", "kind", "--output", tmp_path / "my")
    words = (*words, "--data", flowers, "--family", "best")
    first = export(tmp_path / "first.onnx", LogisticRegression().fit(FEATURES, KINDS))
    second = export(
        tmp_path / "second.onnx", LogisticRegression(C=0.1).fit(FEATURES, KINDS)
    )
    assert [adopt(first, *words), adopt(first, *words)] == [0, 0]
    content = (tmp_path / "my" / "flowers-best.onnx").read_bytes()

    assert adopt(second, *words) == 1

    assert "--replace replaces it" in capsys.readouterr().err
    assert (tmp_path / "my" / "flowers-best.onnx").read_bytes() == content
    assert adopt(second, *words, "--replace") == 0
    assert (tmp_path / "my" / "flowers-best.onnx").read_bytes() != content


def answer_twice(model: onnx.ModelProto) -> onnx.ModelProto:
    """Returns the model with the output `z` too, its probabilities times one."""
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, [None, 3])
    model.graph.node.append(helper.make_node("Mul", ["probabilities", "one"], ["z"]))
    model.graph.initializer.append(one)
    model.graph.output.append(z)

    return model


def make_refused(tmp_path: Path, what: str) -> tuple[Path, list[str]]:
    """Returns a file that is refused, and the words that it is refused for."""
    path = tmp_path / f"{what}.onnx"
    if what == "margins":
        return export(path, LinearSVC().fit(FEATURES, KINDS)), []
    if what == "numbered":
        return export(path, LogisticRegression().fit(FEATURES, CODES)), []
    if what == "wide":
        fitted = LogisticRegression().fit(FEATURES[:, :3], KINDS)
        return save(path, to_onnx(fitted, FEATURES[:1, :3])), []
    if what == "unknown":
        few = KINDS != "virginica"
        return export(path, LogisticRegression().fit(FEATURES[few], KINDS[few])), []
    if what == "pipe":
        os.mkfifo(path)
        return path, []
    if what == "misspelt":
        words = ["--exclude", "aa"]
        return export(path, LogisticRegression().fit(FEATURES, KINDS)), words
    if what == "garbage":
        path.write_bytes(b"no model at all")
        return path, []

    model = to_onnx(LogisticRegression().fit(FEATURES, KINDS), FEATURES[:1])
    if what == "foreign":
        model.graph.node.append(
            helper.make_node("FusedThing", ["X"], ["z"], domain="com.microsoft")
        )
        return save(path, model), []

    fitted = LogisticRegression().fit(FEATURES, KINDS)
    if what == "columns":
        options: dict[str, object] = {"zipmap": "columns"}
        return save(path, to_onnx(fitted, FEATURES[:1], options=options)), []

    return save(
        path, answer_twice(to_onnx(fitted, FEATURES[:1], options={"zipmap": False}))
    ), []


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (
            "margins",
            "has margins from .* and no probabilities: .* say --scores logits or --scores votes",
        ),
        (
            "numbered",
            "does not know the class 'setosa' .* --classes setosa versicolor virginica names them",
        ),
        (
            "wide",
            "takes 3 features, and flowers.csv has 4 columns besides 'kind' .* --exclude COLUMN",
        ),
        (
            "unknown",
            r"does not know the class 'virginica' \(line 4 and 19 more rows\), only setosa, versicolor",
        ),
        ("misspelt", "--exclude aa: flowers.csv has no such column"),
        ("garbage", "garbage.onnx: expected an ONNX file"),
        ("pipe", "pipe.onnx: expected an ONNX file, got a pipe: write"),
        ("foreign", r"not ONNX's own \(com.microsoft.FusedThing\): export it without"),
        (
            "columns",
            "ssetosa, sversicolor, svirginica hold the probability of one class each, .* with skl2onnx by zipmap=False",
        ),
        (
            "twice",
            "probabilities, z may each be the scores: choose with --outputs NAME",
        ),
    ],
)
def test_a_refusal_says_what_would_work(
    tmp_path: Path,
    flowers: Path,
    capsys: pytest.CaptureFixture[str],
    what: str,
    why: str,
) -> None:
    """One sentence names what came and the option or export that mends it, and nothing is written."""
    path, further = make_refused(tmp_path, what)
    words = ("--task", "flowers", "--data", flowers, "--target", "kind", *further)

    assert adopt(path, *words, "--output", tmp_path / "my") == 1

    said = capsys.readouterr().err
    assert said.startswith("not adopted: ")
    assert len(said.splitlines()) == 1
    assert re.search(why, said) is not None, said
    assert not (tmp_path / "my").exists()


def normalise_over_rows(path: Path, *, how: str) -> Path:
    """Writes a network whose rows hang together, by what is subtracted from them or divides them."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, [4, 3], [*range(12)])
    mean = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0]),
        helper.make_node("Sub", ["x", "mean"], ["centred"]),
        helper.make_node("MatMul", ["centred", "w"], ["scores"]),
    ]
    largest = [
        helper.make_node("ReduceMax", ["x"], ["largest"], axes=[0]),
        helper.make_node("Div", ["x", "largest"], ["shares"]),
        helper.make_node("MatMul", ["shares", "w"], ["scores"]),
    ]
    graph = helper.make_graph(
        mean if how == "mean" else largest,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])],
        [weights],
    )
    opsets = [helper.make_opsetid("", 17)]
    return save(path, helper.make_model(graph, opset_imports=opsets, ir_version=8))


@pytest.mark.parametrize("how", ["mean", "largest"])
def test_rows_that_hang_together_are_refused(
    tmp_path: Path, flowers: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    """A network that was exported while it learns would answer one row otherwise than it was measured on many."""
    path = normalise_over_rows(tmp_path / "learning.onnx", how=how)
    words = ("--task", "flowers", "--data", flowers, "--target", "kind")
    more = ("--classes", *FLOWERS, "--scores", "logits")

    assert adopt(path, *words, *more, "--output", tmp_path / "my") == 1

    said = capsys.readouterr().err
    assert re.search(
        r"learning.onnx: it answers a row of the data by \S+ where it is asked alone, and by \S+ among others, .*"
        r"model\.eval\(\) before",
        said,
    )
    assert not (tmp_path / "my").exists()


def test_margins_are_adopted_as_votes_by_wish(tmp_path: Path, flowers: Path) -> None:
    """The label alone counts with `--scores votes`, with the probability 1."""
    fitted = LinearSVC().fit(FEATURES, KINDS)
    path = export(tmp_path / "svc.onnx", fitted)
    words = ("--task", "flowers", "--data", flowers, "--target", "kind")

    assert adopt(path, *words, "--output", tmp_path, "--scores", "votes") == 0

    rows, _ = read_rows(flowers)
    label, probabilities = load(tmp_path / "flowers-svc.onnx").run(rows)
    assert [FLOWERS[each] for each in label] == list(fitted.predict(rows))
    assert set(np.unique(probabilities)) == {0, 1}


def test_a_refusal_loads_neither_scikit_learn_nor_torch(
    tmp_path: Path, flowers: Path
) -> None:
    """A refusal is said before anything slow is imported."""
    path, _ = make_refused(tmp_path, "margins")
    words = [path, "--task", "flowers", "--data", flowers, "--target", "kind"]
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "training.adopt", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    loaded = {line.rpartition("|")[2].strip() for line in finished.stderr.splitlines()}

    assert finished.returncode == 1
    assert "onnxruntime" in loaded
    assert not {"sklearn", "scipy", "torch", "matplotlib"} & loaded


def make_softmax(
    *, takes: int = TensorProto.FLOAT, answers: int = TensorProto.FLOAT
) -> onnx.ModelProto:
    """Returns a classifier of three classes of four numbers, whose constants a branch of its own uses."""
    weights = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    free = helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)
    score = helper.make_node("MatMul", ["plain", "weights"], ["scores"])
    branch = helper.make_graph([score], "branch", [], [free])
    nodes = [
        helper.make_node("Cast", ["x"], ["plain"], to=TensorProto.FLOAT),
        helper.make_node(
            "If", ["always"], ["s"], then_branch=branch, else_branch=branch
        ),
        helper.make_node("Softmax", ["s"], ["p"], axis=1),
        helper.make_node("Cast", ["p"], ["probabilities"], to=answers),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", takes, ["n", 4])],
        [helper.make_tensor_value_info("probabilities", answers, ["n", 3])],
        [
            onnx.numpy_helper.from_array(weights, "weights"),
            onnx.numpy_helper.from_array(np.array([1]) == 1, "always"),
        ],
    )
    opsets = [helper.make_opsetid("", 18)]

    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


@pytest.mark.parametrize(
    ("takes", "answers"),
    [
        pytest.param(TensorProto.FLOAT, TensorProto.FLOAT, id="a branch"),
        pytest.param(TensorProto.FLOAT, TensorProto.FLOAT16, id="half precision"),
        pytest.param(TensorProto.UINT16, TensorProto.FLOAT, id="uint16"),
        pytest.param(TensorProto.UINT32, TensorProto.FLOAT, id="uint32"),
        pytest.param(TensorProto.UINT64, TensorProto.FLOAT, id="uint64"),
    ],
)
def test_graphs_of_other_types_answer_as_they_did(
    tmp_path: Path, takes: int, answers: int
) -> None:
    """Constants that branches use, halves whose sum is nearly 1 and unsigned numbers change no probability."""
    rows = np.random.default_rng(1).integers(0, 9, (60, 4))
    path = save(tmp_path / "other.onnx", make_softmax(takes=takes, answers=answers))
    dtype = helper.tensor_dtype_to_np_dtype(takes)
    (expected,) = onnxruntime.InferenceSession(path).run(
        None, {"x": rows.astype(dtype)}
    )
    truth = [FLOWERS[each] for each in expected.argmax(axis=1)]
    table = write_csv(
        tmp_path / "t.csv",
        ["a", "b", "c", "d", "kind"],
        [[*row, kind] for row, kind in zip(rows.tolist(), truth, strict=True)],
    )

    words = ("--task", "t", "--data", table, "--target", "kind", "--output", tmp_path)
    assert adopt(path, *words, "--classes", *FLOWERS) == 0

    model = load(tmp_path / "t-other.onnx")
    _, probabilities = model.run(model.encode(rows.tolist()))
    tolerance = 1e-3 if answers == TensorProto.FLOAT16 else 1e-5
    order = [FLOWERS.index(each) for each in model.classes or ()]
    np.testing.assert_allclose(
        probabilities, expected[:, order].astype(np.float32), atol=tolerance
    )


@pytest.mark.parametrize(
    ("takes", "reason"),
    [
        (TensorProto.BOOL, "column 'a' has 300 where the input x bool (n, 4) of"),
        (TensorProto.UINT8, "whole numbers from 0 to 255: give another column"),
    ],
)
def test_numbers_that_a_type_cannot_hold_are_no_guess(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], takes: int, reason: str
) -> None:
    """A column beyond the type of its input is refused, where a cast would make other numbers of it."""
    path = save(tmp_path / "other.onnx", make_softmax(takes=takes))
    rows = [[300, 1, 0, 1, FLOWERS[number % 3]] for number in range(60)]
    table = write_csv(tmp_path / "t.csv", ["a", "b", "c", "d", "kind"], rows)
    words = ("--task", "t", "--data", table, "--target", "kind", "--output", tmp_path)

    assert adopt(path, *words, "--classes", *FLOWERS) == 1
    assert reason in capsys.readouterr().err


def test_several_values_a_row_are_no_classes_of_a_measurement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A regressor of two targets is called one, and its target's numbers are not taken for unknown classes."""
    targets = FEATURES @ np.array([[1, 2], [0, 1], [3, 0], [0.5, 1]], np.float32)
    path = export(tmp_path / "two.onnx", LinearRegression().fit(FEATURES, targets))
    for scale, what in ((1, "fractions"), (1000, "different values")):
        numbers = (targets[:, 0] * scale).tolist()
        given = numbers if scale == 1 else map(round, numbers)
        rows = [[*row, each] for row, each in zip(FEATURES, given, strict=True)]
        table = write_csv(tmp_path / "t.csv", ["a", "b", "c", "d", "price"], rows)
        words = ("--task", "t", "--data", table, "--target", "price")

        assert adopt(path, *words, "--output", tmp_path) == 1
        said = capsys.readouterr().err
        assert "two.onnx answers 2 numbers a row, and the target 'price' is" in said
        assert what in said


def test_columns_in_another_order_than_learnt_are_suspected(
    tmp_path: Path, flowers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is right less often than its most frequent class is written, and says what may be wrong."""
    wrong = LogisticRegression().fit(-FEATURES, KINDS)
    words = ("--task", "flowers", "--data", flowers, "--target", "kind")
    words = (*words, "--output", tmp_path)

    assert adopt(export(tmp_path / "wrong.onnx", wrong), *words) == 0
    said = capsys.readouterr().out
    assert "on 33.3%: are its columns and classes in the order of the table?" in said
    right = LogisticRegression().fit(FEATURES, KINDS)
    assert adopt(export(tmp_path / "right.onnx", right), *words) == 0
    assert "in the order of the table" not in capsys.readouterr().out


def test_a_graph_of_a_later_opset_answers_as_it_did(
    tmp_path: Path, flowers: Path
) -> None:
    """An operator without a way back to our opset is taken as it is where that knows it."""
    forest = AdaBoostClassifier(n_estimators=5, random_state=0).fit(FEATURES, KINDS)
    model = to_onnx(forest, FEATURES[:1], target_opset={"": 21, "ai.onnx.ml": 3})
    path = save(tmp_path / "later.onnx", model)
    words = ("--task", "flowers", "--data", flowers, "--target", "kind")

    assert adopt(path, *words, "--output", tmp_path) == 0

    rows, _ = read_rows(flowers)
    adopted = load(tmp_path / "flowers-later.onnx")
    _, probabilities = adopted.run(adopted.encode(rows.tolist()))
    np.testing.assert_allclose(probabilities, forest.predict_proba(rows), atol=1e-5)


def test_percentages_are_no_logits(
    tmp_path: Path, flowers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scores that sum to 100 in each row would be other probabilities behind softmax."""
    model = make_softmax()
    hundred = onnx.numpy_helper.from_array(np.array(100, np.float32), "hundred")
    model.graph.initializer.append(hundred)
    model.graph.node.append(
        helper.make_node("Mul", ["probabilities", "hundred"], ["percent"])
    )
    del model.graph.output[:]
    model.graph.output.append(
        helper.make_tensor_value_info("percent", TensorProto.FLOAT, ["n", 3])
    )
    path = save(tmp_path / "percent.onnx", model)
    words = ("--task", "flowers", "--data", flowers, "--target", "kind")

    assert adopt(path, *words, "--output", tmp_path, "--classes", *FLOWERS) == 1
    assert "rows that sum to 100 each, as percentages" in capsys.readouterr().err


def test_a_table_may_lie_in_an_archive(tmp_path: Path, flowers: Path) -> None:
    """An archive has a table in it, and no images, where a target is named."""
    path = export(tmp_path / "lr.onnx", LogisticRegression().fit(FEATURES, KINDS))
    packed = tmp_path / "flowers.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(flowers, "flowers.csv")
    words = ("--task", "flowers", "--data", packed, "--target", "kind")
    assert adopt(path, *words, "--output", tmp_path) == 0


def test_names_that_an_encoder_does_not_know_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Capitals make other names, which the graph takes for none of its own."""
    rows = make_passengers()
    path = export_passengers(tmp_path / "pipe.onnx", rows)
    named = [[row[0], row[1], row[2].upper(), row[3], row[4]] for row in rows]
    names = ["age", "fare", "sex", "port", "lives"]
    table = write_csv(tmp_path / "test.csv", names, named)
    words = ("--task", "ship", "--data", table, "--target", "lives")

    assert adopt(path, *words, "--output", tmp_path) == 0
    assert "sex: its encoder does not know FEMALE, MALE" in capsys.readouterr().out


def test_a_mean_over_trees_is_no_probability_over_one(
    tmp_path: Path, flowers: Path
) -> None:
    """Twenty shares that are added in float32 make a little more than 1, which is answered as 1."""
    forest = RandomForestClassifier(20, random_state=0).fit(FEATURES, KINDS)
    path = export(tmp_path / "rf.onnx", forest, zipmap=False)
    rows, _ = read_rows(flowers)
    rows = np.vstack([rows, FEATURES]).astype(np.float32)
    assert onnxruntime.InferenceSession(path).run(None, {"X": rows})[1].max() > 1
    table = write_csv(
        tmp_path / "all.csv",
        ["a", "b", "c", "d", "kind"],
        [[*row, kind] for row, kind in zip(FEATURES, KINDS, strict=True)],
    )
    words = ("--task", "flowers", "--data", table, "--target", "kind")
    assert adopt(path, *words, "--output", tmp_path) == 0

    adopted = load(tmp_path / "flowers-rf.onnx")
    label, probabilities = adopted.run(adopted.encode(rows.tolist()))
    assert probabilities.max() == 1
    np.testing.assert_allclose(probabilities, forest.predict_proba(rows), atol=1e-6)
    assert np.array_equal(label, probabilities.argmax(axis=1))


@pytest.mark.parametrize(
    "names",
    [("True", "False"), ("León ", "Ávila"), ("1.0", "2.0"), ("10.50", "7.0")],
)
def test_a_graph_s_names_are_found_as_tables_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], names: tuple[str, str]
) -> None:
    """The graph gets the texts that it has learnt, where the reader of tables calls them otherwise."""
    generator = np.random.default_rng(0)
    numbers = generator.normal(size=120).round(3)
    texts = [names[row % 2] for row in range(120)]
    truth = [
        names[int(number > (0.8 if text == names[0] else -0.8))]
        for number, text in zip(numbers, texts, strict=True)
    ]
    given = np.array(list(zip(numbers, texts, strict=True)), dtype=object)
    columns = ColumnTransformer(
        [("t", OneHotEncoder(handle_unknown="ignore"), [1])], remainder="passthrough"
    )
    pipeline = make_pipeline(columns, LogisticRegression(C=100)).fit(given, truth)
    types = [
        ("size", FloatTensorType([None, 1])),
        ("word", StringTensorType([None, 1])),
    ]
    path = save(tmp_path / "pipe.onnx", convert_sklearn(pipeline, initial_types=types))
    rows = list(zip(numbers, texts, truth, strict=True))
    table = write_csv(tmp_path / "test.csv", ["size", "word", "kind"], rows)

    words = ("--task", "words", "--data", table, "--target", "kind")
    assert adopt(path, *words, "--output", tmp_path) == 0
    assert "does not know" not in capsys.readouterr().out

    frame = read_table(table).frame
    model = load(tmp_path / "words-pipe.onnx")
    asked = zip(frame["size"], name_values(as_whole(frame["word"])), strict=True)
    label, _ = model.run(model.encode([list(each) for each in asked]))
    assert model.card.classes is not None
    spelt = dict(zip(name_values(as_whole(frame["kind"])), truth, strict=True))
    said = [spelt[model.card.classes[each]] for each in label]
    assert said == pipeline.predict(given).tolist()


def test_values_of_tanh_are_no_logits(
    tmp_path: Path, flowers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A network that answers from -1 to 1 would be unsure of every row behind softmax; a person may say otherwise."""
    network = torch.nn.Sequential(Network(), torch.nn.Tanh())
    path = export_torch(tmp_path / "tanh.onnx", network, torch.tensor(FEATURES[:8]))
    words = ("--task", "flowers", "--data", flowers, "--target", "kind")
    words = (*words, "--output", tmp_path, "--classes", *FLOWERS)

    assert adopt(path, *words) == 1
    assert (
        "comes from Tanh, whose values -1 to 1 are no logits" in capsys.readouterr().err
    )
    assert adopt(path, *words, "--scores", "logits") == 0
