"""The settings of access are checked before anything listens."""

from __future__ import annotations

from service.access.tls import make_ssl_context
from service.access.tokens import read_tokens
from service.settings import Settings


def check_access(settings: Settings) -> None:
    """Raises SettingsError for a damaged file of tokens, and for certificates that do not work."""
    if settings.tokens is not None:
        read_tokens(settings.tokens)
    make_ssl_context(settings)
