"""`python -m scoring` from end to end: tables and images, a verdict, rows set aside, and runs that are killed."""

from __future__ import annotations

import csv
import errno
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evaluation.__main__ import main as evaluate
from evaluation.json_differences import find_differences
from model_card import FeatureInput
from scoring.__main__ import main
from scoring.inputs import find_inputs
from scoring.job import Job, Options
from scoring.models import choose_models, load_contents
from scoring.scorer import ANSWERS, SUMMARIES, Scorer
from service.errors import EvaluationError
from service.models.model import Model
from tests.support.coloured_rows import write_rows
from tests.support.hue_images import write_images
from tests.support.scoring_runs import (
    count_done,
    count_rows,
    read_outputs,
    start_scoring,
)
from tests.support.server import ROOT
from tests.support.tiny_models import (
    tiny_card,
    write_image_model,
    write_kind,
    write_tiny,
)
from tests.support.waiting import wait_until

N_ROWS = 400
BLOCK_BYTES = 1000


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.csv", n_rows=N_ROWS)


def score(models: Path, data: object, out: Path, *further: object) -> int:
    words = ("--data", data, "--out", out, "--models", models, "--workers", 1)
    chosen = () if "--model" in further else ("--task", "colour")
    return main([str(each) for each in (*words, *chosen, *further)])


def read_json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def keep_named(full: Any, part: Any) -> Any:
    """Returns of JSON values what others have names for, too."""
    if isinstance(full, dict) and isinstance(part, dict):
        return {name: keep_named(full.get(name), part[name]) for name in part}
    if isinstance(full, list) and isinstance(part, list) and len(full) == len(part):
        return [keep_named(*both) for both in zip(full, part, strict=True)]
    return full


