"""A file of tokens has one line for each: NAME SHA256 RIGHT[,RIGHT...]; a token itself is never stored.

A token has 256 random bits, so that one fast hash protects it: nobody can try them all.
"""

from __future__ import annotations

import logging
import re
import secrets
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from service.access.file_stamp import stamp_file
from service.access.rights import RIGHTS, Rights
from service.errors import Forbidden, Overloaded, SettingsError, Unauthenticated

TOKEN_BYTES = 32
TOKEN_PREFIX = "veredicto_"
"""Scanners of secrets find a leaked token by this prefix."""
LOOK_EVERY_S = 1.0
MAX_FILE_BYTES = 1_000_000
MAX_REMEMBERED = 1_000
"""So many headers of verified tokens are remembered, each of which then costs no hash."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")

logger = logging.getLogger(__name__)


class Token(NamedTuple):
    """A token is known by its name and by its digest, and gives its holder these rights."""

    name: str
    digest: bytes
    rights: Rights


def make_token(name: str, rights: Rights) -> tuple[str, str]:
    """Returns a new token, and the line of it for the file; raises SettingsError for a name or right that is none."""
    text = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    listed = ",".join(each for each in RIGHTS if each in rights)
    unknown = sorted(rights - set(RIGHTS))
    line = f"{name} {digest(text.encode()).hex()} {','.join([listed, *unknown]).strip(',')}"
    parse_tokens(line)

    return text, line


def digest(token: bytes) -> bytes:
    """Returns the SHA-256 of a token, by which it is compared."""
    return sha256(token).digest()


def parse_tokens(text: str) -> tuple[Token, ...]:
    """Returns the tokens of a file; raises SettingsError, which names the line that is wrong and shows no hash."""
    tokens: dict[str, Token] = {}
    names: dict[bytes, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue

        token = _parse_line(line, number)
        if token.name in tokens:
            raise SettingsError(
                f"line {number}: the name {token.name!r} is there twice"
            )
        other = names.setdefault(token.digest, token.name)
        if other != token.name:
            raise SettingsError(
                f"line {number}: {token.name!r} has the hash of {other!r}: make a token for each name"
            )
        tokens[token.name] = token

    return tuple(tokens.values())


def _parse_line(line: str, number: int) -> Token:
    words = line.split()
    if len(words) != 3 or not _NAME.fullmatch(words[0]):
        raise SettingsError(
            f"line {number}: expected NAME SHA256 RIGHT[,RIGHT...], got {len(words)} words; "
            "`python -m service.access new NAME RIGHT...` makes one"
        )

    name, hexadecimal, listed = words
    if not _DIGEST.fullmatch(hexadecimal):
        raise SettingsError(
            f"line {number}: the hash of {name} is not 64 hexadecimal digits"
        )

    rights = frozenset(listed.split(","))
    unknown = sorted(rights - set(RIGHTS))
    if unknown:
        raise SettingsError(
            f"line {number}: unknown right {unknown[0]!r} of {name}; rights: {', '.join(RIGHTS)}"
        )

    return Token(name, bytes.fromhex(hexadecimal), rights)


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Returns the tokens of the file at a path; raises SettingsError where it cannot be read or is damaged."""
    try:
        return parse_tokens(_read_text(path))
    except SettingsError as error:
        raise SettingsError(f"VEREDICTO_TOKENS, {path.name}: {error}") from error


def _read_text(path: Path) -> str:
    """Returns what the file says; raises SettingsError where it cannot be read."""
    try:
        if not path.is_file():
            raise SettingsError("expected a regular file of tokens, which is not there")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise SettingsError(f"it has more than {MAX_FILE_BYTES} bytes")
        # Notepad writes a byte order mark, and a token that was taken out must not stay for it.
        return content.decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"cannot read it: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SettingsError("it is no text in UTF-8") from error


def _index(tokens: tuple[Token, ...]) -> dict[bytes, Token]:
    return {each.digest: each for each in tokens}


