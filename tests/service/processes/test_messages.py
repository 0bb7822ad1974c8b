"""Each message between the supervisor and its processes is described."""

from __future__ import annotations

from typing import get_args

import pytest

from service.processes import messages
from service.processes.messages import ToProcess, ToSupervisor


@pytest.mark.parametrize("kind", [*get_args(ToProcess), *get_args(ToSupervisor)])
def test_each_kind_of_message_is_described(kind: str) -> None:
    """The list of messages has a word for each kind."""
    assert f"`{kind}`" in (messages.__doc__ or "")