def test_the_verdict_is_that_of_an_evaluation(
    rows: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every number that follows from summaries of many blocks is that of all rows at once, to 1e-9."""
    out = tmp_path / "out"
    assert score(models, rows, out, "--label", "answer", "--block-bytes", 700) == 0
    assert "first is right most often on 400 labelled rows" in capsys.readouterr().out
    words = [
        "--task",
        "colour",
        "--data",
        rows,
        "--models",
        models,
        "--label",
        "answer",
    ]
    words += ["--equal-rows", "apart", "--output", tmp_path / "report.html"]
    assert evaluate([str(each) for each in words]) == 0

    scored = read_json(out / "verdict.json")["numbers"]
    del scored["classes"]
    expected = keep_named(read_json(tmp_path / "report.json")["numbers"], scored)
    assert len(read_json(out / "manifest.json")["parts"]) > 5
    assert {"confusion", "ece"} <= scored["models"][0]["metrics"].keys()
    assert find_differences(expected, scored) == []


def test_answers_are_those_of_the_models(
    rows: Path, models: Path, tmp_path: Path
) -> None:
    """Each row has its file and line, and of each classifier the class and its probability, whatever the blocks."""
    assert score(models, rows, tmp_path / "a", "--block-bytes", 500) == 0
    assert (
        score(models, rows, tmp_path / "b", "--format", "csv", "--probabilities") == 0
    )
    found = pl.read_parquet(tmp_path / "a/predictions/*.parquet")
    whole = pl.read_csv(tmp_path / "b/predictions/part-000000.csv")

    assert found["file"].unique().to_list() == ["rows.csv"]
    assert found["line"].to_list() == list(range(2, N_ROWS + 2))
    assert (
        found["colour-first"].cast(pl.String).to_list()
        == whole["colour-first"].to_list()
    )
    yes = whole["colour-second.probability.yes"]
    no = whole["colour-second.probability.no"]
    assert (yes + no).is_between(0.999999, 1.000001).all()
    assert (
        found["colour-second.probability"]
        .is_close(whole.select(pl.max_horizontal(yes, no)).to_series().cast(pl.Float32))
        .all()
    )


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_of_the_data_stand_beside_the_answers(
    models: Path, tmp_path: Path, kind: str
) -> None:
    """Ids, and features too, are as they are in the data, beside the answers to their rows, whatever the blocks.

    Rows that are set aside have no answer, and leave no id behind.
    """
    frame = pl.DataFrame(
        {
            "customer": [f"{number:05d}" for number in range(100)],
            "size": [f"{number % 7}.50" for number in range(100)],
            "colour": ["red", "green"] * 50,
        }
    )
    frame[40, "size"] = "huge"
    data = tmp_path / f"rows.{kind}"
    frame.write_csv(data) if kind == "csv" else frame.write_parquet(data)
    out = tmp_path / "out"
    words = ("--columns", "customer", "size", "--block-bytes", 300)
    assert score(models, data, out, *words) == 0

    found = pl.read_parquet(out / "predictions/*.parquet")
    kept = frame.with_row_index("place").filter(pl.col("size") != "huge")
    assert found.columns[:4] == ["file", "line", "customer", "size"]
    assert found["customer"].to_list() == kept["customer"].to_list()
    assert found["size"].to_list() == kept["size"].to_list()
    first = 2 if kind == "csv" else 1
    assert found["line"].to_list() == [each + first for each in kept["place"]]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("id", "--columns: expected one of its columns, 'size', 'colour', 'answer'"),
        ("line", "--columns: the answers have a column 'line' of their own"),
        ("colour-first.probability", "a column 'colour-first.probability' of their"),
    ],
)
def test_a_column_that_cannot_stand_beside_the_answers_is_refused(
    rows: Path,
    models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    column: str,
    said: str,
) -> None:
    """A column that is not there, or that the answers have themselves, ends the command with one line."""
    assert score(models, rows, tmp_path / "out", "--columns", column) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_what_cannot_be_asked_is_set_aside(
    rows: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad lines, values and labels are counted and listed with file, line and reason, and all else is scored."""
    with rows.open("a", encoding="utf-8") as file:
        file.write(
            "big,red,yes\n1e39,red,yes\n,red,yes\n0.5,pink,yes\n0.5,red\n0.5,red,perhaps\n0.5,red,\n"
        )
    out = tmp_path / "out"
    assert score(models, rows, out, "--label", "answer") == 0

    with (out / "set-aside.csv").open(encoding="utf-8") as file:
        aside = list(csv.DictReader(file))
    assert [(each["file"], int(each["line"])) for each in aside] == [
        ("rows.csv", line) for line in range(N_ROWS + 2, N_ROWS + 8)
    ]
    assert [each["reason"] for each in aside] == [
        "feature 'size' expects a number, got 'big'",
        "feature 'size' expects a finite number that fits 32 bits (at most 3.4e+38), got '1e39'",
        "feature 'size' is missing; these models were not taught to do without",
        "feature 'colour' expects one of red, green, blue, got 'pink'",
        "expected 3 values, one for each column of the first line, got 2",
        "column 'answer' expects a class of colour, got 'perhaps'; classes: no, yes",
    ]
    manifest = read_json(out / "manifest.json")
    assert (manifest["rows"], manifest["set_aside"]) == (N_ROWS + 1, 6)
    assert manifest["n_unlabelled"] == 1
    assert "rows set aside: 6, in " in capsys.readouterr().out


def test_a_file_of_bad_rows_alone_is_an_error(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the first of them, and no manifest says that the run is done."""
    path = tmp_path / "rows.csv"
    path.write_text("size,colour\nx,red\ny,green\n")
    assert score(models, path, tmp_path / "out") == 2
    assert (
        "error: all of 2 rows are set aside; the first: rows.csv, line 2: feature 'size' expects a number, got 'x'"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "out/manifest.json").exists()


def test_a_run_that_was_killed_goes_on(
    rows: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that was killed by SIGKILL goes on: each row is in the answers once, in files equal to those of one run."""
    out, whole = tmp_path / "out", tmp_path / "whole"
    blocks = ("--label", "answer", "--block-bytes", 100)
    words = ("--task", "colour", "--data", rows, "--models", models, *blocks)
    run = start_scoring(*words, "--workers", 2, "--out", out)
    wait_until(lambda: count_done(out) >= 3 or run.poll() is not None)
    run.kill()
    run.communicate()
    n_done = count_done(out)
    assert not (out / "manifest.json").exists()

    again = start_scoring(*words, "--workers", 2, "--out", out)
    _, told = again.communicate()
    assert again.returncode == 0, told
    assert f"{n_done} of " in told or count_done(out) > n_done
    assert set(count_rows(out).values()) == {1}
    assert len(count_rows(out)) == N_ROWS
    assert score(models, rows, whole, *blocks) == 0
    assert capsys.readouterr().err
    assert read_outputs(out) == read_outputs(whole)


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"format": "veredicto scores", ',
        '{"format": "veredicto scores", "models": [], "inputs": 3, "options": {}}',
        "[1]",
        "[" * 99_999,
        None,
    ],
)
def test_a_plan_that_is_none_is_refused(
    rows: Path,
    models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: str | None,
) -> None:
    """A damaged plan, another program's file or a pipe of that name is told in a line, and nothing is written."""
    out = tmp_path / "out"
    out.mkdir()
    plan = out / "plan.json"
    if content is None:
        os.mkfifo(plan)
    else:
        plan.write_text(content)
    assert score(models, rows, out) == 2
    *_, error = capsys.readouterr().err.splitlines()
    assert error.startswith(f"error: --out {out}: its plan.json is ")
    assert error.endswith(": name another folder, or delete this one to begin anew")
    assert {each.name for each in out.iterdir()} <= {"plan.json", ".lock"}


