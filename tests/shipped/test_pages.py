"""The pages under `docs/` are true: each of their commands is run, or at least understood, by a test of this file."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import fields
from pathlib import Path

import pytest
from PIL import Image

from evaluation.__main__ import main as evaluate
from service.settings import Settings
from tests.support.documents import (
    DOCUMENTS,
    ROOT,
    address,
    find_answered,
    find_code,
    find_commands,
    read_document,
    run_curl,
)
from tests.support.model_folders import link_models
from tests.support.server import Server
from training.__main__ import main as train
from training.arguments.command import parse
from training.data import datasets

TRAIN = ".venv/bin/python -m training "
EVALUATE = ".venv/bin/python -m evaluation "
PAGES = (
    "README.md",
    *(
        f"docs/{name}.md"
        for name in ("predict", "train", "judge", "quick-start", "compare")
    ),
)
ASKING = ("docs/predict.md", "docs/quick-start.md", "docs/compare.md", "docs/judge.md")
"""Each curl of these pages is answered by a server of the shipped models."""
PREDICT = read_document("docs/predict.md")
JUDGE = read_document("docs/judge.md")
DIGITS = ROOT / "exported_models" / "digits.held_out.csv"
DEPLOY = [path for path in DOCUMENTS if path.startswith("docs/deploy/")]
ANSWERED = [
    pair
    for text in (PREDICT, *map(read_document, DEPLOY))
    for pair in find_answered(text)
]


def commands_of(*pages: str, start: str) -> list[str]:
    """Returns the commands of these pages that begin so, without their beginning."""
    found = [each for page in pages for each in find_commands(read_document(page))]
    return [each.removeprefix(start) for each in found if each.startswith(start)]


def round_numbers(value: str) -> str:
    """Returns the text with its long numbers at five digits: the last ones of float32 may differ."""
    return re.sub(r"\d\.\d{6,}", lambda number: f"{float(number[0]):.5f}", value)


@pytest.mark.parametrize(("command", "answer"), ANSWERED)
def test_a_curl_gives_its_answer(server: Server, command: str, answer: str) -> None:
    """A real server gives the answer that is shown."""
    found = json.loads(round_numbers(run_curl(command, server)))
    assert found == json.loads(round_numbers(answer))


@pytest.mark.parametrize("command", commands_of(*ASKING, start="curl "))
def test_a_curl_is_answered(server: Server, command: str, tmp_path: Path) -> None:
    """The answer is a JSON document without an error, or a picture."""
    Image.new("RGB", (64, 48), "grey").save(tmp_path / "cat.jpg")
    Image.new("RGB", (40, 60), "red").save(tmp_path / "car.png")
    (tmp_path / "exported_models").symlink_to(ROOT / "exported_models")

    printed = run_curl(f"curl {command}", server, tmp_path)

    if " -o " in command:
        Image.open(tmp_path / "seen.png").load()
    else:
        assert "error" not in json.loads(printed)


def test_the_triton_example_runs(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Triton's client prints the label and the probabilities."""
    (code,) = find_code(PREDICT, "python")
    exec(address(code, server), {})
    assert "[1] [[" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    commands_of("README.md", "docs/train.md", "docs/quick-start.md", start=TRAIN),
)
def test_a_training_command_is_understood(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line takes its words, where the folders that it names are there."""
    monkeypatch.chdir(tmp_path)
    for folder in re.findall(r"(\w+)/(?: |$)", command):
        Path(folder).mkdir()

    assert parse(shlex.split(command)).family


def test_the_python_of_the_quick_start_runs(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Python of the quick start needs no installation, and prints the class."""
    (code,) = find_code(read_document("docs/quick-start.md"), "python")
    exec(address(code, server), {})
    assert capsys.readouterr().out == "['orange']\n"


def test_the_csv_of_the_quick_start_is_answered(server: Server) -> None:
    """The two lines of CSV below the header are answered as two rows."""
    (command,) = commands_of("docs/quick-start.md", start="printf ")
    answer = json.loads(run_curl(f"printf {command}", server))
    assert answer["predictions"] == ["orange", "blue"]


def test_the_numbers_that_explain_a_comparison_are_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The functions of `stats` print what the page shows below them."""
    text = read_document("docs/compare.md")
    (code,), (shown,) = find_code(text, "python"), find_code(text, "text")
    exec(code, {})
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize(
    "fewer", [["--epochs", "20"], pytest.param([], marks=pytest.mark.long)]
)
def test_the_training_of_one_family_runs(tmp_path: Path, fewer: list[str]) -> None:
    """The command writes the file and the pictures that the page says, after fewer epochs as after all of them."""
    (command,) = [
        each for each in commands_of("docs/train.md", start=TRAIN) if "wine" in each
    ]
    words = shlex.split(command.removesuffix(" --report"))
    folders = ["--output", str(tmp_path), "--report", str(tmp_path / "reports")]

    assert train([*words, *fewer, *folders]) == 0

    assert (tmp_path / "wine-mlp.onnx").exists()
    drawn = {path.stem for path in (tmp_path / "reports" / "wine-mlp").glob("*.png")}
    assert {
        "losses",
        "confusion_matrix",
        "roc",
        "calibration",
        "learning_curve",
    } <= drawn


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's tables: labelled wines and tumours, its costs, and digits without their labels."""
    folder = tmp_path_factory.mktemp("judged")
    write_labelled(folder / "new.csv", "wine", label="class")
    write_labelled(folder / "patients.csv", "breast_cancer", label="diagnosis")
    (costs,) = re.findall(r"```csv\n(.*?)```", JUDGE, re.S)
    (folder / "costs.csv").write_text(costs)
    lines = [line.rpartition(",")[0] for line in DIGITS.read_text().splitlines()]
    (folder / "june.csv").write_text("\n".join(lines) + "\n")

    return folder


def write_labelled(path: Path, task: str, *, label: str) -> None:
    """Writes the rows of a bundled data set, with their classes in the last column."""
    dataset = datasets.load(task)
    lines = [
        ",".join([*map(str, row), dataset.classes[int(index)]])
        for row, index in zip(dataset.features.tolist(), dataset.target, strict=True)
    ]
    header = ",".join([*dataset.feature_names, label])
    path.write_text("\n".join([header, *lines]) + "\n")


def label_digits(path: Path) -> None:
    """Fills in the labels of the digits that were asked for, which say the lines that they stand in."""
    truth = [line.rpartition(",")[2] for line in DIGITS.read_text().splitlines()]
    lines = list(csv.DictReader(path.read_text().splitlines()))
    for line in lines:
        line["label"] = truth[int(line["row"].split()[1]) - 1]

    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)


