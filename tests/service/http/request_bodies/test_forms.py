"""Requests that carry image files, as a raw body with its query and as multipart."""

from __future__ import annotations

import base64
import email.policy
import quopri
import re
from collections.abc import Callable
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract.codec import RequestDecoder
from service.contract.limits import (
    MAX_FORM_FIELD_BYTES,
    MAX_FORM_FIELDS,
    MAX_PART_FIELD_BYTES,
    MAX_PART_FIELDS,
)
from service.contract.requests import CompareRequest
from service.errors import InvalidRequest
from service.http.request_bodies.forms import read_query, read_request
from service.models.images.media_types import ImageFile
from tests.support.any_text import any_text

DECODER = RequestDecoder(CompareRequest)
KNOWN = CompareRequest.__struct_fields__
BOUNDARY = "BOUNDARY"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
TASK = ("task", "colour")
NO_BOUNDARY = (
    "malformed multipart: expected the boundary 'BOUNDARY' that the Content-Type names, "
    "found none in the body"
)


def read(media_type: str, body: bytes = b"", query: bytes = b"") -> CompareRequest:
    """Returns the request for a comparison that these make."""
    request: CompareRequest = read_request(
        media_type,
        body,
        query,
        KNOWN,
        lambda fields: DECODER.convert(fields, strict=False),
    )
    return request


def part(name: str, content: bytes, *, file: str = "", media_type: str = "") -> bytes:
    """Returns a part of a form; it is a file where it has the name of one."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
    head += f'; filename="{file}"' if file else ""
    head += f"\r\nContent-Type: {media_type}" if media_type else ""
    return head.encode() + b"\r\n\r\n" + content + b"\r\n"


def picture(content: bytes = b"PNG", *, name: str = "image") -> bytes:
    return part(name, content, file="a.png", media_type="image/png")


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def text(name: str, value: str) -> bytes:
    return part(name, value.encode())


def refuse(refusal: str) -> Any:
    """Returns the context in which exactly this text is the refusal."""
    return pytest.raises(InvalidRequest, match=f"^{re.escape(refusal)}$")


def test_a_raw_body_is_the_image_and_the_query_has_the_rest() -> None:
    """Repeated fields of the query make a list, and `label` is one of `labels`."""
    query = b"task=colour&models=first&models=second&label=red&labels=a%20b"
    request = read("image/png", b"PNG", query)
    assert request.inputs == [ImageFile(b"PNG", "image/png")]
    assert request.task == "colour"
    assert request.models == ["first", "second"]
    assert request.labels == ["red", "a b"]


def test_a_form_has_files_and_fields_in_their_order() -> None:
    """Every file of a form is an input, with the type that the form gives it, and none where it gives none."""
    body = form(
        picture(b"1"),
        text("task", "colour"),
        part("image", b"2", file="b"),
        text("models", "first"),
        text("models", "second"),
    )
    request = read(MULTIPART, body)
    assert [each.content for each in request.inputs] == [b"1", b"2"]
    assert request.inputs[0].media_type == "image/png"
    assert request.task == "colour"
    assert request.models == ["first", "second"]


def test_fields_of_the_query_and_of_the_form_go_together() -> None:
    """A form's address may have a query, whose fields come first."""
    body = form(picture(), text("models", "second"))
    request = read(MULTIPART, body, b"task=colour&models=first")
    assert (request.task, request.models) == ("colour", ["first", "second"])


@given(st.lists(st.binary(), min_size=1, max_size=5))
def test_files_keep_their_bytes(contents: list[bytes]) -> None:
    """A file comes out as it went in, with line ends and dashes."""
    body = form(text(*TASK), *map(picture, contents))
    found = read(MULTIPART, body).inputs
    assert [file.content for file in found] == contents


