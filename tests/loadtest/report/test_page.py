"""The report is one page with the pictures that its result has numbers for."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loadtest import verdict
from loadtest.__main__ import main
from loadtest.report import page
from tests.support.raw_server import run_server

CARD = {
    "name": "birds-a",
    "metrics": {"accuracy": {"value": 0.9, "interval": [0.8, 0.95]}},
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """This is the address of a server of a few lines."""
    with run_server() as running:
        yield running


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., tuple[dict[str, Any], str]]:
    """A call runs a short test and returns its result and its report."""

    def run(*words: str) -> tuple[dict[str, Any], str]:
        output = tmp_path / "result.json"
        common = ("--duration", "0.4", "--warm-up", "0", "--output", str(output))
        assert main([*words, *common]) in (0, 1)
        return json.loads(output.read_text()), output.with_suffix(".html").read_text()

    return run


def test_a_report_lies_beside_its_result(
    load: Callable[..., tuple[dict[str, Any], str]], url: str
) -> None:
    """The report has the figures and pictures of the result, and fetches nothing from elsewhere."""
    found, report = load("--url", url, "--rate", "200", "--slo", "p99<5s")
    assert f"{found['latency_ms']['p99']:,.3f}" in report
    assert "Latency by share of the requests" in report
    assert "Latency over time" in report
    assert "Latency against rate" not in report
    assert report.count("<svg") == 2
    assert "src=" not in report
    assert "@import" not in report
    assert report.count("://") == report.count(url)


def test_failures_have_a_picture(
    load: Callable[..., tuple[dict[str, Any], str]], url: str
) -> None:
    """A bar for each kind stands where requests failed, and no latency where none was answered."""
    _, report = load("--url", f"{url}/fail", "--rate", "100")
    assert "Requests that failed, by kind" in report
    assert "status 500" in report
    assert "Latency over time" not in report


@pytest.mark.parametrize(
    "words", [("--rate", "50:400"), ("--slo", "p50<20ms", "--repeats", "1")]
)
def test_latency_is_drawn_against_the_rate(
    load: Callable[..., tuple[dict[str, Any], str]], url: str, words: tuple[str, ...]
) -> None:
    """A rate that rises and a search have it, and of a search's marks it is told what they mean."""
    found, report = load("--url", f"{url}/slow", *words)
    assert "Latency against rate" in report
    assert ("A mark is a trial of the search" in report) is ("search" in found)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("the highest rate", "The highest rate"),
        ("2,000 requests", "2,000 requests"),
        ("p99<5s: shown", "p99<5s: shown"),
    ],
)
def test_sentences_begin_as_sentences_do(text: str, sentence: str) -> None:
    """The terminal's lines have a capital on the page, but for an objective, which is written as it was asked for."""
    environment = page.make_environment()
    rendered = environment.from_string("{{ text|sentence }}").render(text=text)
    assert html.unescape(rendered) == sentence


def test_a_verdict_has_its_classifiers(
    load: Callable[..., tuple[dict[str, Any], str]], url: str
) -> None:
    """The table names them, the picture shows their accuracy, and names are escaped."""
    found, _ = load("--url", url, "--rate", "200", "--slo", "p99<5s")
    contenders = [
        verdict.make_contender(CARD | {"name": name}, found)
        for name in ("birds-a", "birds-<b>")
    ]
    document = verdict.describe(contenders, task="birds", slo="p99<5s")
    report = page.render(document)

    assert "Accuracy against latency" in report
    assert '<th scope="row">birds-a</th>' in report
    assert "<b>" not in report
    assert "The most accurate classifier of birds" in report


def test_a_verdict_is_not_called_invalid_where_a_single_test_is(
    load: Callable[..., tuple[dict[str, Any], str]], url: str
) -> None:
    """A short test is not valid by itself; the page of a verdict says so of that test, and not of the verdict."""
    found, alone = load("--url", url, "--rate", "200", "--slo", "p99<5s")
    document = verdict.describe(
        [verdict.make_contender(CARD, found)], task="birds", slo="p99<5s"
    )
    report = page.render(document)

    assert "Not valid: " in alone
    assert "Not valid: " not in report
    assert (
        "By itself the test of birds-a, whose figures stand below, is not valid: "
        in report
    )
    assert ("never faster" in report) is ("generator" in found["why"])
