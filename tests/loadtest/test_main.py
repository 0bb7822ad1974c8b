"""`python -m loadtest` asks real servers, says what came of it, and exits with a code for that."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from loadtest.__main__ import find_exit_code, main
from tests.conftest import write_models
from tests.support.image_folders import write_folder
from tests.support.raw_server import run_server
from tests.support.server import Server, free_port, serve

SHORT = ("--duration", "0.5", "--warm-up", "0.1")


@pytest.fixture
def url() -> Iterator[str]:
    """This is the address of a server of a few lines, which never stalls."""
    with run_server() as running:
        yield running


@pytest.fixture(scope="module")
def grpc_port() -> int:
    """The server of the tiny models speaks gRPC at this port."""
    return free_port()


@pytest.fixture(scope="module")
def small_server(
    grpc_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One server of the tiny models, which takes twenty rows at most, is there for all tests of this file."""
    folder = tmp_path_factory.mktemp("small")
    settings = {"VEREDICTO_MAX_ROWS": 20, "VEREDICTO_GRPC_PORT": grpc_port}
    models = write_models(folder / "models")
    with serve(folder, VEREDICTO_MODELS=models, **settings) as running:
        yield running


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A call runs a short test with these words and returns its result."""

    def run(*words: str, code: int = 0) -> dict[str, Any]:
        output = tmp_path / "result.json"
        assert main([*SHORT, *words, "--output", str(output)]) in (0, code)
        document: dict[str, Any] = json.loads(output.read_text())
        return document

    return run


def test_a_result_has_what_was_measured(
    load: Callable[..., dict[str, Any]], url: str
) -> None:
    """Rate, requests, errors and latencies are where the documentation says."""
    found = load("--url", url, "--rate", "800", "--arrivals", "constant")
    assert found["requests"] == 400
    assert found["errors"] == {}
    latency_ms = found["latency_ms"]
    slowest_s = latency_ms["max"] / 1000
    assert 0.99 * 400 / (0.5 + slowest_s) < found["rate"] < 1.01 * 400 / 0.5
    ordered = [latency_ms[name] for name in ("p50", "p90", "p99", "p99_9", "max")]
    assert ordered == sorted(ordered)
    assert ("why" in found) is (not found["valid"])


def test_too_short_a_test_is_not_valid(
    load: Callable[..., dict[str, Any]], url: str
) -> None:
    """The result says so and why, and the command itself was done."""
    found = load("--url", url, "--rate", "100")
    assert found["valid"] is False
    assert "too short: 50 requests were answered" in found["why"]


@pytest.mark.parametrize(
    ("protocol", "path"),
    [
        ("predict", "/predict"),
        ("v2", "/v2/models/wine-mlp/infer"),
        ("v2-binary", "/v2/models/wine-mlp/infer"),
    ],
)
def test_a_model_is_asked_in_each_protocol(
    load: Callable[..., dict[str, Any]], server: Server, protocol: str, path: str
) -> None:
    """All answers are good, and the server says how it spent its time."""
    words = ("--url", server.url, "--model", "wine-mlp", "--protocol", protocol)
    found = load(*words, "--concurrency", "2", "--rows", "3")

    assert found["errors"] == {}
    assert found["target"]["address"] == f"POST {server.url}{path}"
    figures = found["repeats"][0]["server"]
    assert figures["compute_infer_ms"] > 0
    assert figures["requests_per_core_s"] > 0


@pytest.mark.parametrize(
    "words",
    [
        ("--task", "wine"),
        ("--model", "cat_or_automobile-mlp"),
        ("--model", "cat_or_automobile-mlp", "--protocol", "v2-binary"),
        ("--model", "digits-gan", "--protocol", "v2"),
        ("--model", "tacos-linear"),
    ],
)
def test_what_the_card_shows_is_sent(
    load: Callable[..., dict[str, Any]], server: Server, words: tuple[str, ...]
) -> None:
    """A task, a model of images, one of noise and one of categories need no data of the caller's."""
    found = load("--url", server.url, *words, "--concurrency", "1")
    assert found["errors"] == {}
    assert found["requests"] > 0


def test_rows_of_a_table_are_sent_in_turn(
    load: Callable[..., dict[str, Any]], server: Server, tmp_path: Path
) -> None:
    """Columns that are no features are left out, of CSV and of Parquet."""
    features = server.client.get("/models/wine-mlp").json()["input"]["features"]
    columns = {each["name"]: [each["range"][0], each["range"][1]] for each in features}
    frame = pl.DataFrame({"class": ["a", "b"], **columns})
    frame.write_csv(tmp_path / "rows.csv")
    frame.write_parquet(tmp_path / "rows.parquet")

    for name in ("rows.csv", "rows.parquet"):
        words = ("--url", server.url, "--model", "wine-mlp", "--data")
        found = load(*words, str(tmp_path / name), "--concurrency", "1")
        assert found["errors"] == {}
        assert found["target"]["inputs"] == f"2 rows of {name}"
        assert found["target"]["bodies"] == 2


