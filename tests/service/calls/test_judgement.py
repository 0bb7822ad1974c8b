"""Labelled rows that somebody sends are judged as a report judges them, and nothing of them is kept."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from evaluation.__main__ import main
from tests.support.image_files import encode
from tests.support.model_folders import link_models
from tests.support.server import Server
from training.data.datasets import load

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT / "exported_models"


def write_table(separator: str = ",", mark: str = ".") -> str:
    """Returns all wines, with a column of days and one of a few gaps, as a program with such marks writes them."""
    table = load("wine")
    lines = io.StringIO()
    writer = csv.writer(lines, delimiter=separator)
    writer.writerow([*table.feature_names, "day", "cultivar"])
    for number, (row, label) in enumerate(
        zip(table.features, table.target, strict=True)
    ):
        values = [f"{value:.9g}".replace(".", mark) for value in row]
        class_name = table.classes[label] if number % 17 else ""
        writer.writerow([*values, ("mon", "tue")[number % 2], class_name])

    return lines.getvalue()


def evaluate(path: Path, **options: str) -> dict[str, Any]:
    """Returns the evidence that the command makes of a table."""
    written = path.with_suffix(".json")
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    arguments = ["--task", "wine", "--data", str(path), "--evidence", str(written)]
    arguments += ["--output", str(path.with_suffix(".html"))]
    arguments += ["--models", str(link_models(path.parent / "models", "wine-*"))]
    assert main([*arguments, *words]) == 0

    return json.loads(written.read_bytes())


def leave_out_what_differs(evidence: dict[str, Any]) -> dict[str, Any]:
    """Returns evidence without times, and without what the two say of themselves."""
    said = json.loads(json.dumps(evidence))
    for key in ("timing", "software", "notes"):
        said.pop(key, None)
    for answer in said["answers"]:
        del answer["latency_ms"]
    del said["numbers"]["pareto"]
    for verdict in (said["verdict"], said.get("by", {}).get("verdict", {})):
        found = verdict.get("findings", [])
        verdict["findings"] = [each for each in found if " ms a row" not in each]

    return said


@pytest.mark.parametrize(
    ("separator", "mark", "by"),
    [(",", ".", "accuracy"), (";", ",", "log_loss"), ("\t", ".", "accuracy")],
)
def test_the_figures_are_those_of_the_command(
    server: Server, tmp_path: Path, *, separator: str, mark: str, by: str
) -> None:
    """Rows, groups, slices, answers, every number and every sentence are the same; learnt rows are left out by both."""
    path = tmp_path / "wines.csv"
    path.write_text(write_table(separator, mark))
    expected = evaluate(path, label="cultivar", by=by)
    answer = server.client.post(
        "/judge",
        data={"task": "wine", "label": "cultivar", "by": by},
        files={"data": ("wines.csv", path.read_bytes(), "text/csv")},
    )

    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["data"]["n_learnt"] > 0
    assert leave_out_what_differs(found) == leave_out_what_differs(expected)

    assert set(found["data"]["learnt_rows"].values()) == {found["data"]["n_learnt"]}

    kept = tmp_path / "sent.json"
    kept.write_bytes(answer.content)
    assert main(["--verify", str(kept)]) == 0


def post(server: Server, body: str, query: str = "task=wine&label=cultivar") -> Any:
    """Returns the response to a CSV as a body."""
    return server.client.post(
        f"/judge?{query}", content=body, headers={"Content-Type": "text/csv"}
    )


@pytest.mark.parametrize(
    ("change", "query", "status", "text"),
    [
        (lambda csv: csv, "task=wines", 404, "unknown task 'wines'"),
        (lambda csv: csv, "label=cultivar", 400, "missing required field task"),
        (lambda csv: csv, "task=wine", 400, "expected label=COLUMN, none was named"),
        (lambda csv: csv, "task=wine&by=luck", 400, "by: expected one of accuracy"),
        (lambda csv: csv, "task=wine&colour=red", 400, "unknown field 'colour'"),
        (lambda csv: csv, "task=digits", 400, "expected a column for each feature"),
        (lambda csv: csv, "task=cifar10", 400, "cifar10 takes images in a form"),
        (
            lambda csv: csv.partition("\n")[0],
            None,
            400,
            "expected a line of names and at least one row",
        ),
        (lambda csv: csv.replace("class_1", "class_9"), None, 400, "got 'class_9'"),
        (
            lambda csv: csv.replace("class_0\r\n", "class_0,more\r\n"),
            None,
            400,
            "expected 15 values",
        ),
        (lambda csv: "\0" + csv, None, 400, "expected CSV in UTF-8"),
        (
            lambda csv: csv + csv.partition("\n")[2] * 60,
            None,
            413,
            "VEREDICTO_MAX_ROWS",
        ),
        (lambda csv: csv + "\n" * 9_000_000, None, 413, "VEREDICTO_MAX_BODY_BYTES"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_a_sentence(
    server: Server, *, change: Any, query: str | None, status: int, text: str
) -> None:
    """Each mistake has its status and says what was expected."""
    answer = post(server, change(write_table()), query or "task=wine&label=cultivar")

    assert answer.status_code == status, answer.text
    assert text in answer.json()["error"]


def test_numbers_in_a_notation_that_is_not_read_are_no_guess(server: Server) -> None:
    """A decimal comma between commas is refused, and the sentence names the command that reads it."""
    answer = post(server, write_table(mark=","))

    assert answer.status_code == 400
    assert "expected numbers with a point before decimals" in answer.json()["error"]


def test_another_kind_of_body_is_refused(server: Server) -> None:
    """JSON is told what the call takes, and so is a form without a file."""
    answer = server.client.post("/judge", json={"task": "wine"})
    assert answer.status_code == 415
    assert "curl -F task=TASK" in answer.json()["error"]

    empty = server.client.post("/judge", files={"task": (None, "wine")})
    assert empty.status_code == 400
    assert "expected one table or at least one image" in empty.json()["error"]


def send_images(
    client: httpx.Client, labels: list[str], broken: bytes | None = None
) -> httpx.Response:
    """Returns the response to three different images with these labels, after one that is broken."""
    parts: list[Any] = [("task", (None, "cat_or_automobile"))]
    parts += [("label", (None, each)) for each in labels]
    if broken is not None:
        parts += [("image", ("broken.png", broken, "image/png"))]
    parts += [
        (
            "image",
            (
                f"{grey}.png",
                encode(Image.new("RGB", (40, 40), (grey,) * 3)),
                "image/png",
            ),
        )
        for grey in (40, 120, 200)
    ]
    return client.post("/judge", files=parts)


def test_images_are_judged_by_their_labels(server: Server) -> None:
    """Each image has its class and its name, and a label too few or an unknown one is told of."""
    answer = send_images(server.client, ["cat", "cat", "automobile"])
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["data"]["places"] == [
        "cat/40.png",
        "cat/120.png",
        "automobile/200.png",
    ]
    assert [found["classes"][each] for each in found["truth"]] == [
        "cat",
        "cat",
        "automobile",
    ]

    few = send_images(server.client, ["cat"])
    assert few.status_code == 400
    assert "labels: expected 3" in few.json()["error"]
    unknown = send_images(server.client, ["cat", "dog", "cat"])
    assert unknown.status_code == 400
    assert "labels[1] expects a class" in unknown.json()["error"]


def test_an_image_that_cannot_be_read_is_set_aside(server: Server) -> None:
    """The others are judged, and a note counts those set aside and says why the first of them is."""
    labels = ["cat", "cat", "cat", "automobile"]
    answer = send_images(server.client, labels, b"no image")

    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["numbers"]["rows"] == 3
    assert found["notes"] == [
        "images that the models cannot be asked are set aside: 1; the first is images, cat/broken.png: expected a "
        "JPEG, PNG, WebP, BMP or GIF file, got 8 bytes that begin with b'no image'"
    ]
