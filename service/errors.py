"""The domain's errors know nothing of HTTP or gRPC: each transport maps them to its own statuses in one place.

VeredictoError
├── SettingsError        a VEREDICTO_* variable is unknown or has a bad value: the service refuses to start
├── ModelRefused         a file of the model folder cannot be served
├── InvalidRequest       the request is at fault: its JSON, a field, a row, a value
├── NotFound             no such model or task
├── Unauthenticated      the caller has no token, or one that is not known
├── Forbidden            the caller's token, or its page's site, does not have the right
├── TooLarge             over a limit; the text names the limit and its setting
├── UnsupportedMediaType a content type or encoding that the route does not take
├── BodyTooSlow          the body came too slowly while others waited for its memory
├── NotReady             models are missing or were refused
├── Overloaded           more work waiting than allowed
├── DeadlinePassed       the answer was not ready in time
├── EvaluationError      labelled data, evidence or a gate that no report can be made of; a server that cannot be asked
├── LoadTestError        a load test that cannot be run or judged
└── Defect               of the service, never of the request; the log has what it is
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

MAX_HINTED_CHARS = 60
"""A longer name is compared with no other: the time that takes grows with the square of its length."""
MAX_HINTS_FROM = 100
"""So many known names are compared, which takes 1 ms, and 4 ms where a client chooses the worst."""
MIN_LIKENESS = 0.7
MAX_COMPOSED_CHARS = 1_000
"""A longer name is not looked at for other encodings of its accents."""


def hint_at(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """Returns " (did you mean 'x'?)" for the known name that is most like this one, or an empty text.

    A prefix that all names have says nothing of how much they are alike.
    """
    known = tuple(known)
    by_form = hint_at_form(name, known)
    if by_form:
        return by_form

    like = find_like(name, known, prefix=prefix)
    return f" (did you mean {like!r}?)" if like else ""


def find_like(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """Returns the known name that is most like this one, or an empty text."""
    if len(name) > MAX_HINTED_CHARS:
        return ""

    compared = [each for each in known if len(each) <= MAX_HINTED_CHARS]
    by_ending = {
        each.removeprefix(prefix).lower(): each for each in compared[:MAX_HINTS_FROM]
    }
    ending = name.removeprefix(prefix).lower()
    near = get_close_matches(ending, by_ending, n=1, cutoff=MIN_LIKENESS)

    return by_ending[near[0]] if near else ""


def hint_at_form(name: str, known: Iterable[str]) -> str:
    """Returns a hint where a known name is the same text to every eye, with its accents encoded in another way."""
    if name.isascii() or len(name) > MAX_COMPOSED_CHARS:
        return ""

    from unicodedata import is_normalized, normalize

    composed = normalize("NFC", name)
    for each in known:
        if not each.isascii() and normalize("NFC", each) == composed:
            form = "NFC" if is_normalized("NFC", each) else "NFD"
            return (
                f" (the same letters are known in Unicode's form {form}: send them so)"
            )

    return ""


class VeredictoError(Exception):
    """Something that a person can mend; the text says what was expected, what came, and what would work.

    `model` is the `Graph` that a request was for, where it got that far.
    """

    model: Any = None
    request_id: str | None = None
    """A defect has the id that its log line has, where the request came without one."""

    def forget_frames(self) -> None:
        """Lets go of the frames that it came through, once nobody needs to know them.

        They have the request, and futures in them have the error: neither would go before the collector of cycles came.
        """
        self.__traceback__ = None
        self.__context__ = None


class SettingsError(VeredictoError): ...


class ModelRefused(VeredictoError): ...


class InvalidRequest(VeredictoError): ...


class NotFound(VeredictoError): ...


class Unauthenticated(VeredictoError): ...


class Forbidden(VeredictoError): ...


class TooLarge(VeredictoError): ...


class UnsupportedMediaType(VeredictoError): ...


class BodyTooSlow(VeredictoError): ...


class NotReady(VeredictoError): ...


class Overloaded(VeredictoError): ...


class DeadlinePassed(VeredictoError): ...


class Defect(VeredictoError): ...


class EvaluationError(VeredictoError): ...


class LoadTestError(VeredictoError): ...
