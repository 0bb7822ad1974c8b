"""Every command names what a misspelt option or choice is nearest to, and a missing library by what brings it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cli.__main__ import main
from cli.parser import ArgumentParser, suggest


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("evaluate --task wine --dta x.csv", "(did you mean '--data'?)"),
        ("score --task wine --data x --out y --lable z", "(did you mean '--label'?)"),
        ("load --url http://x --concurency 3", "(did you mean '--concurrency'?)"),
        ("load --url http://x --arrivals poison", "(did you mean 'poisson'?)"),
        ("tune --model m --slo p99<2ms --goal memry", "(did you mean 'memory'?)"),
        ("train mlp --task wine --hiden 3", "(did you mean '--hidden'?)"),
        ("train logistik --task wine", "(did you mean 'logistic'?)"),
        ("adopt a --task x --data y --tarrget z", "(did you mean '--target'?)"),
    ],
)
def test_what_is_near_is_named(
    command: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt option, command or value is refused with the one that is nearest to it."""
    with pytest.raises(SystemExit) as raised:
        main(command.split())

    assert raised.value.code == 2
    assert capsys.readouterr().err.strip().endswith(hint)


def test_what_is_far_from_all_is_only_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No option is named where none is near."""
    parser = ArgumentParser()
    parser.add_argument("--data")

    with pytest.raises(SystemExit):
        parser.parse_args(["--zzz"])

    assert "did you mean" not in capsys.readouterr().err
    assert suggest(["zzz"], ["data", "out"]) == ""


@pytest.mark.parametrize(
    ("package", "words", "extras"),
    [
        ("scoring", "--task wine --data x.csv --out y", "cpu,evaluate"),
        (
            "training.adopt",
            "README.md --task x --data README.md --target y",
            "train",
        ),
    ],
)
def test_a_missing_library_is_named_by_what_brings_it(
    package: str, words: str, extras: str
) -> None:
    """The process is one in which polars cannot be imported."""
    program = (
        "import runpy, sys; sys.modules['polars'] = None; "
        f"sys.argv[1:] = {words.split()!r}; "
        f"runpy.run_module({package!r}, run_name='__main__', alter_sys=True)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        f"veredicto {'score' if package == 'scoring' else 'adopt'} needs polars, which is not installed: "
        f"make install in a clone, or pip install 'veredicto[{extras}]'"
    ]
