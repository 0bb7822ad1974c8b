"""`python -m evaluation` from end to end: on files, on a folder of images, on a running server, and in a build."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.__main__ import main
from tests.support.coloured_rows import write_rows
from tests.support.hue_images import write_images
from tests.support.model_folders import link_models
from tests.support.server import ROOT, Server
from tests.support.tiny_models import (
    tiny_card,
    write_image_model,
    write_tiny,
)
from training.data import datasets


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.csv")


def judge(rows: Path, models: Path, *further: object) -> int:
    output = rows.parent / "report.html"
    return main(
        [
            str(each)
            for each in (
                "--task",
                "colour",
                "--data",
                rows,
                "--models",
                models,
                "--output",
                output,
                *further,
            )
        ]
    )


def test_a_report_says_who_is_better(
    rows: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdict is on stdout, on the page, and in evidence that verifies."""
    assert judge(rows, models) == 0
    output = capsys.readouterr().out
    headline = json.loads((rows.parent / "report.json").read_bytes())["verdict"][
        "headline"
    ]
    assert headline.startswith("first is the best in accuracy: right on ")
    assert output.startswith(headline)
    assert "first is the best in accuracy" in (rows.parent / "report.html").read_text()
    assert main(["--verify", str(rows.parent / "report.json")]) == 0
    assert (
        capsys.readouterr().out
        == "report.json: every number follows from the stored answers\n"
    )


def test_the_same_data_gives_the_same_evidence(rows: Path, models: Path) -> None:
    """Two reports on the same data differ in nothing but latencies and what follows from them."""
    found = []
    for _ in range(2):
        judge(rows, models)
        evidence = json.loads((rows.parent / "report.json").read_bytes())
        for answer in evidence["answers"]:
            del answer["latency_ms"]

        del evidence["numbers"]["pareto"], evidence["verdict"]["findings"]
        found.append(evidence)

    assert found[0] == found[1]


