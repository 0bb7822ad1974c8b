"""The sequential test's limits are where confseq, by those who published the bets, has the capital that it takes.

The last release has no wheel for this Python, and its sources need a C++ library to be built; the bets are plain
Python, which is taken out of the wheel of another.
"""

from __future__ import annotations

import importlib
import multiprocessing
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from stats import sequential

WHEEL = (
    "confseq==0.0.9 --python-version 3.10 --abi cp310 --platform manylinux_2_17_x86_64"
)
ROWS = np.array([-1.0, 0.0, 1.0])
ALPHA = 0.05


@pytest.fixture(scope="module")
def betting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Yields confseq's module of bets, with the names that NumPy 2 and a virtual environment without it lack."""
    folder = tmp_path_factory.mktemp("confseq")
    words = f"download {WHEEL} --implementation cp --no-deps --only-binary=:all: --quiet --dest"
    fetched = subprocess.run(
        [sys.executable, "-m", "pip", *words.split(), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if fetched.returncode:
        pytest.skip("confseq cannot be fetched")

    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setattr(np, "float_", np.float64, raising=False)
        # It is the standard library's module with another way to send functions, which nothing here does.
        patch.setitem(sys.modules, "multiprocess", multiprocessing)
        module = importlib.import_module("confseq.betting")
        yield module
    for name in [each for each in sys.modules if each.partition(".")[0] == "confseq"]:
        del sys.modules[name]


def find_capital(
    betting: Any, x: np.ndarray, mean: float, odds: np.ndarray, *, above: bool
) -> float:
    """Returns what confseq's bets, one of each odds, have made of 1 after all values: that they are above, or below."""
    side = mean if above else 1 - mean
    capitals = [
        betting.betting_mart(
            x,
            mean,
            lambdas_fn_positive=lambda x, _, each=each: np.full(
                len(x), each / (1 + each * side)
            ),
            theta=1 if above else 0,
            trunc_scale=1,
        )[-1]
        for each in odds
    ]
    return float(np.mean(capitals))


@pytest.mark.network
@pytest.mark.parametrize(
    "shares", [(0.1, 0.7, 0.2), (0.3, 0.3, 0.4), (0.01, 0.97, 0.02)]
)
@pytest.mark.parametrize("n_groups", [60, 400, 3000])
@pytest.mark.parametrize("odds", [sequential.ODDS, sequential.LOSS_ODDS])
def test_limits_are_where_its_capital_is_large_enough(
    betting: Any, shares: tuple[float, ...], n_groups: int, odds: np.ndarray
) -> None:
    """The capital of bets on both sides is 2 / alpha times the first at a limit, to a millionth of it."""
    drawn = np.random.default_rng(7).choice(3, p=shares, size=n_groups)
    counts = np.bincount(drawn, minlength=3)[None]
    limits = (sequential.bound(ROWS, counts, alpha=ALPHA, odds=odds)[0] + 1) / 2
    x = (ROWS[drawn] + 1) / 2

    for limit, above in zip(limits, (True, False), strict=True):
        capital = find_capital(betting, x, float(limit), odds, above=above)
        assert capital == pytest.approx(2 / ALPHA, rel=1e-6)
