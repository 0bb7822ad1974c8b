"""An image file that is not decoded is refused in our words, not in those of a decoder about its own inside."""

from __future__ import annotations

from service.errors import InvalidRequest
from service.models.images.headers import name_kind, name_signature
from service.models.images.media_types import MEDIA_TYPES

_WORDS_FOR_SHORT = ("truncated", "too short", "unexpected end", "premature")
_WORDS_FOR_UNKNOWN = ("unsupported", "unknown", "not supported")


def is_of_type(found: str, media_type: str) -> bool:
    """Returns whether a file of this kind may have this media type, which need not be one of images."""
    return MEDIA_TYPES.get(_shorten(media_type), found) == found


def check_type(found: str, media_type: str, where: str) -> None:
    """Raises InvalidRequest where a media type of images was said, and the file is of another kind."""
    if not is_of_type(found, media_type):
        raise InvalidRequest(
            f"{where}: its Content-Type is {_shorten(media_type)}, its bytes are those of a {found} file"
        )


def _shorten(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


def describe_unknown(content: bytes) -> str:
    """Returns what bytes are that are no image file which is decoded here, and what would work."""
    if not content:
        return "nothing"

    kind = name_kind(content)
    if kind is not None:
        return f"{kind}: convert it"

    kind = name_signature(content)
    if kind is not None:
        return f"a {kind} file whose head is broken"

    return f"{len(content)} bytes that begin with {content[:8]!r}"


def explain_broken(error: Exception) -> str:
    """Returns in our words what a decoder says of a file, which says it of its own inside."""
    text = str(error).lower()
    if any(word in text for word in _WORDS_FOR_SHORT):
        return "the file ends before its image does"
    if any(word in text for word in _WORDS_FOR_UNKNOWN):
        return "the file is of a kind that is not decoded here"

    return "the file is broken"