def damage(out: Path, *, what: str) -> None:
    """Damages a run as people and disks do: a folder is gone, or a summary lacks a part of it."""
    if what == "answers":
        shutil.rmtree(out / ANSWERS)
        return

    summary = next((out / SUMMARIES).iterdir())
    written = read_json(summary)
    if what == "counts":
        written["rows"] = None
    else:
        del written[what]
    summary.write_text(json.dumps(written))


@pytest.mark.parametrize("what", ["answers", "counts", "set_aside", "bytes"])
def test_what_a_run_has_lost_is_made_again(
    rows: Path, models: Path, tmp_path: Path, what: str
) -> None:
    """A block whose answers or summary are damaged is made again by the same command, with the same files."""
    out = tmp_path / "out"
    assert score(models, rows, out, "--block-bytes", 1000) == 0
    whole = read_outputs(out)
    damage(out, what=what)
    assert score(models, rows, out, "--block-bytes", 1000) == 0
    assert read_outputs(out) == whole


def find_children(run: subprocess.Popen[str]) -> list[int]:
    path = Path(f"/proc/{run.pid}/task/{run.pid}/children")
    return [int(each) for each in path.read_text().split()]


def is_worker(process: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def test_a_process_that_is_killed_is_replaced(
    rows: Path, models: Path, tmp_path: Path
) -> None:
    """The run goes on with another process, and no row is lost or doubled."""
    out = tmp_path / "out"
    words = ("--task", "colour", "--data", rows, "--models", models, "--out", out)
    run = start_scoring(*words, "--workers", 1, "--block-bytes", 60)
    wait_until(lambda: count_done(out) >= 2 or run.poll() is not None)
    workers = find_workers(run)
    for each in workers:
        os.kill(each, signal.SIGKILL)
    _, told = run.communicate()

    assert workers
    assert run.returncode == 0, told
    assert set(count_rows(out).values()) == {1}
    assert len(count_rows(out)) == N_ROWS


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("data", "the content of rows.csv was changed"),
        ("model", "the content of colour-first was changed"),
        ("label", "--label was None, is answer"),
    ],
)
def test_a_run_is_not_taken_up_with_other_data(
    rows: Path,
    models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: str,
    said: str,
) -> None:
    """A change is refused by the name of what was changed, and the folder stays as it was."""
    out = tmp_path / "out"
    assert score(models, rows, out) == 0
    before = read_outputs(out)
    if change == "data":
        rows.write_text(rows.read_text().replace("red", "blue", 1))
    if change == "model":
        (models / "colour-second.onnx").rename(models / "other")
        write_swapped(models)
    further = ("--label", "answer") if change == "label" else ()

    assert score(models, rows, out, *further) == 2
    assert said in capsys.readouterr().err
    assert read_outputs(out) == before


def write_swapped(models: Path) -> None:
    """Writes both tiny models anew, each with the answers of the other."""
    write_tiny(models, tiny_card(family="first"), sign=-1.0)
    write_tiny(models, tiny_card(family="second"))