SOME_JUDGED = {
    "wine": ("decision_tree", "logistic", "mlp"),
    "breast_cancer": ("logistic", "naive_bayes"),
    "digits": ("knn", "logistic", "mlp"),
}
"""A page draws pictures of each classifier, so that it is shown with few of the shipped ones, and all are `long`."""


def copy_some_models(folder: Path) -> Path:
    """Returns the folder, with some of the shipped classifiers in it."""
    folder.mkdir()
    for task, families in SOME_JUDGED.items():
        for family in families:
            name = f"{task}-{family}.onnx"
            (folder / name).symlink_to(ROOT / "exported_models" / name)

    return folder


@pytest.mark.parametrize(
    "shows_all", [False, pytest.param(True, marks=pytest.mark.long)]
)
def test_the_commands_of_the_page_about_judging_run(
    server: Server,
    judged: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    shows_all: bool,
) -> None:
    """Each command, in the page's order, says 0, or 1 for a claim that is not shown, and writes what it names."""
    monkeypatch.chdir(judged)
    if not shows_all:
        some = copy_some_models(tmp_path / "models")
        monkeypatch.setenv("VEREDICTO_MODELS", str(some))
    commands = commands_of("docs/judge.md", start=EVALUATE)
    assert len(commands) == 9

    for command in commands:
        if "--labelled" in command:
            label_digits(Path("few.csv"))
        code = evaluate(shlex.split(address(command, server)))
        assert code in ((0, 1) if "--gate" in command else (0,)), command

    assert {"wine.html", "wine.json", "live.html"} <= {
        path.name for path in judged.iterdir()
    }