def test_images_of_a_folder_are_sent_in_turn(
    load: Callable[..., dict[str, Any]], server: Server, tmp_path: Path
) -> None:
    """Each file goes as it is, with its content type."""
    folder = write_folder(tmp_path / "images")
    words = ("--url", server.url, "--model", "cat_or_automobile-mlp", "--data")
    found = load(*words, str(folder), "--concurrency", "1")
    assert found["errors"] == {}
    assert found["target"]["bodies"] > 1


@pytest.mark.usefixtures("small_server")
def test_a_model_is_asked_over_grpc(
    load: Callable[..., dict[str, Any]], grpc_port: int
) -> None:
    """The closed and the open loop send tensors made up from the model's metadata, and all are answered."""
    words = ("--url", f"grpc://127.0.0.1:{grpc_port}", "--model", "colour-first")
    closed = load(*words, "--concurrency", "2")
    opened = load(*words, "--rate", "100")

    assert closed["errors"] == opened["errors"] == {}
    assert closed["requests"] > 20
    assert opened["requests"] == 50


@pytest.mark.usefixtures("small_server")
def test_an_unknown_model_over_grpc_is_told_in_the_words_of_the_server(
    capsys: pytest.CaptureFixture[str], grpc_port: int
) -> None:
    """The exit code is 2."""
    words = ("--url", f"grpc://127.0.0.1:{grpc_port}", "--model", "nobody")
    assert main([*words, "--concurrency", "1"]) == 2

    assert "nobody" in capsys.readouterr().err


def test_a_body_goes_to_any_address(
    load: Callable[..., dict[str, Any]], server: Server, tmp_path: Path
) -> None:
    """The file is sent as it is, with headers of the caller's."""
    body = tmp_path / "request.json"
    body.write_text('{"model": "points-mlp", "inputs": [[1, 2]]}')
    words = ("--url", f"{server.url}/predict", "--body", str(body))
    found = load(*words, "--concurrency", "1", "--header", "X-Test: yes")

    assert found["errors"] == {}
    wrong = load(*words, "--concurrency", "1", "--content-type", "text/plain")
    assert set(wrong["errors"]) == {"status 415"}


def test_recorded_arrivals_are_replayed(
    load: Callable[..., dict[str, Any]], url: str, tmp_path: Path
) -> None:
    """All requests of a test are kept in a file, whose arrivals a second test has again."""
    raw = tmp_path / "raw.parquet"
    load("--url", url, "--rate", "200", "--raw", str(raw))
    kept = pl.read_parquet(raw)
    assert kept.columns == ["repeat", "due_s", "latency_ms", "outcome"]
    assert kept.height == 100

    again = tmp_path / "again.parquet"
    load("--url", url, "--replay", str(raw), "--raw", str(again))
    due_s = kept["due_s"] - kept["due_s"][0]
    replayed = pl.read_parquet(again)["due_s"]
    assert replayed.to_list() == pytest.approx(due_s.to_list())


@pytest.mark.parametrize(
    ("slo", "finding"), [("p90<5s,errors<5%", "shown"), ("p50<1us", "refuted")]
)
def test_an_objective_is_judged_at_the_rate_that_is_given(
    load: Callable[..., dict[str, Any]], url: str, slo: str, finding: str
) -> None:
    """A bound far above what was seen is shown, and one far below is refuted."""
    words = ("--url", url, "--rate", "800", "--timeout", "5", "--slo", slo)
    found = load(*words, code=1)
    assert {each["finding"] for each in found["objectives"]} == {finding}


@pytest.mark.parametrize(
    ("valid", "findings", "code"),
    [
        (True, ["shown", "shown"], 0),
        (True, ["shown", "undecided"], 1),
        (False, ["shown"], 1),
        (False, [], 0),
    ],
)
def test_the_exit_code_is_0_where_all_is_shown(
    *, valid: bool, findings: list[str], code: int
) -> None:
    """A test that is not valid shows nothing, and one without objectives has nothing to show."""
    found = [{"finding": each} for each in findings]
    assert find_exit_code({"valid": valid, "objectives": found}) == code