def test_a_run_that_is_done_is_only_told_again(
    rows: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A repeated command computes nothing anew, and says the same."""
    assert score(models, rows, tmp_path / "out", "--label", "answer") == 0
    said = capsys.readouterr().out
    before = read_outputs(tmp_path / "out")
    assert score(models, rows, tmp_path / "out", "--label", "answer") == 0
    assert capsys.readouterr().out == said
    assert read_outputs(tmp_path / "out") == before


def test_images_are_scored_with_those_that_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder is searched at any depth; the folder of an image is its label, and what is no image is set aside."""
    models, photos = tmp_path / "models", tmp_path / "photos"
    models.mkdir()
    write_image_model(models)
    write_images(photos, per_class=4)
    (photos / "red" / "broken.jpg").write_bytes(b"no image")
    out = tmp_path / "out"
    assert score(models, photos, out, "--task", "hue", "--label", "folder") == 0

    found = pl.read_parquet(out / "predictions/*.parquet")
    assert found["file"].to_list() == sorted(
        path.relative_to(photos).as_posix() for path in photos.glob("*/0*.jpg")
    )
    with (out / "set-aside.csv").open(encoding="utf-8") as file:
        (aside,) = csv.DictReader(file)
    assert aside["file"] == "red/broken.jpg"
    assert "image" in aside["reason"]
    assert read_json(out / "verdict.json")["numbers"]["rows"] == 12


def test_folders_within_a_class_belong_to_it(tmp_path: Path) -> None:
    """The label is the first folder that is called as a class, as in judging; a system's own copies are no images."""
    models, photos = tmp_path / "models", tmp_path / "photos"
    models.mkdir()
    write_image_model(models)
    write_images(photos, per_class=2)
    for kept in ("2023/summer", "@eaDir/00.jpg"):
        (photos / "red" / kept).mkdir(parents=True)
    copy = photos / "red" / "@eaDir" / "00.jpg" / "SYNOPHOTO_THUMB_M.jpg"
    copy.write_bytes((photos / "red" / "00.jpg").read_bytes())
    (photos / "red" / "00.jpg").rename(photos / "red" / "2023" / "summer" / "00.jpg")
    out = tmp_path / "out"
    assert score(models, photos, out, "--task", "hue", "--label", "folder") == 0

    found = pl.read_parquet(out / "predictions/*.parquet")
    assert found["file"].to_list() == [
        "blue/00.jpg",
        "blue/01.jpg",
        "green/00.jpg",
        "green/01.jpg",
        "red/01.jpg",
        "red/2023/summer/00.jpg",
    ]
    assert read_json(out / "verdict.json")["numbers"]["rows"] == 6


def test_models_of_other_kinds_are_scored_by_name(tmp_path: Path) -> None:
    """A regressor's answers are numbers."""
    models = tmp_path / "models"
    models.mkdir()
    model = Model.load(write_kind(models, "regressor"))

    assert model is not None
    assert isinstance(model.card.input, FeatureInput)
    path = tmp_path / "rows.csv"
    names = [each.name for each in model.card.input.features]
    path.write_text(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    assert score(models, path, tmp_path / "out", "--model", model.name) == 0
    found = pl.read_parquet(tmp_path / "out/predictions/*.parquet")
    assert found[model.name].dtype == pl.Float32


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("nowhere.csv", "expected a file, a folder or a pattern of files"),
        ("models", "colour takes tables, CSV or Parquet"),
        (
            "other.csv",
            "other.csv: expected a column for each feature of colour, missing: 'colour'",
        ),
    ],
)
def test_what_cannot_be_scored_is_an_error(
    models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    data: str,
    said: str,
) -> None:
    """The exit code is 2, and one line says what was expected and what came."""
    (tmp_path / "other.csv").write_text("size\n1\n")
    assert score(models, tmp_path / data, tmp_path / "out") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert said in error