def test_the_commands_of_the_page_about_live_comparison_run(
    start_server: Callable[..., AbstractContextManager[Server]], tmp_path: Path
) -> None:
    """Feedback to a prediction is accepted, and the comparison of its task is answered."""
    page = read_document("docs/live.md")
    start, *_ = find_code(page, "sh")
    settings = dict(re.findall(r"(VEREDICTO_\w+)=(\S+)", start))
    settings["VEREDICTO_JOURNAL"] = str(tmp_path / settings["VEREDICTO_JOURNAL"])
    settings["VEREDICTO_MODELS"] = str(
        link_models(tmp_path / "models", "breast_cancer-*")
    )
    feedback, comparison = find_commands(page)
    example = datasets.load("breast_cancer").features[:1].tolist()

    with start_server(**settings) as server:
        answer = server.post(
            "/predict", {"model": "breast_cancer-logistic", "inputs": example}
        ).json()
        feedback = re.sub(r'"id": "\w+"', f'"id": "{answer["id"]}"', feedback)

        accepted = json.loads(run_curl(feedback, server))
        compared = json.loads(run_curl(comparison, server))

    assert accepted == {"id": answer["id"], "accepted": True}
    assert compared["task"] == "breast_cancer"


def test_the_commands_of_the_page_about_reloading_run(
    start_server: Callable[..., AbstractContextManager[Server]], tmp_path: Path
) -> None:
    """The token that the page's command makes lets its `curl` load a model that came after the start."""
    _, make_token, _, load = find_commands(read_document("docs/reload.md"))
    models = tmp_path / "models"
    models.mkdir()
    wine = ROOT / "exported_models" / "wine-mlp.onnx"
    (models / wine.name).symlink_to(wine)
    made = subprocess.run(
        ["bash", "-c", make_token.replace(".venv/bin/python", sys.executable)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    with start_server(
        VEREDICTO_MODELS=models,
        VEREDICTO_RELOAD_S="0",
        VEREDICTO_TOKENS=tmp_path / "tokens.txt",
        VEREDICTO_PUBLIC="observe",
    ) as server:
        (models / "digits-cnn.onnx").symlink_to(
            ROOT / "exported_models" / "digits-cnn.onnx"
        )
        token = made.stderr.strip()
        said = json.loads(run_curl(load.replace("$TOKEN", token), server))
        served = [
            each["name"] for each in server.client.get("/models").json()["models"]
        ]

    assert said == {}
    assert served == ["digits-cnn", "wine-mlp"]


def test_every_command_is_run_or_understood() -> None:
    """The pages have no console commands but those of the tests above."""
    known = ("curl ", "printf ", TRAIN, EVALUATE, "make serve", "make install")
    for page in (*PAGES, "docs/live.md", *DEPLOY):
        for command in find_commands(read_document(page)):
            assert command.startswith(known), (page, command)


def test_every_setting_is_listed_with_its_default() -> None:
    """The page of settings has each field of Settings, with the default that the code has."""
    lines = re.findall(
        r"^\| `(VEREDICTO_\w+)` \| (.*) \|$", read_document("docs/settings.md"), re.M
    )
    listed = {name: cells.split(" | ")[1] for name, cells in lines}
    defaults = Settings()

    expected = {
        f"VEREDICTO_{field.name.upper()}": getattr(defaults, field.name)
        for field in fields(Settings)
    }
    expected["VEREDICTO_MODELS"] = f"`{defaults.models.relative_to(ROOT)}`"
    for name, value in expected.items():
        if isinstance(value, bool):
            expected[name] = int(value)
        elif value in (None, {}, ()):
            expected[name] = "none"

    assert listed == {name: str(value) for name, value in expected.items()}
