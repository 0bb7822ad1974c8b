"""README is true: its commands, its answers, its tables."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from service.settings import Settings
from tests.support.server import Server
from training.readme import END, START, make_table, read_latencies, replace_table

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CURLS = re.findall(r"^\$ (curl .*?[^\\])\n(\{.*?\})$", README, re.M | re.S)


@pytest.mark.parametrize(("command", "answer"), CURLS, ids=["predict_proba", "error"])
def test_a_curl_gives_its_answer(server: Server, command: str, answer: str) -> None:
    """Run in a shell, against a real server; numbers may differ in the last digits of float32."""
    command = command.replace("http://127.0.0.1:3000", server.url)
    finished = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=True
    )
    found = json.loads(finished.stdout)
    expected = json.loads(answer)
    assert found.pop("probabilities", [])[:1] == [
        pytest.approx(row, abs=1e-6) for row in expected.pop("probabilities", [])
    ]
    assert found == expected


@pytest.mark.parametrize(
    ("library", "printed"),
    [("import bentoml", "'predictions': ['orange']"), ("import numpy", "[1] [[")],
)
def test_a_python_example_runs(
    server: Server, library: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And prints a prediction."""
    code = re.search(rf"```python\n({library}.*?)```", README, re.S)
    assert code is not None
    exec(
        code[1]
        .replace("http://127.0.0.1:3000", server.url)
        .replace("127.0.0.1:3000", server.url[7:]),
        {},
    )
    assert printed in capsys.readouterr().out


def test_the_table_of_models_is_that_of_the_cards() -> None:
    """`make table` would change nothing but the latencies, which each run measures anew."""
    latencies = read_latencies(README)
    assert (
        replace_table(README, make_table(ROOT / "exported_models", latencies)) == README
    )
    assert all(0 < latency < 100_000 for latency in latencies.values())


def test_the_table_stands_on_the_first_screen() -> None:
    """One sentence, two commands, a curl with its answer, the models."""
    assert README.index(START) < README.index(END) < README.index("\n## ")


def test_every_setting_is_listed_with_its_default() -> None:
    """As the code has it."""
    listed = dict(re.findall(r"^\| `(VEREDICTO_\w+)` \| (\S+) \|", README, re.M))
    defaults = Settings()
    expected = {
        f"VEREDICTO_{field.name.upper()}": getattr(defaults, field.name)
        for field in fields(Settings)
    }
    expected["VEREDICTO_MODELS"] = f"`{defaults.models.relative_to(ROOT)}`"
    expected["VEREDICTO_STRICT"] = int(defaults.strict)
    expected["VEREDICTO_FAST_PATH"] = int(defaults.fast_path)
    expected["VEREDICTO_CHAMPION"] = expected["VEREDICTO_SHADOW"] = expected[
        "VEREDICTO_JOURNAL"
    ] = "none"
    assert listed == {name: str(value) for name, value in expected.items()}


@pytest.mark.parametrize(
    "document",
    ["README.md", "CONTRIBUTING.md", "DESIGN.md", "exported_models/README.md"],
)
def test_every_make_target_and_every_link_exists(document: str) -> None:
    """In all documents."""
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = set(
        re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    )
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.M)) <= targets
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / document).parent.joinpath(link).exists(), link


def test_the_onnxruntime_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exported file needs nothing of ours."""
    monkeypatch.chdir(ROOT)
    text = (ROOT / "exported_models" / "README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.S)
    assert code is not None
    names: dict[str, object] = {}
    exec(code[1], names)
    assert names["label"].tolist() == [1]