class Tokens:
    """These are the tokens of a file, which is read again once it has changed; a damaged one changes nothing.

    With `waits` a file that is damaged from the beginning is waited for: until then no token can be judged.
    """

    def __init__(self, path: Path, *, waits: bool = False) -> None:
        self._path = path
        self._seen = stamp_file(path)
        self._tokens: dict[bytes, Token] | None = None
        """Tokens are found by their digests; None while none could be read."""
        try:
            self._tokens = _index(read_tokens(path))
        except SettingsError as error:
            if not waits:
                raise
            logger.error("no token can be judged until the file is mended: %s", error)
        self._remembered: dict[bytes, Token] = {}
        self._next_look_s = monotonic() + LOOK_EVERY_S

    def verify(self, authorization: bytes | None) -> Token:
        """Returns the token of an `Authorization` header; raises Unauthenticated where it has none that is known.

        It raises Overloaded where no tokens could be read yet.
        """
        if monotonic() >= self._next_look_s:
            self._look_again()
        if authorization is None:
            raise Unauthenticated("expected a token: Authorization: Bearer TOKEN")

        # A dictionary tells nothing of its keys by time: Python's hash of bytes has a secret of this process. Nobody
        # can choose the digest of what is tried, either.
        token = self._remembered.get(authorization)
        return token if token is not None else self._compare(authorization)

    def _compare(self, authorization: bytes) -> Token:
        scheme, _, given = authorization.strip().partition(b" ")
        if scheme.lower() != b"bearer" or not given.strip():
            raise Unauthenticated(
                "expected Authorization: Bearer TOKEN, got another scheme or no token"
            )

        given_digest = digest(given.strip())
        if self._tokens is None:
            raise Overloaded(
                "tokens cannot be judged now: the file of VEREDICTO_TOKENS is damaged"
            )

        found = self._tokens.get(given_digest)
        if found is None:
            raise Unauthenticated("the token is not known here")

        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[authorization] = found

        return found

    def _look_again(self) -> None:
        self._next_look_s = monotonic() + LOOK_EVERY_S
        seen = stamp_file(self._path)
        if seen == self._seen:
            return

        self._seen = seen
        try:
            self._tokens = _index(read_tokens(self._path))
        except SettingsError as error:
            if self._tokens is None:
                logger.error("no token can be judged yet: %s", error)
            else:
                logger.error("the tokens stay as they were: %s", error)
            return

        self._remembered = {}
        logger.warning("read %s tokens again", len(self._tokens))


class Access:
    """Access lets a caller in by the rights of its token, or by those that are public."""

    def __init__(self, tokens: Tokens | None, public: Rights) -> None:
        self._tokens = tokens
        self._public = public
        self.is_open = tokens is None and public.issuperset({"predict", "observe"})
        """This is true where whoever asks for anything but the administration is let in."""

    @classmethod
    def of(
        cls, path: Path | None, public: Rights | None, *, waits: bool = False
    ) -> Access:
        """Returns the access that the settings say; raises SettingsError for a damaged file of tokens unless it waits.

        What is public is all but the administration where there are no tokens, and nothing where there are.
        """
        if public is None:
            public = frozenset() if path else frozenset({"predict", "observe"})
        return cls(None if path is None else Tokens(path, waits=waits), public)

    def require(self, rights: Rights, authorization: bytes | None) -> str | None:
        """Returns the name of the token, None where none was needed; raises Unauthenticated or Forbidden.

        One of the rights is enough, and no rights need no token.
        """
        if not rights or not rights.isdisjoint(self._public):
            return None
        if self._tokens is None:
            raise Forbidden(_word_closed(rights))

        token = self._tokens.verify(authorization)
        if rights.isdisjoint(token.rights):
            needed = " or ".join(each for each in RIGHTS if each in rights)
            raise Forbidden(
                f"the token {token.name!r} does not have the right {needed}"
            )

        return token.name


def _word_closed(rights: Rights) -> str:
    needed = " or ".join(each for each in RIGHTS if each in rights)
    return (
        f"closed here: this needs a token with the right {needed}, "
        "and the server has no VEREDICTO_TOKENS"
    )
