"""A page of ours runs its own scripts and asks its own server; a browser holds it to that by these headers."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import lru_cache
from hashlib import sha256

from service.http.responses import Headers

_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_POLICY = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
PAGE_HEADERS: Headers = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        b"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
"""A page whose scripts and styles are all files of their own has these headers."""


@lru_cache(maxsize=8)
def protect_page(page: bytes) -> Headers:
    """Returns the headers of a page, which let none but its own scripts run, each known by its hash."""
    scripts = "".join(
        f" 'sha256-{b64encode(sha256(each).digest()).decode()}'"
        for each in _SCRIPT.findall(page)
    )

    return (
        (b"content-security-policy", _POLICY.format(scripts=scripts).encode()),
        (b"referrer-policy", b"no-referrer"),
        (b"x-frame-options", b"DENY"),
    )
