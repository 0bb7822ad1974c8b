"""Rows as CSV are read by their header line, and what is wrong with them is said by row."""

from __future__ import annotations

import pytest

from service.errors import InvalidRequest, TooLarge
from service.http.request_bodies.csv_rows import read_csv
from tests.support.responses import error_of
from tests.support.server import Server


@pytest.mark.parametrize(
    "body",
    [
        b"x,colour\n1,red\n,blue\n",
        b"\xef\xbb\xbfx;colour\r\n1;red\r\n;blue\r\n",
        b'x\tcolour\n1.0\t"red"\n\tblue',
        b"\n x , colour \n 1 , red \n\n,blue\n",
        b"x;colour\r1;red\r;blue\r",
    ],
    ids=["plain", "excel", "tabs", "blanks", "macintosh"],
)
def test_rows_are_read_as_people_write_them(body: bytes) -> None:
    """Delimiters, quotes, a byte order mark and blank lines do not matter; an empty cell is a missing value."""
    assert read_csv(body) == [
        {"x": 1.0, "colour": "red"},
        {"x": None, "colour": "blue"},
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "a header line with the names of the features and at least one row"),
        (b"x,y\n", "got 1 line"),
        (b"x,x\n1,2\n", "a name stands twice in its header line"),
        (b"x,y\n1,2\n1\n", "inputs[1]: expected 2 values, as many as the header line"),
        (b"x,y\n\xff,2\n", "expected UTF-8"),
        (b"x,y\n" + b"1" * 200_000 + b",2\n", "malformed CSV: field larger than"),
    ],
)
def test_what_is_no_table_is_told_why(body: bytes, message: str) -> None:
    """The error says what was expected, and in which row."""
    with pytest.raises(InvalidRequest) as refused:
        read_csv(body)
    assert message in str(refused.value)


def test_rows_beyond_the_limit_are_not_read() -> None:
    """A body is given up at its first row too many, whatever stands behind that; blank lines are no rows."""
    body = b"x,y\n1,2\n\n3,4\n"
    assert len(read_csv(body, max_rows=2)) == 2

    broken = b"5,6\n7\n" + b"8" * 200_000
    with pytest.raises(TooLarge) as refused:
        read_csv(body + broken, max_rows=2)

    assert str(refused.value) == (
        "inputs: more rows than the limit of 2 rows a request (VEREDICTO_MAX_ROWS): "
        "send them in several requests"
    )


def test_a_server_answers_rows_as_csv(server: Server) -> None:
    """The model or the task stands in the query, and the answer is that of the same rows in JSON."""
    rows = {"inputs": [{"y": 2, "x": 1}, {"y": -2, "x": -1}]}
    body = b"y,x\n2,1\n-2,-1\n"

    def ask(path: str) -> object:
        answer = server.post_raw(path, body, "text/csv; charset=utf-8")
        assert answer.status_code == 200, answer.text
        return answer.json()

    named = server.post("/predict", {"model": "points-mlp", **rows}).json()
    assert ask("/predict?model=points-mlp") == named

    top = server.post("/predict_proba?top=1", {"model": "points-mlp", **rows}).json()
    assert ask("/predict_proba?model=points-mlp&top=1") == top

    compared = server.post("/compare", {"task": "points", **rows}).json()
    assert ask("/compare?task=points")["consensus"] == compared["consensus"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/predict", b"x,y\n1,2\n", 400, "missing required field model"),
        ("/predict?model=points-mlp", b"x,z\n1,2\n", 400, "got unknown feature 'z'"),
        ("/predict?model=points-mlp", b"x,y\n1,a\n", 400, "expects a number, got 'a'"),
        ("/predict?model=points-mlp", b"x,y\n1,1_0\n", 400, "a number, got '1_0'"),
        ("/predict?modle=points-mlp", b"x,y\n1,2\n", 400, "did you mean 'model'?"),
        ("/generate?model=digits-gan", b"x,y\n1,2\n", 415, "application/json"),
    ],
)
def test_a_wrong_table_is_refused(
    server: Server, path: str, body: bytes, status: int, message: str
) -> None:
    """The words are those of JSON; a call without rows takes no table."""
    assert message in error_of(server.post_raw(path, body, "text/csv"), status)
