"""`python -m tuning` measures real servers of tiny models."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.settings import Settings
from tuning.__main__ import main
from tuning.server import run_server

SHORT = ("--slo", "p50<5s", "--trial", "0.2", "--repeats", "3")


@pytest.mark.slow
def test_the_file_of_settings_is_one_that_the_service_reads(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tuner measures two settings at one rate, shows both in its table, and writes one of them to the file."""
    output = tmp_path / "tuned.env"
    words = ("--models", str(models), "--model", "colour-first", *SHORT)
    tried = ("--workers", "1", "--threads", "1", "--max-batch-rows", "1,16")
    aim = ("--goal", "memory", "--rate", "20", "--output", str(output))

    assert main([*words, *tried, *aim]) == 0
    said = capsys.readouterr().out
    assert "the defaults" in said
    assert "max-batch-rows 1 " in said
    settings = Settings.from_environment({"VEREDICTO_SETTINGS": str(output)})
    assert settings.max_batch_rows in (1, 16)
    assert settings.request_threads is not None


def test_memory_is_that_of_all_workers(models: Path, tmp_path: Path) -> None:
    """The supervisor, which the command starts, has a small part of it."""
    with run_server({}, models=models, folder=tmp_path) as server:
        rollup = Path(f"/proc/{server.process_id}/smaps_rollup").read_text()
        mine_kib = int(rollup.partition("Pss:")[2].split()[0])
        assert server.measure_memory_mib() > 2 * mine_kib / 1024


def test_a_model_that_is_not_there_is_told(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 2, and one line says which model was meant."""
    assert main(["--models", str(models), "--model", "colour-third", *SHORT]) == 2
    assert "unknown model 'colour-third'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [("--goal", "memory"), ("--rate", "5"), ("--repeats", "2"), ("--workers", "0")],
)
def test_words_that_make_no_sense_are_refused(words: tuple[str, ...]) -> None:
    """The process ends with 2, as it does for every command."""
    with pytest.raises(SystemExit) as stopped:
        main(["--model", "colour-first", *SHORT, *words])

    assert stopped.value.code == 2


def test_models_that_are_refused_are_told_at_once(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that will never be ready is not waited for, and the line says which file it is."""
    (models / "broken.onnx").write_bytes(b"none")
    assert main(["--models", str(models), "--model", "colour-first", *SHORT]) == 2
    error = capsys.readouterr().err
    assert "the server has not what it needs: " in error
    assert "refused broken.onnx" in error
