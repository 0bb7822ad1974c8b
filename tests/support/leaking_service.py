"""This service has a leak: every request body that it decodes is kept for good, several times.

`python -m service --target tests.support.leaking_service:Veredicto` serves it; a watch on memory has to notice.
"""

from __future__ import annotations

from typing import Any

from service.app import Veredicto
from service.http.route import ContractRoute

__all__ = ["Veredicto"]

N_COPIES = 4
"""A careless server has a body as it came, as a text, as values and for its log."""

_kept: list[bytes] = []
_decode = ContractRoute.decode


def keep_and_decode(self: ContractRoute, body: bytes, head: Any) -> Any:
    """Decodes as it should, and forgets nothing."""
    _kept.append(bytes(body) * N_COPIES)
    return _decode(self, body, head)


ContractRoute.decode = keep_and_decode  # type: ignore[method-assign]