def test_gates_decide_the_exit_code(
    rows: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code is 0 where all are shown, 1 where one is not, 2 where it is no claim or names no model."""
    assert judge(rows, models, "--gate", "first better than second by 0.1") == 0
    assert (
        capsys.readouterr()
        .out.splitlines()[-3]
        .startswith("shown: first better than second by 0.1: accuracy")
    )
    claims = (
        "--gate",
        "first better than second by 0.1",
        "--gate",
        "second not worse than colour-first by 0.005",
    )
    assert judge(rows, models, *claims) == 1
    assert (
        "NOT SHOWN: second not worse than colour-first by 0.005"
        in capsys.readouterr().out
    )
    assert judge(rows, models, "--gate", "first beats second") == 2
    assert judge(rows, models, "--gate", "first better than third by 0.1") == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: --gate: unknown model 'third'; models of colour: colour-first, colour-second"
    )


def test_evidence_answers_further_claims(
    rows: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Evidence alone decides a further claim, without data and without models."""
    judge(rows, models)
    verify = ["--verify", str(rows.parent / "report.json"), "--gate"]
    assert main([*verify, "first better than second by 0.1"]) == 0
    assert main([*verify, "second better than first by 0.1"]) == 1
    assert (
        "NOT SHOWN: second better than first by 0.1: accuracy differs by -"
        in capsys.readouterr().out
    )
    assert main([*verify, "second better than third by 0.1"]) == 2


def test_tampered_evidence_does_not_verify(
    rows: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Evidence that was tampered with does not verify: the exit code is 1, and the place is named."""
    judge(rows, models)
    path = rows.parent / "report.json"
    path.write_text(
        path.read_text().replace('"leader":"colour-first"', '"leader":"colour-second"')
    )
    capsys.readouterr()
    assert main(["--verify", str(path)]) == 1
    assert capsys.readouterr().out.splitlines()[1] == (
        "numbers.leader: stored 'colour-second', computed 'colour-first'"
    )


def test_models_are_asked_again_where_the_data_is_given(
    rows: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Verifying with the data asks the models again: the same ones answer as stored, another one does not."""
    judge(rows, models)
    verify = [
        "--verify",
        str(rows.parent / "report.json"),
        "--data",
        str(rows),
        "--models",
        str(models),
    ]
    capsys.readouterr()
    assert main(verify) == 0
    assert capsys.readouterr().out.endswith(
        "stored answers, and the models answer as stored\n"
    )
    write_tiny(models, tiny_card(family="second"), sign=0.5)
    assert main(verify) == 1
    assert "answers: colour-second was of version" in capsys.readouterr().out
    write_rows(rows, seed=1)
    assert main(verify) == 1
    assert "data: stored sha256:" in capsys.readouterr().out


@pytest.mark.parametrize("label", ["yes", "maybe"])
def test_one_row_is_enough_or_has_words(
    tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str], label: str
) -> None:
    """A single row is judged, and a class that the models do not have is refused in words."""
    rows = tmp_path / "rows.csv"
    rows.write_text(f"size,colour,answer\n0.5,green,{label}\n")
    assert judge(rows, models) == (0 if label == "yes" else 2)
    captured = capsys.readouterr()
    if label == "yes":
        assert (
            "second leads, right on 100.0 % of 1 row (95 %, as the best of 2 here: 16.6 % to 100.0 %)"
            in captured.out
        )
    else:
        assert captured.err == (
            "error: rows.csv, line 2: column 'answer' expects a class of colour, got 'maybe'; classes: no, yes\n"
        )


def test_an_unknown_task_and_a_folder_that_is_none_are_said(
    rows: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown task and a folder that is none are said in one line, with exit code 2."""
    assert judge(rows, models, "--task", "color") == 2
    assert judge(rows, models / "nowhere") == 2
    assert judge(rows, models, "--evidence", rows.parent / "report.html") == 2
    assert judge(rows, models, "--output", rows / "report.html") == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: unknown task 'color' (did you mean 'colour'?); known tasks: colour",
        f"error: {models / 'nowhere'}: expected a folder of exported models",
        f"error: --output and --evidence: expected two files, got {rows.parent / 'report.html'} twice",
        f"error: {rows / 'report.html'}: expected a file in a folder that is there",
    ]


def test_a_report_is_not_written_over_its_data(
    rows: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The data stay as they are, whether the evidence is named so or ends beside the report by their name."""
    content = rows.read_bytes()
    assert judge(rows, models, "--evidence", rows) == 2
    packed = rows.parent / "report.json"
    packed.write_text(json.dumps([{"size": 0.5, "colour": "red", "answer": "yes"}]))
    assert judge(packed, models) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: --evidence {each}: expected a file of its own, got that of --data, which would be written over"
        for each in (rows, packed)
    ]
    assert rows.read_bytes() == content
    assert packed.read_bytes().startswith(b'[{"size"')


def test_json_without_end_is_no_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lists within lists, as deep as no reader goes, are refused in a line; so is a pipe that nobody writes into."""
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000)
    assert main(["--verify", str(deep)]) == 2
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    assert main(["--verify", str(pipe)]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("error: deep.json: expected a file of evidence: ")
    assert second.startswith(f"error: --verify {pipe}: expected a file, got a named")


def test_what_only_the_graph_refuses_names_the_line(
    tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A number that float32 cannot hold, far down in the file, is named by its line."""
    lines = ["0.5,green,yes"] * 600 + ["1e39,green,yes"]
    rows = tmp_path / "rows.csv"
    rows.write_text("\n".join(["size,colour,answer", *lines]))
    assert judge(rows, models) == 2
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith(
            "error: rows.csv, line 602: feature 'size' expects a finite number that fits 32 bits"
        )
    )