def test_a_folder_of_something_else_is_not_written_to(
    rows: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder with other files is refused, so that they are not mixed with those of a run."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("all of it")
    assert score(models, rows, tmp_path / "out") == 2
    assert "expected a new or empty folder" in capsys.readouterr().err


def test_several_files_are_scored_in_the_order_of_their_names(
    models: Path, tmp_path: Path
) -> None:
    """A pattern names files of several kinds, and each block is of one file."""
    data = tmp_path / "data"
    data.mkdir()
    frame = pl.read_csv(write_rows(data / "b.csv", n_rows=20))
    frame.write_parquet(data / "a.parquet")
    (data / ".hidden.csv").write_text("no table")
    assert score(models, data / "*.*", tmp_path / "out") == 0
    parts = read_json(tmp_path / "out" / "manifest.json")["parts"]

    assert [(Path(each["input"]).name, each["rows"]) for each in parts] == [
        ("a.parquet", 20),
        ("b.csv", 20),
    ]


def test_answers_may_go_into_the_folder_of_the_data(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A repeated command takes neither its answers nor its list of rows set aside for data."""
    data = tmp_path / "data"
    data.mkdir()
    write_rows(data / "a.csv", n_rows=20)
    assert score(models, data, data / "scores", "--format", "csv") == 0
    said = capsys.readouterr().out
    assert score(models, data, data / "scores", "--format", "csv") == 0
    assert capsys.readouterr().out == said


def test_files_of_a_folder_that_are_not_read_are_told(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A packed table among others is not passed over without a word."""
    data = tmp_path / "data"
    data.mkdir()
    packed = gzip.compress(write_rows(data / "a.csv", n_rows=20).read_bytes())
    (data / "b.csv.gz").write_bytes(packed)
    assert score(models, data, tmp_path / "out") == 0
    assert "1 file of that folder is not read: 'b.csv.gz'" in capsys.readouterr().err


def test_a_name_with_signs_of_a_pattern_is_one_file(
    models: Path, tmp_path: Path
) -> None:
    """Parquet called `x*` is not read with all others whose names begin with x, nor `[1]` taken for a choice."""
    data = tmp_path / "data"
    data.mkdir()
    frame = pl.read_csv(write_rows(tmp_path / "rows.csv", n_rows=20))
    for name in ("x*.parquet", "xy.parquet", "x[1].parquet"):
        frame.write_parquet(data / name)
    assert score(models, data, tmp_path / "out") == 0
    parts = read_json(tmp_path / "out" / "manifest.json")["parts"]

    assert [(each["input"], each["rows"]) for each in parts] == [
        ("x*.parquet", 20),
        ("x[1].parquet", 20),
        ("xy.parquet", 20),
    ]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("how", ["shorter", "as long"])
def test_a_table_that_is_changed_meanwhile_ends_the_run(
    rows: Path, models: Path, tmp_path: Path, ending: str, how: str
) -> None:
    """Rows would be lost or answered for others, so the block is refused by the name of its file."""
    data = rows
    if ending == ".parquet":
        data = tmp_path / "rows.parquet"
        pl.read_csv(rows).write_parquet(data)
    chosen, loaded = choose_models(models, "colour", ())
    out = tmp_path / "out"
    inputs, tasks = find_inputs(
        str(data), loaded.card, label=None, out=out, block_bytes=BLOCK_BYTES
    )
    for folder in (ANSWERS, SUMMARIES):
        (out / folder).mkdir(parents=True)
    job = Job(models=chosen, inputs=inputs, out=out, options=Options())
    scorer = Scorer(job, load_contents(chosen))
    scorer.score(tasks[0])

    content = data.read_bytes()
    content = content[:300] if how == "shorter" else content[::-1]
    data.write_bytes(content)
    os.utime(data, ns=(0, 0))
    with pytest.raises(EvaluationError) as refused:
        scorer.score(tasks[-1])
    assert str(refused.value) == (
        f"{data.name} was changed while it was read: score it, with another --out, once nothing writes it any more"
    )
    assert count_done(out) == 1


def test_a_disk_that_takes_no_more_is_told_with_the_file(
    rows: Path, models: Path, tmp_path: Path
) -> None:
    """The system's error about a file that cannot be written names none, so the file is added."""
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000));"
        "from scoring.__main__ import main; sys.exit(main())"
    )
    out = tmp_path / "out"
    words = ("--task", "colour", "--data", rows, "--models", models, "--out", out)
    found = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert found.returncode == 2
    last = found.stderr.splitlines()[-1]
    assert (
        last
        == f"error: {out}/predictions/part-000000.parquet: {os.strerror(errno.EFBIG)}"
    )


def test_a_block_may_be_larger_than_the_memory_where_the_file_is_not(
    rows: Path, models: Path, tmp_path: Path
) -> None:
    """No more memory is asked for than the file has bytes."""
    out = tmp_path / "out"
    assert score(models, rows, out, "--block-bytes", 10**15) == 0
    assert read_json(out / "manifest.json")["rows"] == N_ROWS


def test_an_interrupt_at_the_start_of_its_processes_is_one_line(
    rows: Path, models: Path, tmp_path: Path
) -> None:
    """Ctrl+C goes to all processes of a terminal; those that score leave it to the one that was started."""
    out = tmp_path / "out"
    words = ("--task", "colour", "--data", rows, "--models", models, "--out", out)
    run = start_scoring(*words, "--workers", 2, "--block-bytes", 1)
    wait_until(lambda: len(find_workers(run)) == 2 or run.poll() is not None)
    held = [read_blocked_signals(each) for each in find_workers(run)]
    run.send_signal(signal.SIGINT)
    _, told = run.communicate()

    assert all(each & 1 << (signal.SIGINT - 1) for each in held)
    assert run.returncode == 130, told
    assert told.splitlines()[-1] == "stopped; the same command goes on"
    assert "Traceback" not in told


def find_workers(run: subprocess.Popen[str]) -> list[int]:
    return [each for each in find_children(run) if is_worker(each)]


def read_blocked_signals(process: int) -> int:
    """Returns the signals that a process holds back, as bits."""
    status = Path(f"/proc/{process}/status").read_text()
    (blocked,) = re.findall(r"^SigBlk:\s*(\w+)$", status, re.MULTILINE)
    return int(blocked, 16)
