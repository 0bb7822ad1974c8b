"""Evidence says what it rests on, and a file that is none is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation import evidence
from service.errors import EvaluationError
from tests.support.gated_trial import EVIDENCE, TRIAL


def test_evidence_says_what_it_rests_on() -> None:
    """Evidence names the data, the versions of models and software, the seeds and the options."""
    assert EVIDENCE["data"]["fingerprint"] == TRIAL.fingerprint
    assert [answer["version"] for answer in EVIDENCE["answers"]] == [
        answer.version for answer in TRIAL.answers
    ]
    assert {"veredicto", "python", "numpy", "onnxruntime", "server"} <= EVIDENCE[
        "software"
    ].keys()
    assert EVIDENCE["seeds"] == {"draws": 0, "replicates": 1000}
    assert EVIDENCE["options"] == {
        "risk": 0.05,
        "within": 0.01,
        "gates": ["challenger better than champion by 0.01"],
    }


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "file.json: expected a file of evidence: "),
        (
            "[1]",
            'file.json: expected {"format": "veredicto evidence", ...}, as --evidence writes it',
        ),
        (
            '{"format": "veredicto evidence", "schema_version": 1}',
            "file.json: expected evidence of schema 4, got 1, which the version ",
        ),
    ],
)
def test_a_file_that_is_no_evidence_is_said_so(
    tmp_path: Path, content: str, expected: str
) -> None:
    """A file that is empty, something else or of an older schema is refused as no evidence."""
    path = tmp_path / "file.json"
    path.write_text(content)
    with pytest.raises(EvaluationError) as error:
        evidence.read(path)
    assert str(error.value).startswith(expected)
