"""`python -m training all` runs in parallel, goes on where it stopped, and is honest about what it did not do."""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from threading import Event, Thread

import polars as pl
import psutil
import pytest

from tables.reader import Table, read_table
from tests.support.image_folders import write_folder
from training.__main__ import main
from training.arguments.command import parse
from training.export.freshness import (
    fingerprint_code,
    is_up_to_date,
    read_card,
    without_docstrings,
)
from training.families.registry import FAMILIES, IMAGE_FAMILIES
from training.jobs import _make_context, run_training
from training.pipeline import Callbacks
from training.shipped import SHIPPED
from training.transfer.pretrained import name_family

ROOT = Path(__file__).resolve().parents[2]
QUICK_THEN_SLOW = ("decision_tree", "random_forest", "gradient_boosting")
"""The first of these is learnt in a second, so that a run can be ended while it learns the others."""


@pytest.fixture
def train_all(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """Runs the command and returns its exit status and what it printed."""
    monkeypatch.setenv("COLUMNS", "120")

    def run(*words: str, folder: Path) -> tuple[int, str]:
        status = main(["all", *words, "--output", str(folder)])
        return status, capsys.readouterr().out

    return run


TrainAll = Callable[..., tuple[int, str]]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Returns 60 rows of numbers, with a column of ids."""
    path = tmp_path / "fruit.csv"
    frame = pl.DataFrame(
        {
            "id": range(60),
            "weight": [100 + 3 * (row % 17) for row in range(60)],
            "size": [4.0 + 0.1 * (row % 13) for row in range(60)],
            "fruit": [("apple", "pear", "fig")[row % 3] for row in range(60)],
        }
    )
    frame.write_csv(path)

    return path


def name_data(table: Path) -> tuple[str, ...]:
    """Returns the words that name what is learnt of the table of fruit, without its column `id`."""
    words = ("--target", "fruit", "--task", "fruit", "--exclude", "id")
    return ("--data", str(table), *words)


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Returns what holds the path of each table that this process reads from now on."""
    paths: list[Path] = []

    def read(path: Path) -> Table:
        paths.append(path)
        return read_table(path)

    monkeypatch.setattr("training.data.table.read_table", read)

    return paths


def test_a_table_is_read_once_to_be_described_and_learnt(
    table: Path,
    tmp_path: Path,
    readings: list[Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One training reads its table once, and says what the columns became, as it learns them."""
    words = ["decision_tree", *name_data(table), "--output", str(tmp_path)]
    assert main(words) == 0

    assert readings == [table]
    assert "weight: a number" in capsys.readouterr().out
    assert (tmp_path / "fruit-decision_tree.onnx").is_file()


def test_a_table_is_not_read_for_files_that_are_not_there(
    train_all: TrainAll, table: Path, tmp_path: Path, readings: list[Path]
) -> None:
    """The table is read to see if a file is up to date only where that file has the same command."""
    words = (*name_data(table), "--family", "decision_tree", "knn", "naive_bayes")
    assert train_all(*words, folder=tmp_path)[0] == 0
    assert len(readings) == 2

    readings.clear()
    (tmp_path / "fruit-knn.onnx").unlink()
    assert train_all(*words, "--seed", "1", folder=tmp_path)[0] == 0
    assert len(readings) == 2


def test_what_is_up_to_date_is_left_as_it_is(
    train_all: TrainAll, table: Path, tmp_path: Path
) -> None:
    """The second run makes only what is missing, the same byte for byte; a broken file counts as missing."""
    families = ("decision_tree", "knn", "naive_bayes")
    words = (*name_data(table), "--family", *families)
    folder = tmp_path / "models"
    status, _ = train_all(*words, folder=folder)
    assert status == 0
    names = [f"fruit-{family}.onnx" for family in families]
    assert sorted(path.name for path in folder.iterdir()) == names
    contents = [(folder / name).read_bytes() for name in names]
    (folder / names[0]).unlink()
    (folder / names[1]).write_bytes(contents[1][:100])
    kept = (folder / names[2]).stat().st_mtime_ns
    status, printed = train_all(*words, folder=folder)
    assert status == 0
    assert "1 of 3 were up to date and left as they are" in printed
    assert (folder / names[2]).stat().st_mtime_ns == kept
    assert [(folder / name).read_bytes() for name in names] == contents
    for name in names:
        assert name.removesuffix(".onnx") in printed

    assert is_up_to_date(folder / names[2], **made(folder / names[2]))

    for field in ("command", "data", "code"):
        assert not is_up_to_date(
            folder / names[2], **made(folder / names[2]) | {field: "other"}
        )


def made(path: Path) -> dict[str, str]:
    """Returns what a file says that it was made by."""
    card = read_card(path)
    assert card is not None
    provenance = card.provenance

    return {
        "command": provenance.command,
        "data": provenance.fingerprint,
        "code": str(provenance.code),
    }


def test_comments_do_not_make_a_file_stale() -> None:
    """Comments and docstrings do not make a file stale, and code does."""
    sources = [
        "def f() -> int:\n    return 1",
        'def f() -> int:\n    """One."""\n    return 1  # so',
        "def f() -> int: ...",
    ]
    one, same, other = (
        ast.unparse(without_docstrings(ast.parse(source))) for source in sources
    )
    assert one == same != other


def test_processes_begin_with_the_families_loaded() -> None:
    """A process that learns is forked from one with all families loaded, so that it imports none again."""
    with ProcessPoolExecutor(1, mp_context=_make_context()) as pool:
        loaded = set(pool.submit(eval, "list(__import__('sys').modules)").result())

    modules = {*FAMILIES.module_names(), *IMAGE_FAMILIES.module_names()}
    assert modules <= loaded


def test_families_have_code_of_their_own() -> None:
    """A change in one family does not make the others stale."""
    fingerprints = {name: fingerprint_code(family) for name, family in FAMILIES.items()}
    assert len(set(fingerprints.values())) == len(FAMILIES)


def test_every_shipped_command_is_one() -> None:
    """Every shipped command is valid and makes another file."""
    parsed = [parse(list(command)) for command in SHIPPED]
    made = {(name_family(options), options.task) for options in parsed}
    assert len(made) == len(SHIPPED)


def test_your_own_table_is_learnt_by_every_suitable_family(
    train_all: TrainAll, table: Path, tmp_path: Path
) -> None:
    """Suitable families learn from the table, and the others are named with their reason."""
    words = (*name_data(table), "--folds", "2")
    families = ("--family", "naive_bayes", "linear", "cnn", "pca")
    status, printed = train_all(*words, *families, folder=tmp_path / "models")

    assert status == 0
    assert sorted(path.stem for path in (tmp_path / "models").iterdir()) == [
        "fruit-naive_bayes",
        "fruit-pca",
    ]
    assert (
        "left out fruit-linear: linear is a regressor, and the target of 'fruit' has classes"
        in printed
    )
    assert "left out fruit-cnn: cnn: the task 'fruit' is not one of images" in printed
    assert "±" in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--task", "fruit", "--target", "fruit"),
            "column 'id' looks like ids: whole numbers that count the rows",
        ),
        (
            ("--task", "fruit"),
            "--data needs --target, the column to predict, and --task, a name for what is learnt",
        ),
        (
            ("--target", "fruit"),
            "--data needs --target, the column to predict, and --task, a name for what is learnt",
        ),
        (
            ("--task", "wine", "--target", "fruit"),
            "--task wine is the name of a bundled data set (tacos, ",
        ),
        (
            ("--task", "digits_origin", "--target", "fruit"),
            "--task digits_origin is the name of a bundled data set (",
        ),
    ],
)
def test_a_table_that_cannot_be_learnt_from_is_refused(
    train_all: TrainAll,
    table: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    message: str,
) -> None:
    """A table that cannot be learnt from is refused before anything is learnt."""
    status, printed = train_all(
        "--data", str(table), *words, folder=tmp_path / "models"
    )
    assert status == 1
    assert f"not written: {message}" in printed
    assert not (tmp_path / "models").exists()


def test_a_folder_that_cannot_be_written_fails_the_run(
    train_all: TrainAll, table: Path
) -> None:
    """A folder that takes no files is told once, before any of the models is learnt."""
    words = name_data(table)
    status, printed = train_all(*words, "--family", "naive_bayes", "knn", folder=table)
    assert status == 1
    assert printed.startswith(f"not written: --output {table}: no file can be written")
    assert printed.count("\n") == 1


@pytest.fixture
def temporary() -> Iterator[Path]:
    """The folder of temporary files has a short path, since sockets lie in it, whose paths Linux limits."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_an_interrupt_stops_all_at_once(tmp_path: Path, temporary: Path) -> None:
    """Ctrl-C to the whole group leaves no traceback, process or temporary file, and what was finished is kept."""
    command = [
        sys.executable,
        "-m",
        "training",
        "all",
        "--task",
        "points",
        "--family",
        *QUICK_THEN_SLOW,
        "--output",
        str(tmp_path),
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while not list(tmp_path.glob("*.onnx")) and process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)

    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped: what was finished is kept" in printed
    assert "Traceback" not in printed
    finished = list(tmp_path.iterdir())
    assert all(read_card(path) for path in finished)
    assert 0 < len(finished) < len(QUICK_THEN_SLOW)
    assert list(temporary.glob("veredicto-*")) == []


def find_workers(pid: int) -> list[psutil.Process]:
    """Returns the processes that learn: on Linux those that another was forked to, elsewhere those that were begun."""
    begun = [
        child
        for child in psutil.Process(pid).children()
        if any("forkserver" in word or "spawn_main" in word for word in child.cmdline())
    ]
    if sys.platform != "linux":
        return begun

    return [worker for server in begun for worker in server.children()]


def test_a_killed_process_is_said(train_all: TrainAll, tmp_path: Path) -> None:
    """A run of which the system kills a process ends, and says what to do."""
    has_ended = Event()

    def kill() -> None:
        while not list(tmp_path.glob("*.onnx")) and not has_ended.wait(0.2):
            pass

        for worker in find_workers(os.getpid()):
            worker.kill()

    killer = Thread(target=kill)
    killer.start()
    words = ("--task", "points", "--family", *QUICK_THEN_SLOW, "--jobs", "1")
    try:
        status, printed = train_all(*words, folder=tmp_path)
    finally:
        has_ended.set()
        killer.join()

    assert status == 1
    assert (
        "a process was killed, perhaps for want of memory: run it again, what was finished is kept"
        in printed
    )
    assert "Traceback" not in printed
    assert len(list(tmp_path.iterdir())) < len(QUICK_THEN_SLOW)


def test_files_of_other_data_under_the_same_task_are_named(
    train_all: TrainAll, table: Path, tmp_path: Path
) -> None:
    """Files of which the service would refuse one, here for a column less, are named."""
    words = ("--data", str(table), "--target", "fruit", "--task", "fruit", "--family")
    assert train_all(*words, "naive_bayes", "--exclude", "id", folder=tmp_path)[0] == 0
    status, printed = train_all(
        *words, "decision_tree", "--exclude", "id", "size", folder=tmp_path
    )
    assert status == 0
    assert (
        "fruit-naive_bayes.onnx was learnt from other data under the same task: learn it again or remove it"
        in printed
    )


def test_images_that_are_equal_are_told_at_the_end(
    tmp_path: Path, train_all: TrainAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A photograph that lies in two folders is learnt twice over, and the command names both."""
    monkeypatch.setenv("VEREDICTO_DATA", str(tmp_path / "cache"))
    folder = write_folder(tmp_path / "sky", per_class=10)
    shutil.copy(folder / "night" / "0001.png", folder / "noon" / "copy.png")
    words = ("--data", str(folder), "--task", "sky", "--size", "8")

    status, said = train_all(
        *words, "--family", "logistic", "--jobs", "1", folder=tmp_path / "out"
    )

    assert status == 0
    assert (
        "2 of 21 images are equal to one of another class, and cannot all be right, as night/0001.png and "
        "noon/copy.png: move or remove them"
    ) in said


def test_nothing_is_learnt_that_could_not_be_written(tmp_path: Path) -> None:
    """A folder that takes no files is told before the learning begins, which may take hours."""
    (tmp_path / "file").touch()
    stages: list[str] = []

    for option in ("--output", "--report"):
        words = ["knn", "--task", "wine", "--output", str(tmp_path)]
        options = parse([*words, option, str(tmp_path / "file" / "below")])
        outcome = run_training(options, Callbacks(stage=stages.append))
        assert outcome.failure is not None
        assert outcome.failure.startswith(f"{option} {tmp_path}/file/below: no file")

    assert stages == []
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
