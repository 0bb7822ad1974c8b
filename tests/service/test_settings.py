"""Settings come from the environment once, and a bad one refuses to start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.errors import SettingsError
from service.settings import Settings


def test_without_variables_the_defaults_hold() -> None:
    """An environment without VEREDICTO_* variables gives the defaults: the shipped models, strictly."""
    settings = Settings.from_environment({"PATH": "/bin"})
    assert settings == Settings()
    assert settings.models.name == "exported_models"
    assert settings.strict


def name_every_variable(folder: Path) -> dict[str, str]:
    """Returns a variable for each kind of setting, with another value than the default."""
    return {
        "VEREDICTO_MODELS": str(folder),
        "VEREDICTO_STRICT": "0",
        "VEREDICTO_DEVICE": "cpu",
        "VEREDICTO_THREADS": "2",
        "VEREDICTO_WORKERS": "3",
        "VEREDICTO_MAX_BODY_BYTES": "1000",
        "VEREDICTO_MAX_ROWS": "10",
        "VEREDICTO_MAX_IN_FLIGHT": "4",
        "VEREDICTO_DEADLINE_S": "5",
        "VEREDICTO_MAX_IMAGE_BYTES": "2000",
        "VEREDICTO_MAX_PIXELS": "3000",
        "VEREDICTO_FAST_PATH": "0",
        "VEREDICTO_GRPC_PORT": "8001",
        "VEREDICTO_GRPC_HOST": "0.0.0.0",
        "VEREDICTO_POLICY": "epsilon",
        "VEREDICTO_EPSILON": "0.25",
        "VEREDICTO_CHAMPION": "points:points-mlp, wine:wine-knn",
        "VEREDICTO_JOURNAL": str(folder / "journal.db"),
        "VEREDICTO_JOURNAL_ROWS": "500",
        "VEREDICTO_SHADOW": "wine:wine-knn, points:points-mlp",
    }


def test_acts_by_costs_need_the_costs_of_each_task(tmp_path: Path) -> None:
    """A task without costs would never have an act, which is said at the start."""
    environment = {
        "VEREDICTO_JOURNAL": str(tmp_path / "journal.db"),
        "VEREDICTO_SHADOW": "wine:wine-knn,points:points-mlp",
        "VEREDICTO_COSTS": f"wine:{tmp_path / 'costs.csv'}",
        "VEREDICTO_ACTS": str(tmp_path / "acts.jsonl"),
        "VEREDICTO_ACTS_BY": "cost",
    }
    words = "VEREDICTO_ACTS_BY=cost needs VEREDICTO_COSTS of each task"
    with pytest.raises(SettingsError, match=words):
        Settings.from_environment(environment)


def test_every_setting_is_read(tmp_path: Path) -> None:
    """Every setting takes the value of the variable that bears its name."""
    settings = Settings.from_environment(name_every_variable(tmp_path))

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
        max_image_bytes=2000,
        max_pixels=3000,
        fast_path=False,
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
            "VEREDICTO_THREADS",
            "100000",
            "VEREDICTO_THREADS: expected a whole number from 1 to 1024, got '100000'",
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
            "VEREDICTO_GRPC_HOST",
            "*",
            "VEREDICTO_GRPC_HOST: expected the name or the address of a host, got '*'",
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
        (
            "VEREDICTO_JOURNAL",
            "/",
            "VEREDICTO_JOURNAL: expected a regular file, got '/'",
        ),
        (
            "VEREDICTO_ACTS",
            "/dev/null",
            "VEREDICTO_ACTS: expected a regular file, got '/dev/null'",
        ),
        (
            "VEREDICTO_SETTINGS",
            "/dev/zero",
            "VEREDICTO_SETTINGS: expected a regular file, got '/dev/zero'",
        ),
        (
            "VEREDICTO_WORKERS",
            "1025",
            "VEREDICTO_WORKERS: expected a whole number from 1 to 1024, got '1025'",
        ),
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
        (
            "VEREDICTO_ACTS_BY",
            "f1",
            "VEREDICTO_ACTS_BY: expected one of accuracy, brier, log_loss, balanced_accuracy, cost, got 'f1'",
        ),
        (
            "VEREDICTO_ACTS_BY",
            "brier",
            "VEREDICTO_ACTS_BY needs VEREDICTO_ACTS, the log of the acts that it is about",
        ),
        (
            "VEREDICTO_FAST_PATH",
            "off",
            "VEREDICTO_FAST_PATH: expected 0 or 1, got 'off'",
        ),
        (
            "VEREDICTO_GRPC_PORT",
            "+80",
            "VEREDICTO_GRPC_PORT: expected a port from 1 to 65535, or 0 for none, got '+80'",
        ),
        ("VEREDICTO_MODELS", "", "VEREDICTO_MODELS: expected a folder, got ''"),
        (
            "VEREDICTO_THREADS",
            "9" * 5000,
            f"VEREDICTO_THREADS: expected a whole number from 1 to 1024, got '{'9' * 50}'",
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
    """A bad value raises SettingsError with the variable, what was expected and what came."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({name: value})
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("VEREDICTO_SETTINGS", "{}"),
        ("VEREDICTO_TOKENS", "{}"),
        ("VEREDICTO_JOURNAL", "{}"),
        ("VEREDICTO_ACTS", "{}"),
        ("VEREDICTO_COSTS", "points:{}"),
    ],
)
def test_a_pipe_is_no_file(tmp_path: Path, name: str, pattern: str) -> None:
    """A pipe, which would be waited for without a word, is refused in the place of any file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(SettingsError, match=f"{name}: expected .*, got '.*pipe'"):
        Settings.from_environment({name: pattern.format(pipe)})


@pytest.mark.parametrize("name", ["VEREDICTO_MODELS", "VEREDICTO_JOURNAL"])
@pytest.mark.parametrize("value", ['"{}"', "'{}'", "{}\r", "{}\n"])
def test_quotes_and_line_ends_are_no_part_of_a_path(
    tmp_path: Path, name: str, value: str
) -> None:
    """A file of variables that was written for a shell, or on Windows, does not begin another journal in silence."""
    path = value.format(tmp_path / "there")
    with pytest.raises(SettingsError, match=f"{name}: expected .*, got ") as refused:
        Settings.from_environment({name: path})

    assert repr(path) in str(refused.value)


def test_an_origin_is_compared_as_browsers_write_it() -> None:
    """A browser leaves the port of a scheme out, and writes small letters and the least digits."""
    given = "https://Shop.example:443, http://[::1]:80,https://a.example:08443,http://a.example:443"
    settings = Settings.from_environment({"VEREDICTO_CORS": given})

    assert settings.cors == (
        "https://shop.example",
        "http://[::1]",
        "https://a.example:8443",
        "http://a.example:443",
    )


@pytest.mark.parametrize("port", ["0", "65536", "99999", "٣"])
def test_an_origin_has_a_port_that_there_is(port: str) -> None:
    """An origin that no browser ever sends is refused, rather than kept for nobody."""
    with pytest.raises(SettingsError, match="VEREDICTO_CORS: expected https://HOST"):
        Settings.from_environment({"VEREDICTO_CORS": f"https://a.example:{port}"})


@pytest.mark.parametrize(("given", "host"), [("[::1]", "::1"), (" ::1 ", "::1")])
def test_an_address_may_have_the_brackets_of_a_url(given: str, host: str) -> None:
    """An address of IPv6 is the same with the brackets that it has ahead of a port."""
    settings = Settings.from_environment({"VEREDICTO_GRPC_HOST": given})
    assert settings.grpc_host == host


@pytest.mark.parametrize("name", ["VEREDICTO_HEALTH_ROUTE", "AIP_HEALTH_ROUTE"])
@pytest.mark.parametrize("path", ["/livez", "/metrics"])
def test_health_has_a_path_that_says_nothing_else(name: str, path: str) -> None:
    """Metrics are 200 whether or not the server is ready, and liveness must not end a server that is not."""
    with pytest.raises(SettingsError, match=r"HEALTH_ROUTE: expected a path .* got '/"):
        Settings.from_environment({name: path})

    assert Settings.from_environment({name: "/healthz"}).health_route == "/healthz"


def test_links_that_lead_to_each_other_are_no_folder(tmp_path: Path) -> None:
    """A link to itself in the place of the models is refused as any other value."""
    link = tmp_path / "link"
    link.symlink_to(link)
    with pytest.raises(SettingsError, match="VEREDICTO_MODELS: expected a folder"):
        Settings.from_environment({"VEREDICTO_MODELS": str(link)})


def test_a_folder_that_a_link_names_is_kept_by_the_name_of_the_link(
    tmp_path: Path,
) -> None:
    """Whoever makes the link lead to another folder later means that one, and not the first one for good."""
    link = tmp_path / "current"
    link.symlink_to("release-1")

    assert Settings.from_environment({"VEREDICTO_MODELS": str(link)}).models == link


def test_an_unknown_setting_is_refused_with_the_known_ones() -> None:
    """A misspelt variable raises SettingsError, which lists the settings that there are."""
    with pytest.raises(
        SettingsError,
        match=r"unknown setting VEREDICTO_MODEL \(did you mean 'VEREDICTO_MODELS'\?\); "
        "known settings: VEREDICTO_ACCESS_LOG, ",
    ):
        Settings.from_environment({"VEREDICTO_MODEL": "x"})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("flowers", {"flowers": ""}),
        ("a=wine-mlp, b=wine-knn", {"a": "wine-mlp", "b": "wine-knn"}),
        ("flowers=model", {"flowers": "model"}),
        ("my flowers.v1_2", {"my flowers.v1_2": ""}),
    ],
)
def test_models_have_further_names(text: str, names: dict[str, str]) -> None:
    """An alias stands alone for the only model, or with the name of one."""
    settings = Settings.from_environment({"VEREDICTO_MODEL_NAME": text})
    assert settings.model_name == names


@pytest.mark.parametrize(
    "text", ["", " ", "a=", "=wine-mlp", "a,b", "a=x,a=y", "a=x,b", "a/b", "a:b"]
)
def test_what_is_no_name_of_a_model_is_refused(text: str) -> None:
    """Names are not empty, come once, and may stand in a path."""
    with pytest.raises(SettingsError, match=r"^VEREDICTO_MODEL_NAME: expected ALIAS "):
        Settings.from_environment({"VEREDICTO_MODEL_NAME": text})


def test_vertex_ais_variables_are_settings_where_ours_are_not_set() -> None:
    """A path of ours goes before that of Vertex AI, and an empty one of Vertex AI's is none."""
    variables = {
        "AIP_PREDICT_ROUTE": "/a",
        "AIP_HEALTH_ROUTE": "",
        "VEREDICTO_PREDICT_ROUTE": "/b",
    }
    settings = Settings.from_environment(variables)
    assert settings.predict_route == "/b"
    assert settings.health_route is None

    theirs = Settings.from_environment({"AIP_PREDICT_ROUTE": "/v1/endpoints/1:predict"})
    assert theirs.predict_route == "/v1/endpoints/1:predict"


@pytest.mark.parametrize("text", ["predict", "", "/a b", "/a?b", "/a#b", "/\u00e9"])
def test_what_is_no_path_is_refused(text: str) -> None:
    """A path begins with a slash and has plain characters."""
    with pytest.raises(
        SettingsError, match=r"^VEREDICTO_HEALTH_ROUTE: expected a path"
    ):
        Settings.from_environment({"VEREDICTO_HEALTH_ROUTE": text})
