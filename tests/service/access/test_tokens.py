"""Tokens, their file and their rights are tested without a server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from service.access.rights import ANY, OPEN, RIGHTS, find_method_rights, find_rights
from service.access.tokens import digest, make_token, parse_tokens, read_tokens
from service.contract.calls import CALLS
from service.errors import SettingsError
from tests.support.server import ROOT

SERVICE = "inference.GRPCInferenceService"


def test_a_new_token_is_in_the_file_by_its_hash_alone() -> None:
    """The line has the name, the SHA-256 and the rights, and parses to a token that is found by its digest."""
    token, line = make_token("shop", frozenset({"predict", "observe"}))
    (parsed,) = parse_tokens(f"# tokens\n\n{line}\n")

    assert token not in line
    assert parsed.name == "shop"
    assert parsed.digest == digest(token.encode())
    assert parsed.rights == {"predict", "observe"}


def test_two_tokens_are_never_the_same() -> None:
    """Each has random bits of its own, whatever its name."""
    made = {make_token("shop", frozenset({"predict"}))[0] for _ in range(20)}
    assert len(made) == 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shop", "line 1: expected NAME SHA256 RIGHT[,RIGHT...], got 1 words"),
        (f"\nshop {'0' * 63} predict", "line 2: the hash of shop is not 64"),
        (f"shop {'0' * 64} fly", "line 1: unknown right 'fly' of shop; rights: "),
        (
            f"a {'0' * 64} predict\na {'1' * 64} predict",
            "line 2: the name 'a' is there twice",
        ),
        (
            f"a {'0' * 64} predict\nb {'0' * 64} admin",
            "line 2: 'b' has the hash of 'a': make a token for each name",
        ),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(text: str, message: str) -> None:
    """The error names the line and what is wrong there, and shows no hash."""
    with pytest.raises(SettingsError) as refused:
        parse_tokens(text)

    assert str(refused.value).startswith(message)
    assert "0" * 60 not in str(refused.value)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """Notepad writes one: the file is read, or a token that was taken out of it would go on."""
    path = tmp_path / "tokens.txt"
    path.write_bytes(b"\xef\xbb\xbf" + f"shop {'0' * 64} predict\r\n".encode())
    assert [each.name for each in read_tokens(path)] == ["shop"]


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """The refusal says which setting and which file are meant, as any other does."""
    path = tmp_path / "tokens"
    path.write_bytes("a".encode("utf-16"))
    with pytest.raises(SettingsError) as refused:
        read_tokens(path)

    assert str(refused.value) == "VEREDICTO_TOKENS, tokens: it is no text in UTF-8"


def test_a_file_that_is_not_there_is_refused_without_its_folder(tmp_path: Path) -> None:
    """The error has the name of the setting and of the file, not the path."""
    with pytest.raises(SettingsError) as refused:
        read_tokens(tmp_path / "tokens.txt")

    assert str(refused.value).startswith("VEREDICTO_TOKENS, tokens.txt: ")
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize("path", [call.route for call in CALLS])
def test_every_call_needs_a_right(path: str) -> None:
    """No call of the contract is open where there are tokens."""
    assert find_rights(path)


@pytest.mark.parametrize(
    ("path", "rights"),
    [
        ("/livez", OPEN),
        ("/readyz", OPEN),
        ("/v2/health/ready", OPEN),
        ("/metrics", {"observe"}),
        ("/judge", {"predict"}),
        ("/trust", {"observe"}),
        ("/live", {"observe"}),
        ("/v2/models/points-mlp/infer", {"predict"}),
        ("/v2/repository/models/points-mlp/load", {"admin"}),
        ("/v2/repository/models/points-mlp/unload", {"admin"}),
        ("/nowhere", set(RIGHTS)),
    ],
)
def test_a_path_has_its_rights(path: str, rights: set[str]) -> None:
    """Probes are open, administration is for `admin` alone, and any token may learn that a path is unknown."""
    assert find_rights(path) == rights


def test_methods_of_grpc_have_the_same_rights() -> None:
    """Inference needs `predict`, and to load a model needs `admin`."""
    assert find_method_rights(f"/{SERVICE}/ModelInfer") == {"predict"}
    assert find_method_rights(f"/{SERVICE}/RepositoryModelLoad") == {"admin"}
    for method in ("", "/", "//", "/x", f"/{SERVICE}", "/x/y/z"):
        assert find_method_rights(method) == ANY


def test_the_command_shows_the_token_once_and_its_line_apart() -> None:
    """The token goes to stderr and the line of the file to stdout, so that `>>` keeps only the line."""
    finished = subprocess.run(
        [sys.executable, "-m", "service.access", "new", "shop", "predict"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    token = finished.stderr.strip()
    (parsed,) = parse_tokens(finished.stdout)
    assert parsed.digest == digest(token.encode())
    assert parsed.rights == {"predict"}