def test_a_missing_library_is_named(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    tmp_path: Path,
) -> None:
    """A test over HTTP needs numpy alone; what tables need is asked for where there is one."""
    for name in ("polars", "grpc", "matplotlib", "tables.reader"):
        monkeypatch.setitem(sys.modules, name, None)

    words = ["--url", url, *SHORT]
    assert main([*words, "--rate", "100"]) == 0
    assert main([*words, "--replay", str(tmp_path / "times.csv")]) == 2
    assert "pip install 'veredicto[load]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--url", "ftp://nowhere", "--rate", "1"), "--url: expected http://HOST:PORT"),
        (("--url", "http://127.0.0.1:1", "--rate", "1"), "no connection"),
        (("--url", "{url}", "--rate", "1", "--output", "/nowhere/x"), "in a folder"),
        (("--url", "{url}", "--rate", "1", "--header", "x"), "--header: expected"),
        (("--url", "{url}", "--rate", "1", "--header", "x y: z"), "--header: expected"),
        (
            ("--url", "{url}", "--rate", "1", "--header", "Content-Length: 5"),
            "--header: Content-Length follows from the body",
        ),
        (("--url", "{url}", "--rate", "1", "--body", "/nowhere"), "No such file"),
        (("--url", "{url}", "--rate", "1e300"), "at most 50,000,000 requests in all"),
        (("--url", "{url}", "--rate", "1", "--shape", "a:-1,3"), "--shape: expected"),
        (("--url", "{url}", "--rate", "1", "--shape", "a:99999,99999"), "--shape: exp"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    capsys: pytest.CaptureFixture[str],
    url: str,
    words: tuple[str, ...],
    message: str,
) -> None:
    """The exit code is 2 and nothing is measured."""
    assert main([word.format(url=url) for word in words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_files_that_cannot_be_used_are_named_before_a_request_is_sent(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A pipe that nobody writes into is not waited for, and what is sent is not written over."""
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    body = tmp_path / "body.json"
    body.write_text("{}")
    nobody = ("--url", "http://127.0.0.1:9", "--rate", "1")
    assert main([*nobody, "--compare", str(pipe)]) == 2
    assert main([*nobody, "--body", str(body), "--output", str(body)]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"error: --compare {pipe}: expected a file, got a named")
    assert second.startswith(f"error: --output {body}: expected a file of its own")
    assert body.read_text() == "{}"


def test_a_full_disk_is_named(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Requests that find no room end the command in a line that says where."""
    words = ("--url", f"{url}/slow", "--rate", "20", "--duration", "1")
    assert main([*words, "--warm-up", "0", "--raw", "/dev/full"]) == 2
    assert (
        capsys.readouterr().err.splitlines()[-1]
        == "error: /dev/full: No space left on device"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--model", "nobody", "--rate", "1"), "unknown model 'nobody'"),
        (("--task", "nothing", "--rate", "1"), "its tasks with classifiers: colour"),
        (("--model", "colour-first", "--rate", "1", "--data", "."), "takes a table"),
        (
            ("--model", "colour-first", "--rate", "1", "--rows", "50"),
            "answered 413: ",
        ),
    ],
)
def test_what_the_server_does_not_have_is_said(
    capsys: pytest.CaptureFixture[str],
    small_server: Server,
    words: tuple[str, ...],
    message: str,
) -> None:
    """The message says what there is, or what would work."""
    assert main(["--url", small_server.url, *words]) == 2

    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--rate", "1", "--concurrency", "1"),
        ("--rate", "fast"),
        ("--concurrency", "0"),
        ("--rate", "1", "--model", "a", "--task", "b"),
        ("--rate", "1", "--slo", "p99>5ms"),
        ("--rate", "1", "--duration", "0"),
        ("--rate", "1", "--method", "HEAD"),
        ("--rate", "1", "--method", "GET /"),
        ("--rate", "1", "--header", "Name: →"),
        ("--rate", "1", "--content-type", "text/plain\r\nName: text"),
        ("--rate", "1", "--task", "a", "--slo", "p99<5ms", "--compare", "old.json"),
        ("--rate", "1", "--task", "a", "--slo", "p99<5ms", "--raw", "raw.parquet"),
    ],
)
def test_words_that_make_no_sense_are_refused(words: tuple[str, ...]) -> None:
    """The process ends with 2, as it does for every command."""
    with pytest.raises(SystemExit) as stopped:
        main(["--url", "http://127.0.0.1:1", *words])

    assert stopped.value.code == 2


def test_the_highest_rate_is_searched(
    load: Callable[..., dict[str, Any]], url: str
) -> None:
    """The result has the rate with its interval, and what was measured at it."""
    words = ("--url", f"{url}/slow", "--duration", "0.2", "--repeats", "1")
    found = load(*words, "--slo", "p50<20ms", code=1)
    assert found["search"]["rate"] > 50
    assert found["load"]["rate"] == found["search"]["rate"]
    assert found["search"]["trials"]


def test_every_classifier_of_a_task_is_measured(
    load: Callable[..., dict[str, Any]], small_server: Server
) -> None:
    """The result joins each one's accuracy with its figures, and the verdict names one of them."""
    words = ("--url", small_server.url, "--task", "colour", "--rate", "100")
    found = load(*words, "--slo", "p50<5s")

    names = [each["model"] for each in found["classifiers"]]
    assert sorted(names) == ["colour-first", "colour-second"]
    assert found["best"] in names
    assert found["best"] in found["verdict"]
    assert found["requests"] == 50


def test_a_test_is_compared_with_an_old_one(
    load: Callable[..., dict[str, Any]], url: str, tmp_path: Path
) -> None:
    """The comparison is in the result; a file that is no result is refused."""
    old = tmp_path / "old.json"
    words = ("--url", f"{url}/slow", "--concurrency", "1", "--repeats", "3")
    load(*words)
    (tmp_path / "result.json").rename(old)
    found = load(*words, "--compare", str(old), "--margin", "500%", code=1)
    figures = [each["figure"] for each in found["comparison"]["changes"]]
    assert figures == ["p50", "p99", "rate"]

    old.write_text("{}")
    assert main([*words, "--compare", str(old)]) == 2
