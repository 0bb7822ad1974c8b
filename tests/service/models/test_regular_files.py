"""A file that is not regular is refused without being opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.errors import ModelRefused
from service.models.regular_files import read_file


def test_a_fifo_in_place_of_a_file_is_not_opened(tmp_path: Path) -> None:
    """Reading what became a FIFO after it was found is refused at once."""
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(ModelRefused, match="expected a regular file, got a FIFO"):
        read_file(tmp_path / "fifo", max_bytes=10)