def test_images_of_a_folder_are_judged_with_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two models of one task that differ in nothing disagree nowhere."""
    models = tmp_path / "models"
    models.mkdir()
    write_image_model(models)
    write_image_model(models, family="second")
    folder = write_images(tmp_path / "photos", per_class=15, noise=60)
    arguments = ["--task", "hue", "--data", str(folder), "--models", str(models)]
    assert main([*arguments, "--output", str(tmp_path / "report.html")]) == 0
    evidence = json.loads((tmp_path / "report.json").read_bytes())
    assert evidence["numbers"]["rows"] == 45
    assert evidence["numbers"]["disagreements"]["count"] == 0


def test_images_that_cannot_be_read_are_set_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken image and one that ends too early are counted and named; the others are judged, or chosen for labels."""
    models = tmp_path / "models"
    models.mkdir()
    write_image_model(models)
    write_image_model(models, family="second")
    folder = write_images(tmp_path / "photos", per_class=15, noise=60)
    (folder / "green" / "03.jpg").write_bytes(b"no image")
    whole = (folder / "red" / "04.jpg").read_bytes()
    (folder / "red" / "04.jpg").write_bytes(whole[: len(whole) // 2])
    said = (
        "images that the models cannot be asked are set aside: {}; the first is {}: expected a JPEG, PNG, WebP, BMP "
        "or GIF file, got 8 bytes that begin with b'no image'"
    )
    arguments = ["--task", "hue", "--models", str(models)]
    output = ["--output", str(tmp_path / "report.html")]
    assert main([*arguments, "--data", str(folder), *output]) == 0

    assert said.format(2, "photos, green/03.jpg") in capsys.readouterr().err
    evidence = json.loads((tmp_path / "report.json").read_bytes())
    assert evidence["numbers"]["rows"] == 43

    green = ["--unlabelled", str(folder / "green")]
    few = tmp_path / "few.csv"
    assert main([*arguments, *green, "--to-label", str(few), "--labels", "14"]) == 0
    assert said.format(1, "green, 03.jpg") in capsys.readouterr().err
    assert "03.jpg" not in few.read_text()


def test_a_folder_of_broken_images_alone_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason of the first image ends the command where none is left to be judged."""
    write_image_model(tmp_path)
    folder = tmp_path / "photos" / "red"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"")
    arguments = ["--task", "hue", "--data", str(folder.parent)]
    output = ["--output", str(tmp_path / "report.html")]

    assert main([*arguments, "--models", str(tmp_path), *output]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: photos, red/a.png: expected a JPEG, PNG, WebP, BMP or GIF file, got nothing"
    )


def check_same_evidence(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Checks that two pieces of evidence have the same answers and numbers."""
    for answer, same in zip(found["answers"], expected["answers"], strict=True):
        for key in ("version", "label", "probabilities"):
            assert answer[key] == same[key]

    for key in ("models", "pairs", "cochran_q", "fleiss_kappa", "disagreements"):
        assert found["numbers"][key] == expected["numbers"][key]


def test_a_server_gives_the_evidence_that_its_files_give(
    rows: Path, models: Path, tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    """Rows and images over HTTP: the same labels, probabilities and numbers; what the server says is passed on."""
    write_image_model(models)
    folder = write_images(tmp_path / "photos", per_class=12, noise=60)
    graph = tmp_path / "served.html"
    local = tmp_path / "local.html"

    with start_server(
        VEREDICTO_MODELS=models, VEREDICTO_MAX_ROWS=25, VEREDICTO_MAX_PIXELS=8000
    ) as running:
        for task, data in (("colour", rows), ("hue", folder)):
            asked = ["--task", task, "--data", str(data)]
            assert main([*asked, "--url", running.url, "--output", str(graph)]) == 0
            assert main([*asked, "--models", str(models), "--output", str(local)]) == 0
            found, expected = (
                json.loads(path.with_suffix(".json").read_bytes())
                for path in (graph, local)
            )

            check_same_evidence(found, expected)
            assert (
                main(
                    [
                        "--verify",
                        str(graph.with_suffix(".json")),
                        "--data",
                        str(data),
                        "--url",
                        running.url,
                    ]
                )
                == 0
            )


def test_a_server_that_cannot_be_asked_is_said_so(
    rows: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that does not answer, a wrong address and an unknown task each have one line and exit 2."""
    for url in ("http://127.0.0.1:9", "ftp://host", server.url):
        assert main(["--task", "colour", "--data", str(rows), "--url", url]) == 2

    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("error: http://127.0.0.1:9/models: no answer: ")
    assert told[1] == "error: --url: expected http://HOST:PORT, got 'ftp://host'"
    assert told[2].startswith(
        f"error: {server.url}: unknown task 'colour'; its tasks with classifiers: breast_cancer, "
    )


def write_held_out(path: Path) -> list[list[float]]:
    """The 114 held-out rows of breast_cancer; the features, as they are written."""
    dataset = datasets.load("breast_cancer")
    held_out = datasets.split(dataset, seed=0).held_out

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*dataset.feature_names, "tumour"])

        for row in held_out:
            writer.writerow(
                [*dataset.features[row].tolist(), dataset.classes[dataset.target[row]]]
            )

    features: list[list[float]] = dataset.features[held_out].tolist()

    return features


def test_a_threshold_of_the_report_does_in_serving_what_it_says(
    tmp_path: Path, server: Server
) -> None:
    """The threshold, sent as `min_probability`, leaves as many rows unanswered as the report says."""
    rows = write_held_out(tmp_path / "rows.csv")
    output = tmp_path / "report.html"
    assert (
        main(
            [
                "--task",
                "breast_cancer",
                "--data",
                str(tmp_path / "rows.csv"),
                "--models",
                str(link_models(tmp_path / "models", "breast_cancer-*")),
                "--output",
                str(output),
            ]
        )
        == 0
    )

    for model in json.loads(output.with_suffix(".json").read_bytes())["numbers"][
        "models"
    ]:
        found = model["at_risk"]
        if found["threshold"] is not None:
            request = {
                "model": model["model"],
                "inputs": rows,
                "min_probability": found["threshold"],
            }
            predictions = server.post("/predict", request).json()["predictions"]
            assert sum(each is not None for each in predictions) / 114 == pytest.approx(
                found["coverage"]
            )


def test_the_shipped_models_are_judged_by_the_command(tmp_path: Path) -> None:
    """The command judges the 114 held-out rows as a newcomer runs it, and `--help` teaches it by examples."""
    write_held_out(tmp_path / "rows.csv")
    command = [
        sys.executable,
        "-m",
        "evaluation",
        "--task",
        "breast_cancer",
        "--data",
        str(tmp_path / "rows.csv"),
    ]
    output = [
        "--output",
        str(tmp_path / "report.html"),
        "--gate",
        "logistic better than naive_bayes by 0.01",
    ]
    finished = subprocess.run(
        [*command, *output], cwd=ROOT, capture_output=True, text=True
    )
    assert (finished.returncode, finished.stderr) == (0, "114 of 114 rows\n")
    assert finished.stdout.startswith(
        "No single model is shown to be the best in accuracy. logistic leads: right on 98.2 % of 114 rows "
    )
    usage = subprocess.run(
        [*command[:3], "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--gate CLAIM" in usage.stdout
    assert usage.stdout.count("\n  python -m evaluation --") == 8


@pytest.mark.parametrize(
    "arguments",
    [[], ["--task", "colour"], ["--task", "colour", "--data", "x", "--risk", "2"]],
)
def test_a_command_that_asks_for_nothing_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 2, as for everything that cannot be done."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_a_report_by_another_metric_says_that_first_and_verifies(
    rows: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdict by costs comes before that in accuracy, gates are of costs, and the evidence verifies."""
    costs = rows.parent / "costs.csv"
    costs.write_text("true,no,yes\nno,0,2\nyes,2,0\n")
    claim = "first better than second by 0.1"
    code = judge(rows, models, "--by", costs, "--gate", claim)
    output = capsys.readouterr().out
    assert code == 0, output

    assert output.startswith("first is the best by cost: ")
    assert output.index("\nIn accuracy:\nfirst is the best in accuracy") > 0
    assert f"\nshown: {claim}: better by +" in output
    assert "By cost, the metric that was asked for" in (
        rows.parent / "report.html"
    ).read_text(encoding="utf-8")
    evidence = rows.parent / "report.json"
    assert main(["--verify", str(evidence), "--gate", claim]) == 0
    written = evidence.read_text()
    evidence.write_text(
        written.replace('"metric":"cost","rows"', '"metric":"kost","rows"')
    )
    capsys.readouterr()
    assert main(["--verify", str(evidence)]) == 1
    assert (
        "by.numbers.metric: stored 'kost', computed 'cost'" in capsys.readouterr().out
    )


def test_a_metric_that_is_not_known_is_refused_before_rows_are_read(
    rows: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A metric that is neither known nor a file ends the command with code 2 and the known ones."""
    assert judge(rows, models, "--by", "beauty") == 2
    assert "--by: expected accuracy, brier, log_loss" in capsys.readouterr().err
