"""Settings come from the environment once, and a bad one refuses to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import SettingsError
from service.settings import Settings


def test_without_variables_the_defaults_hold() -> None:
    """The shipped models, strictly, on what the machine has."""
    settings = Settings.from_environment({"PATH": "/bin"})
    assert settings == Settings()
    assert settings.models.name == "exported_models"
    assert settings.strict


def test_every_setting_is_read(tmp_path: Path) -> None:
    """Each field has its variable."""
    settings = Settings.from_environment(
        {
            "VEREDICTO_MODELS": str(tmp_path),
            "VEREDICTO_STRICT": "0",
            "VEREDICTO_DEVICE": "cpu",
            "VEREDICTO_THREADS": "2",
            "VEREDICTO_WORKERS": "3",
            "VEREDICTO_MAX_BODY_BYTES": "1000",
            "VEREDICTO_MAX_ROWS": "10",
            "VEREDICTO_MAX_IN_FLIGHT": "4",
            "VEREDICTO_DEADLINE_S": "5",
            "VEREDICTO_GRPC_PORT": "8001",
            "VEREDICTO_GRPC_HOST": "0.0.0.0",
            "VEREDICTO_POLICY": "epsilon",
            "VEREDICTO_EPSILON": "0.25",
            "VEREDICTO_CHAMPION": "points:points-mlp, wine:wine-knn",
            "VEREDICTO_JOURNAL": str(tmp_path / "journal.db"),
            "VEREDICTO_JOURNAL_ROWS": "500",
            "VEREDICTO_SHADOW": "wine:wine-knn, points:points-mlp",
        }
    )
    assert settings == Settings(
        models=tmp_path,
        strict=False,
        device="cpu",
        threads=2,
        workers=3,
        max_body_bytes=1000,
        max_rows=10,
        max_in_flight=4,
        deadline_s=5,
        grpc_port=8001,
        grpc_host="0.0.0.0",
        policy="epsilon",
        epsilon=0.25,
        champion={"points": "points-mlp", "wine": "wine-knn"},
        journal=tmp_path / "journal.db",
        journal_rows=500,
        shadow={"wine": "wine-knn", "points": "points-mlp"},
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("VEREDICTO_STRICT", "maybe", "VEREDICTO_STRICT: expected 0 or 1, got 'maybe'"),
        (
            "VEREDICTO_DEVICE",
            "tpu",
            "VEREDICTO_DEVICE: expected one of auto, cpu, cuda, got 'tpu'",
        ),
        (
            "VEREDICTO_MAX_ROWS",
            "0",
            "VEREDICTO_MAX_ROWS: expected a whole number from 1 to 2147483647, got '0'",
        ),
        (
            "VEREDICTO_MAX_ROWS",
            "1e3",
            "VEREDICTO_MAX_ROWS: expected a whole number from 1 to 2147483647, got '1e3'",
        ),
        (
            "VEREDICTO_GRPC_PORT",
            "65536",
            "VEREDICTO_GRPC_PORT: expected a port from 1 to 65535, or 0 for none, got '65536'",
        ),
        (
            "VEREDICTO_GRPC_HOST",
            " ",
            "VEREDICTO_GRPC_HOST: expected the name or the address of a host, got ' '",
        ),
        (
            "VEREDICTO_POLICY",
            "greedy",
            "VEREDICTO_POLICY: expected one of champion, thompson, epsilon, got 'greedy'",
        ),
        (
            "VEREDICTO_EPSILON",
            "2",
            "VEREDICTO_EPSILON: expected a number from 0 to 1, got '2'",
        ),
        (
            "VEREDICTO_EPSILON",
            "nan",
            "VEREDICTO_EPSILON: expected a number from 0 to 1, got 'nan'",
        ),
        (
            "VEREDICTO_CHAMPION",
            "points-mlp",
            "VEREDICTO_CHAMPION: expected TASK:MODEL[,TASK:MODEL...], each task once, got 'points-mlp'",
        ),
        (
            "VEREDICTO_CHAMPION",
            "a:a-x,a:a-y",
            "VEREDICTO_CHAMPION: expected TASK:MODEL[,TASK:MODEL...], each task once, got 'a:a-x,a:a-y'",
        ),
        ("VEREDICTO_JOURNAL", "/", "VEREDICTO_JOURNAL: expected a file, got '/'"),
        (
            "VEREDICTO_SHADOW",
            "wine:wine-knn,wine:wine-mlp",
            "VEREDICTO_SHADOW: expected TASK:MODEL[,TASK:MODEL...], each task once, got 'wine:wine-knn,wine:wine-mlp'",
        ),
        (
            "VEREDICTO_SHADOW",
            "wine",
            "VEREDICTO_SHADOW: expected TASK:MODEL[,TASK:MODEL...], each task once, got 'wine'",
        ),
        (
            "VEREDICTO_SHADOW",
            "wine:wine-knn",
            "VEREDICTO_SHADOW needs VEREDICTO_JOURNAL, a file to keep what the models say",
        ),
        ("VEREDICTO_MODELS", "", "VEREDICTO_MODELS: expected a folder, got ''"),
        (
            "VEREDICTO_THREADS",
            "9" * 5000,
            f"VEREDICTO_THREADS: expected a whole number from 1 to 2147483647, got '{'9' * 50}'",
        ),
        (
            "VEREDICTO_DEADLINE_S",
            "-1",
            "VEREDICTO_DEADLINE_S: expected a whole number from 1 to 2147483647, got '-1'",
        ),
    ],
)
def test_a_bad_value_is_refused_with_what_was_expected(
    name: str, value: str, message: str
) -> None:
    """No value is guessed at."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({name: value})
    assert str(refused.value) == message


def test_an_unknown_setting_is_refused_with_the_known_ones() -> None:
    """A misspelt variable must not be ignored."""
    with pytest.raises(
        SettingsError,
        match=r"unknown setting VEREDICTO_MODEL; known settings: VEREDICTO_CHAMPION, ",
    ):
        Settings.from_environment({"VEREDICTO_MODEL": "x"})
