"""The codec reads base64 as it comes, and says what would work where it does not."""

from __future__ import annotations

import re
from base64 import b64encode, encodebytes, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract.codec import decode_base64


@given(st.binary())
def test_base64_is_read_in_lines_and_without_padding(content: bytes) -> None:
    """Line breaks, as base64(1) writes them, and a missing padding change nothing."""
    plain = b64encode(content).decode()

    assert decode_base64(plain) == content
    assert decode_base64(plain.rstrip("=")) == content
    assert decode_base64(encodebytes(content).decode()) == content
    assert decode_base64("\r\n".join(plain)) == content


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data:image/png;base64,YQ==", "it is a data URL: send what follows its comma"),
        (
            urlsafe_b64encode(b"\xff\xfe\xfd").decode(),
            "it has - or _, of the alphabet for URLs: send + and / for them",
        ),
        (
            "Y*==",
            "Only base64 data is allowed; expected letters, digits, + and /, with = at the end",
        ),
    ],
)
def test_the_refusal_of_other_base64_says_what_would_work(
    text: str, words: str
) -> None:
    """A data URL, the alphabet for URLs and other signs are refused in words that help."""
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        decode_base64(text)
