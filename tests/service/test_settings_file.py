"""A file of settings, as VEREDICTO_SETTINGS names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import SettingsError
from service.settings import Settings
from service.settings_file import pin_settings_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tuned.env"


def read(file: Path, **variables: str) -> Settings:
    return Settings.from_environment({"VEREDICTO_SETTINGS": str(file), **variables})


def test_settings_are_read_from_the_file(file: Path) -> None:
    """Comments and empty lines are passed over, quotes are taken off, and a variable goes before the file."""
    file.write_text("# tuned\n\nVEREDICTO_WORKERS=3\nVEREDICTO_THREADS = '2'\n")
    assert (read(file).workers, read(file).threads) == (3, 2)
    assert read(file, VEREDICTO_WORKERS="1").workers == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("VEREDICTO_WORKERS", "line 1: expected VEREDICTO_NAME=VALUE"),
        ("\nWORKERS=3", "line 2: expected VEREDICTO_NAME=VALUE"),
        ("VEREDICTO_SETTINGS=other.env", "other than VEREDICTO_SETTINGS"),
        ("VEREDICTO_THREADS=1\nVEREDICTO_THREADS=2", "line 2: VEREDICTO_THREADS"),
        (
            "VEREDICTO_WORKER=3",
            "unknown setting VEREDICTO_WORKER .did you mean 'VEREDICTO_WORKERS'",
        ),
        ("VEREDICTO_WORKERS=two", "VEREDICTO_WORKERS: expected a whole number"),
        ("\nVEREDICTO_GRPC_HOST=a\0b", "line 2: expected a text, got one with a zero"),
    ],
)
def test_a_line_that_is_no_setting_is_refused(
    file: Path, text: str, message: str
) -> None:
    """The refusal names the line, or the setting."""
    file.write_text(text)
    with pytest.raises(SettingsError, match=message):
        read(file)


def test_a_file_may_be_pinned(file: Path) -> None:
    """Variables take the place of the file, which may change from there on, and go first as before."""
    file.write_text("VEREDICTO_MAX_ROWS=5\nVEREDICTO_WORKERS=3\n")
    environment = {"VEREDICTO_SETTINGS": str(file), "VEREDICTO_WORKERS": "2"}
    before = Settings.from_environment(environment)
    pin_settings_file(environment)
    pin_settings_file(environment)
    file.unlink()

    assert environment == {"VEREDICTO_MAX_ROWS": "5", "VEREDICTO_WORKERS": "2"}
    after = Settings.from_environment(environment)
    assert (after.max_rows, after.workers) == (before.max_rows, before.workers)


def test_a_file_that_cannot_be_read_is_refused(file: Path) -> None:
    """A file that is not there is refused, and so is one that is no text."""
    with pytest.raises(SettingsError, match="expected a file of settings"):
        read(file)

    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        read(file)
