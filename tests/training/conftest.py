"""Tests of training export many small networks, for which torch's operators are read once in a worker."""

from __future__ import annotations

import pytest

from training.export.torch_operators import keep_torch_operators


@pytest.fixture(scope="session", autouse=True)
def kept_operators() -> None:
    """An export takes less than half of the time so, also where a test calls the pipeline and no command."""
    keep_torch_operators()
