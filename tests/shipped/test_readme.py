"""README and the page of the exported files are true: their commands, their answers, their tables."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.documents import (
    ROOT,
    address,
    find_answered,
    find_code,
    read_document,
    run_curl,
)
from tests.support.server import Server
from tests.support.shipped_models import SHIPPED_MODELS
from training.model_tables import (
    END,
    SPANISH_TASK_HEADER,
    START,
    choose_best,
    make_model_table,
    make_task_table,
    read_latencies_us,
    replace_table,
    replace_versions,
)

README = read_document("README.md")
SPANISH = read_document("README.es.md")
MODELS_PAGE = read_document("exported_models/README.md")
CURLS = find_answered(README)


@pytest.mark.parametrize(("command", "answer"), CURLS, ids=["predict_proba", "error"])
def test_a_curl_gives_its_answer(server: Server, command: str, answer: str) -> None:
    """A real server gives the answer that is shown; numbers may differ in the last digits of float32."""
    found = json.loads(run_curl(command, server))
    expected = json.loads(answer)

    assert found.pop("probabilities", [])[:1] == [
        pytest.approx(row, abs=1e-6) for row in expected.pop("probabilities", [])
    ]
    assert found == expected


def test_the_python_example_runs(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """BentoML's client prints the prediction."""
    (code,) = find_code(README, "python")
    exec(address(code, server), {})
    assert "'predictions': ['orange']" in capsys.readouterr().out


@pytest.mark.parametrize("language", ["console", "python"])
def test_the_spanish_readme_has_the_same_commands(language: str) -> None:
    """The Spanish README has the English one's blocks of code in the same order, with the same answers."""
    assert find_code(SPANISH, language) == find_code(README, language)


def test_the_spanish_readme_has_the_same_pictures_and_calls() -> None:
    """Pictures, and the paths of the calls that it lists, are those of the English one; each links to the other."""
    find_pictures = re.compile(r"!\[[^\]]*\]\(([^)]*)\)").findall
    calls, theirs = (
        re.findall(r"^\| `(?:POST |GET )?(/\w+)", text, re.M)
        for text in (SPANISH, README)
    )

    assert find_pictures(SPANISH) == find_pictures(README)
    assert sorted(set(calls)) == sorted(set(theirs))
    assert "(README.es.md)" in README
    assert "(README.md)" in SPANISH


def test_the_tables_of_tasks_are_those_of_the_cards() -> None:
    """`make table` would change nothing in either README."""
    spanish = make_task_table(SHIPPED_MODELS, header=SPANISH_TASK_HEADER)
    assert replace_table(README, make_task_table(SHIPPED_MODELS)) == README
    assert replace_table(SPANISH, spanish) == SPANISH


def test_the_table_of_models_is_that_of_the_cards() -> None:
    """`make table` would change nothing but the latencies, which each run measures anew."""
    latencies = read_latencies_us(MODELS_PAGE)
    table = make_model_table(SHIPPED_MODELS, latencies)

    assert replace_table(MODELS_PAGE, table) == MODELS_PAGE
    assert all(0 < latency < 100_000 for latency in latencies.values())


def test_the_answers_that_are_shown_bear_the_versions_of_the_files() -> None:
    """`make table` would change no version, and puts a wrong one right."""
    wrong = README.replace('"version":"', '"version":"000000000000', 1)
    wrong = re.sub("000000000000[0-9a-f]{12}", "000000000000", wrong)

    assert wrong != README
    assert replace_versions(wrong, SHIPPED_MODELS) == README
    assert replace_versions(README, SHIPPED_MODELS) == README


def test_every_shipped_file_is_in_the_table_of_models() -> None:
    """The page names as many models as there are files, and README has a line for each of their tasks."""
    files = {path.stem for path in (ROOT / "exported_models").glob("*.onnx")}
    tasks = {name.partition("-")[0] for name in files}

    assert set(read_latencies_us(MODELS_PAGE)) == files
    assert all(f"\n| {task} | " in README for task in tasks)


def test_the_best_model_of_a_task_is_the_smallest_of_the_best() -> None:
    """Six classifiers of wine are right on every held-out row, and the smallest of their files is named."""
    wine = [each for each in SHIPPED_MODELS if each.card.task == "wine"]
    right = [each for each in wine if each.card.metrics["accuracy"].value == 1.0]

    assert len(right) == 6
    assert choose_best(wine) == min(right, key=lambda each: each.n_bytes)


def test_the_table_stands_on_the_first_screen() -> None:
    """One sentence, the command, a curl with its answer and the table come before the first heading."""
    curl = README.index("\n$ curl ")
    assert README.index("make serve") < curl < README.index(START)
    assert README.index(START) < README.index(END) < README.index("\n## ")


def test_the_onnxruntime_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exported file needs nothing of ours."""
    monkeypatch.chdir(ROOT)
    (code,) = find_code(MODELS_PAGE, "python")
    names: dict[str, object] = {}

    exec(code, names)

    assert names["label"].tolist() == [1]
