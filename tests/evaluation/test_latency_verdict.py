"""The verdict with a clock: a load test joined with paired tests of the same rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluation import evidence, latency_verdict, verification
from evaluation.report import page
from service.errors import EvaluationError
from tests.support.made_predictions import make_predictions

TRIAL = make_predictions(
    {"slow": 0.97, "good": 0.9, "near": 0.89, "poor": 0.6}, n_rows=400
)


def make_document(**keeps: bool) -> dict[str, Any]:
    """Returns what `veredicto load --task task` writes, as far as it is read."""
    return {
        "format": latency_verdict.FORMAT,
        "task": "task",
        "slo": "p99<50ms",
        "load": {"loop": "open", "rate": 200.0},
        "target": {"address": "POST http://127.0.0.1:3000/predict"},
        "ended": "2026-01-01T00:00:00+00:00",
        "classifiers": [
            {
                "model": answer.model,
                "version": answer.version,
                "keeps": keeps.get(answer.model.removeprefix("task-"), True),
                "void": False,
                "rate": 200.0,
                "p99_ms": 10.0 + place,
                "requests_per_core_s": 1000.0,
            }
            for place, answer in enumerate(TRIAL.answers)
        ],
    }


def read(folder: Path, document: dict[str, Any]) -> dict[str, Any]:
    path = folder / "load.json"
    path.write_text(json.dumps(document))
    load = latency_verdict.read_load(path, task="task")
    latency_verdict.check_models(load, TRIAL.answers)
    return load


def gather(load: dict[str, Any]) -> dict[str, Any]:
    return evidence.gather(TRIAL, risk=0.05, gates=[], software={}, load=load)


def test_the_most_accurate_that_is_fast_enough_is_named(tmp_path: Path) -> None:
    """Pairs decide who is better: the poor one is, the near one is not, and the slow one was shown to be."""
    found = gather(read(tmp_path, make_document(slow=False)))["clock"]
    assert (found["best"], found["too_slow"]) == ("task-good", ["task-slow"])
    assert found["better_than"] == ["task-poor"]
    assert found["not_told_from"] == ["task-near"]
    assert found["sentences"][0].startswith(
        "The most accurate classifier that keeps p99<50ms at 200 requests/s is good: right on "
    )
    assert found["sentences"][1:] == [
        "Of those that keep it too, it is shown to be better than poor, but not than near.",
        "It does without slow, shown to be more accurate but not seen to keep it.",
    ]


def test_nobody_may_be_fast_enough(tmp_path: Path) -> None:
    """The sentence says so, and there is no best."""
    slow = dict.fromkeys(("slow", "good", "near", "poor"), False)
    found = gather(read(tmp_path, make_document(**slow)))["clock"]
    assert found["best"] is None
    assert found["sentences"] == [
        "No classifier of task keeps p99<50ms at 200 requests/s."
    ]


def test_evidence_with_a_load_is_computed_again(tmp_path: Path) -> None:
    """Evidence that was written verifies, and a load test that was changed afterwards is found."""
    written = json.loads(json.dumps(gather(read(tmp_path, make_document(slow=False)))))
    assert verification.verify(written) == []
    written["load"]["models"][1]["keeps"] = False
    assert any(line.startswith("clock.best") for line in verification.verify(written))
    del written["load"]["models"][0]
    with pytest.raises(EvaluationError, match="the evidence is incomplete"):
        verification.verify(written)


def test_the_page_shows_sentences_pictures_and_table(tmp_path: Path) -> None:
    """The page has sentences, pictures and a table of the load test, and none of them without one."""
    html = page.render(gather(read(tmp_path, make_document(slow=False))), {})
    assert "The most accurate that is fast enough" in html
    assert 'aria-label="Accuracy against p99 under the load, ms"' in html
    assert 'aria-label="Accuracy against requests/s of a core"' in html
    without = evidence.gather(TRIAL, risk=0.05, gates=[], software={})
    assert "fast enough" not in page.render(without, {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "got another document in load.json"),
        ({"task": "birds"}, "of task, got birds"),
        ({"classifiers": []}, "found none of task-slow"),
    ],
)
def test_other_documents_are_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    """The refusal says what was expected and what came."""
    with pytest.raises(EvaluationError, match=message):
        read(tmp_path, make_document() | change)


def test_another_version_is_refused(tmp_path: Path) -> None:
    """Speed of one file and accuracy of another are not joined."""
    document = make_document()
    document["classifiers"][0]["version"] = "1" * 12
    with pytest.raises(EvaluationError, match="version 111111111111 of task-slow"):
        read(tmp_path, document)