@given(any_text())
def test_texts_of_a_form_are_utf_8(value: str) -> None:
    """A field holds any text; bytes that are none become the sign of a replacement."""
    assert read(MULTIPART, form(picture(), text("task", value))).task == value
    broken = form(picture(), part("task", b"\xff"))
    assert read(MULTIPART, broken).task == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        (
            b"task=a&size=3",
            "unknown field 'size'; beside the image this call takes task, models, labels",
        ),
        (
            b"task=a&inputs=3",
            "unknown field 'inputs'; beside the image this call takes task, models, labels",
        ),
        (b"task=a&task=b", "field 'task': expected it once, got it again"),
        (
            b"",
            f"missing required field task; this call takes {CompareRequest.__doc__}",
        ),
    ],
)
def test_a_query_that_the_call_does_not_take_is_refused(
    query: bytes, refusal: str
) -> None:
    """The refusal names the field, and what the call takes."""
    with refuse(refusal):
        read("image/png", b"PNG", query)


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (
            form(text(*TASK)),
            "expected at least one file in the field 'image', got none",
        ),
        (
            form(text(*TASK), picture(name="picture")),
            "form file 'picture': expected files in the field 'image'",
        ),
        (
            form(picture(), text("task", "x" * (MAX_FORM_FIELD_BYTES + 1))),
            f"form field 'task': expected at most {MAX_FORM_FIELD_BYTES} bytes",
        ),
        (
            form(picture(), text(*TASK), text(*TASK)),
            "field 'task': expected it once, got it again",
        ),
        (b"", NO_BOUNDARY),
        (b"nothing", NO_BOUNDARY),
        (b"--OTHER\r\n\r\n", NO_BOUNDARY),
        (
            form(*[picture(b"")] * (MAX_FORM_FIELDS + 1)),
            f"malformed multipart: {MAX_FORM_FIELDS + 1} parts are over the limit of {MAX_FORM_FIELDS}",
        ),
        (
            form(part("task", b"", media_type="x" * MAX_PART_FIELD_BYTES)),
            f"malformed multipart: a field of a part's head is over the limit of {MAX_PART_FIELD_BYTES} bytes "
            "(byte 71 of the form)",
        ),
        (
            form(b"--BOUNDARY\r\n" + b"A: b\r\n" * 9 + b"\r\n"),
            f"malformed multipart: the head of a part has more than {MAX_PART_FIELDS} fields (byte 60 of the form)",
        ),
        (
            form(b"--BOUNDARY\r\nno head\r\n\r\n"),
            "malformed multipart: the head of a part is not of lines like 'Name: value' (byte 14 of the form)",
        ),
        (
            form(b"--BOUNDARY\r\nContent-Disposition: form-data\r\n\r\nx\r\n"),
            "malformed multipart: expected a Content-Disposition with a name in the head of each part, "
            "got 'form-data'",
        ),
        (
            form(
                picture(b"").removesuffix(b"\r\n\r\n\r\n")
                + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n!!\r\n"
            ),
            "malformed multipart: 'image' is not base64, as its Content-Transfer-Encoding says: "
            "Only base64 data is allowed; expected letters, digits, + and /, with = at the end",
        ),
        (
            picture() + text(*TASK),
            "malformed multipart: the body ends before its last boundary",
        ),
    ],
)
def test_a_form_that_the_call_does_not_take_is_refused(
    body: bytes, refusal: str
) -> None:
    """A part that is missing, misnamed, too long, repeated or cut off is told."""
    with refuse(refusal):
        read(MULTIPART, body)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"made by a mailer\r\n", b""),
        (b"\r\n", b""),
        (b"--\r\n--BOUND\r\n", b""),
        (b"", b"the end"),
        (b"", b"\r\n\r\n--BOUNDARY\r\nno part\r\n"),
        (b"one\r\n\r\n", b"\r\nother\r\n"),
    ],
)
def test_what_stands_around_a_form_is_passed_over(before: bytes, after: bytes) -> None:
    """Bytes before the first boundary and after the last are none of the form, as RFC 2046, 5.1.1 has it."""
    body = form(text(*TASK), picture(b"1")).removesuffix(b"\r\n")
    request = read(MULTIPART, before + body + after)

    assert request.task == "colour"
    assert [each.content for each in request.inputs] == [b"1"]


def test_blanks_may_follow_a_boundary() -> None:
    """A boundary may have blanks behind it on its line, as RFC 2046, 5.1.1 has it."""
    body = form(text(*TASK), picture(b"1"))
    padded = body.replace(b"--BOUNDARY\r\n", b"--BOUNDARY \t\r\n")

    assert padded.count(b"--BOUNDARY \t\r\n") == 2
    assert read(MULTIPART, padded).inputs[0].content == b"1"


@pytest.mark.parametrize(
    "name",
    [
        "; filename*=UTF-8''foto%20de%20%C3%B1and%C3%BA.png",
        "; FILENAME* = nonsense",
        "",
        '; filename=""',
    ],
    ids=["extended", "of no charset", "none", "empty"],
)
def test_a_file_needs_no_plain_name(name: str) -> None:
    """The field of the images has files, whatever their names: urllib3 before 1.25 writes `filename*` alone."""
    head = f'--BOUNDARY\r\nContent-Disposition: form-data; name="image"{name}\r\n'
    large = b"P" * (MAX_FORM_FIELD_BYTES + 1)
    body = form(text(*TASK), head.encode() + b"\r\n" + large + b"\r\n")

    assert [each.content for each in read(MULTIPART, body).inputs] == [large]


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("base64", base64.encodebytes),
        ("BASE64", lambda content: base64.encodebytes(content).replace(b"\n", b"\r\n")),
        ("base64", lambda content: base64.b64encode(content).rstrip(b"=")),
        ("quoted-printable", quopri.encodestring),
        ("binary", bytes),
        ("8bit", bytes),
    ],
)
def test_a_part_may_be_encoded_as_in_a_mail(
    encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    """Base64 in lines, with an end of line or without, is what Python's `email` makes of a file."""
    content = bytes(range(256)) * 3 + b"=!"
    head = picture(b"").removesuffix(b"\r\n\r\n\r\n")
    head += f"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    body = form(text(*TASK), head + encode(content) + b"\r\n")

    assert read(MULTIPART, body).inputs[0].content == content


@pytest.mark.parametrize("n_chars", [1, 60, 200, 900])
@pytest.mark.parametrize("content", [b"P", b"\r\n \r\n\t\r\n\r\n \r\n--BOUND\r\n x: y"])
def test_fields_of_a_part_may_go_on_on_the_next_line(
    n_chars: int, content: bytes
) -> None:
    """Python's `email` folds long fields, as RFC 5322, 2.2.3 has it; what looks so in a file stays as it is."""
    mail = MIMEMultipart("form-data", BOUNDARY)
    for fields in ({"name": "task"}, {"name": "image", "filename": "n" * n_chars}):
        entry = MIMENonMultipart("image", "png")
        entry.add_header("Content-Disposition", "form-data", **fields)
        mail.attach(entry)
    whole = mail.as_bytes(policy=email.policy.HTTP.clone(max_line_length=40))
    _, _, body = whole.partition(b"\r\n\r\n")
    before, middle, after = re.split(rb"(?<=\r\n\r\n)(?=\r\n--BOUNDARY)", body)
    request = read(MULTIPART, before + b"colour" + middle + content + after)

    assert b"\r\n " in middle
    assert request.task == "colour"
    assert [each.content for each in request.inputs] == [content]


@pytest.mark.parametrize("fold", [b"\r\n ", b"\r\n\t \t", b"\r\n \r\n "])
def test_a_field_may_go_on_anywhere(fold: bytes) -> None:
    """A line end with a blank behind it is a blank, in every field of every part's head."""
    body = form(text(*TASK), picture(b"1\r\n 2"), picture(b"3"))
    folded = body.replace(b": ", b":" + fold).replace(b"; ", b";" + fold)
    request = read(MULTIPART, folded)

    assert folded.count(fold) >= 8
    assert request == read(MULTIPART, body)


def test_a_form_without_a_boundary_is_refused() -> None:
    """The Content-Type must say what stands between the parts."""
    with refuse(
        "malformed multipart: expected a boundary in the Content-Type, got 'multipart/form-data'"
    ):
        read("multipart/form-data", form(picture()))


@given(st.data())
def test_a_form_that_is_cut_off_is_refused(data: st.DataObject) -> None:
    """However little is missing before the end of the last boundary, no part of a form is taken for the whole."""
    body = form(text(*TASK), picture())
    last = len(body) - len(b"--\r\n")
    end = data.draw(st.integers(0, last))
    with pytest.raises(InvalidRequest, match=r"^malformed multipart: "):
        read(MULTIPART, body[:end])


def test_a_query_of_too_many_fields_is_refused() -> None:
    """The fields are counted before any is read, so a long query costs next to nothing."""
    assert read_query(b"a=b&a=") == [("a", "b"), ("a", "")]
    with pytest.raises(
        InvalidRequest, match=f"more than the limit of {MAX_FORM_FIELDS}"
    ):
        read_query(b"&a=b" * (MAX_FORM_FIELDS + 1))
