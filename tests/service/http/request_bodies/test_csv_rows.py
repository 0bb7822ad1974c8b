"""Rows as CSV are read as training and judging read them, and what is wrong with them is said by row."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_card import Feature, FeatureInput
from service.errors import InvalidRequest, TooLarge
from service.http.request_bodies.csv_rows import read_csv
from service.judging.csv_columns import Columns
from service.models.rows import RowEncoder
from tables.csv_text import read_csv_text
from tests.support.responses import error_of
from tests.support.server import Server

ROWS: list[list[float | str | None]] = [
    [1.5, "red", -2.0],
    [None, "café", 1234.0],
    [0.25, None, 3e-5],
]
MARKS = st.sampled_from(
    [*"\"',;\t|\\\r\n \0=#-.0123456789xy/", "\ufeff", "\u2028", "NA", "é", "٣", "日"]
)


@pytest.fixture
def encoder() -> RowEncoder:
    """Two numbers, of which one may be missing, and a category that may be."""
    features = (
        Feature(name="x", type="number", range=(-9.0, 9.0), imputed=0.0),
        Feature(
            name="colour",
            type="category",
            values=("red", "blue", "café"),
            imputed="red",
        ),
        Feature(name="y", type="number", range=(-5000.0, 5000.0)),
    )
    return RowEncoder(FeatureInput(features=features, example=(1.0, "red", 2.0)))


def write(separator: str = ",", gap: str = "", end: str = "\n", mark: str = ".") -> str:
    """Returns the rows as a program writes them, with an id, a target and an index without a name."""
    lines = [["", "id", "x", "colour", "y", "target"]]
    for number, row in enumerate(ROWS):
        cells = [gap if each is None else str(each) for each in row]
        plain = [cells[0].replace(".", mark), cells[1], cells[2].replace(".", mark)]
        lines.append([str(number), f"a{number}", *plain, "yes"])

    return end.join(separator.join(line) for line in lines) + end


NOTATIONS = {
    "plain": write().encode(),
    "byte order mark": write().encode("utf-8-sig"),
    "windows 1252": write().encode("cp1252"),
    "utf-16": write("\t").encode("utf-16"),
    "carriage returns": write(end="\r").encode(),
    "decimal commas": write(";", end="\r\n", mark=",").encode("cp1252"),
    "decimal commas and tabs": write("\t", mark=",").encode("utf-16"),
    "points beside semicolons": write(";").encode(),
    "bars": write("|").encode(),
    "NA": write(gap="NA").encode(),
    "n/a and semicolons": write(";", gap=" n/a ", mark=",").encode(),
    "separator told": b"sep=;\r\n" + write(";", mark=",").encode(),
    "preamble": b"# made by hand\n\n" + write().encode(),
    "blank lines": write().replace("\n", "\n\n").encode(),
    "empty rows below": (write() + ",,,,,\n" * 9).encode(),
    "names again": (write() + write().partition("\n")[0] + "\n").encode(),
    "separator at line ends": write().replace("\n", ",\n").encode(),
    "end mark of DOS": write().encode() + b"\x1a",
    "all quoted": write('","', end='"\n"').join('""').removesuffix('""').encode(),
    "texts kept by Excel": write().replace("red", '="red"').encode(),
    "spaces": write(" , ").encode(),
}


@pytest.mark.parametrize("body", NOTATIONS.values(), ids=NOTATIONS)
def test_rows_are_read_as_people_write_them(encoder: RowEncoder, body: bytes) -> None:
    """Every notation has the numbers of the same rows as JSON, to the digit, and columns of other uses are no fault."""
    expected = encoder.encode(ROWS)
    np.testing.assert_array_equal(encoder.encode(read_csv(body)), expected)


def test_escaped_quotes_are_a_part_of_a_text(encoder: RowEncoder) -> None:
    """MySQL writes a backslash ahead of a quote, in a column that is none of the model's too."""
    body = b'note,x,colour,y\n"a \\"b, c\\" d",1.5,red,-2\n'
    assert encoder.encode(read_csv(body)).tolist() == [[1.5, 0, -2]]


@pytest.mark.parametrize("gap", ["", "NA", "n/a", "null", "-", "unknown", "#DIV/0!"])
def test_missing_numbers_are_missing_as_in_judged_files(
    encoder: RowEncoder, gap: str
) -> None:
    """A mark of missing numbers in judged files is one here; a number that may not be missing is told so."""
    body = f"x,colour,y\n{gap},red,1\n2,blue,2\n".encode()
    encoded = encoder.encode(read_csv(body))
    np.testing.assert_array_equal(encoded, [[np.nan, 0, 1], [2, 1, 2]])

    with pytest.raises(InvalidRequest, match=r"^inputs\[1\]: feature 'y' .* got null"):
        encoder.encode(read_csv(f"x,colour,y\n1,red,1\n1,red,{gap}\n".encode()))


def test_a_category_that_is_called_as_a_gap_is_that_category() -> None:
    """NA is Namibia where models know it, here and in judged files, and a missing value elsewhere."""
    values = ("DE", "NA")
    country = Feature(name="country", type="category", values=values, imputed="DE")
    other = Feature(name="other", type="category", values=("DE", "b"), imputed="b")
    encoder = RowEncoder(FeatureInput(features=(country, other), example=("DE", "b")))
    body = b"country,other\nNA,NA\nDE,b\nnull,DE\n"
    np.testing.assert_array_equal(
        encoder.encode(read_csv(body)), [[1, np.nan], [0, 1], [np.nan, 0]]
    )
    judged = Columns(read_csv_text("a.csv", body), "a.csv")
    assert judged.read(country) == ["NA", "DE", None]
    assert judged.read(other) == [None, "b", "DE"]


def test_whole_numbers_name_categories_without_their_point() -> None:
    """pandas writes 1.0 for 1 where a column has gaps, which is the category 1 as in training."""
    code = Feature(name="code", type="category", values=("1", "2"), imputed="1")
    encoder = RowEncoder(FeatureInput(features=(code,), example=("1",)))
    body = b",code\n0,1.0\n1,2.0\n2,\n"
    np.testing.assert_array_equal(
        encoder.encode(read_csv(body)), [[0.0], [1.0], [np.nan]]
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "expected a line of names and at least one row, got no row"),
        (b"\r\n \n", "expected a line of names and at least one row, got no row"),
        (b"x,y\n", "a header line with the names of the features and at least one row"),
        (b"x,y", "got 1 line"),
        (b"x,x\n1,2\n", "got 'x' more than once"),
        (b"x,y\n1,2\n1\n", "line 3: expected 2 values, one for each column"),
        (b"x,y\n1,\0\n", "expected CSV in UTF-8, got bytes that are not, at 6"),
        (write().encode("utf-16-le"), "is it UTF-16 without its mark?"),
        (b"x,y\n" + b"1" * 200_000 + b",2\n", "inputs[0]: expected values of at most"),
        (b'x,y\n1,"2\n3,4\n' + b"5,6\n" * 40_000, "is a quote not closed?"),
        (b'x,y\n"1,2\n3,4\n', "is its quote closed?"),
        (
            b'{"inputs": [[1, 2]]}',
            "got JSON: send it with -H 'Content-Type: application/json'",
        ),
        (b"<!doctype html><p>", "got HTML"),
        (b"\x89PNG", "got an image"),
    ],
)
def test_what_is_no_table_is_told_why(body: bytes, message: str) -> None:
    """The error says what was expected, and in which line or row."""
    with pytest.raises(InvalidRequest) as refused:
        read_csv(body)
    assert message in str(refused.value)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_table_is_not_unpacked(pack: Callable[[bytes], bytes]) -> None:
    """A small body that would be a large text is refused by what it is packed as."""
    with pytest.raises(InvalidRequest, match=r"got an? .*: send the table itself$"):
        read_csv(pack(b"x,y\n1,2\n"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            b"id,x,Colour,why,z\n1,1,red,2,3\n",
            "inputs[0]: missing features 'colour', 'y'; got unknown features 'id', 'Colour', 'why', 'z' "
            "(did you mean 'colour' by 'Colour'?)",
        ),
        (b"x:colour:y\n1:red:2\n", "; got unknown feature 'x:colour:y'"),
        (b"a,b\n1,2\n", "missing features 'x', 'colour', 'y'; got unknown features"),
        (b"x,y\n1,2\n", "inputs[0]: missing feature 'colour'"),
        (
            b"x,colour,y\n1,red,2\n1,red,many\n",
            "inputs[1]: feature 'y' expects a number, got 'many'",
        ),
        (
            b'x,colour,y\n1,red,"2,5"\n',
            "got '2,5': a point is before decimals in this table, and no other mark is read",
        ),
        (
            b"x;colour;y\n1,5;red;2.5\n",
            "got '2.5': a comma is before decimals in this table, and no other mark is read",
        ),
        (b"x,colour,y\n1,red,2\n1,green,2\n", "inputs[1]: feature 'colour' expects"),
        (b"x,colour,y\n1,red,1e39\n", "expects a finite number that fits 32 bits"),
        (b"x,colour,y\n1,red,inf\n", "expects a number, got 'inf'"),
        (b"x,colour,y\n1,red,1_0\n", "expects a number, got '1_0'"),
    ],
)
def test_a_wrong_cell_or_column_is_told(
    encoder: RowEncoder, body: bytes, message: str
) -> None:
    """The error names the row and the feature, and says what would work."""
    with pytest.raises(InvalidRequest) as refused:
        encoder.encode(read_csv(body))
    assert message in str(refused.value)


def test_rows_beyond_the_limit_are_not_read() -> None:
    """A body is given up at its first row too many, whatever stands behind that; blank lines are no rows."""
    body = b"x,y\n1,2\n\n3,4\n,\n"
    assert len(read_csv(body, max_rows=2)) == 2

    broken = b"5,6\n7\n" + b"8" * 200_000
    with pytest.raises(TooLarge) as refused:
        read_csv(body + broken, max_rows=2)

    assert str(refused.value) == (
        "inputs: more rows than the limit of 2 rows a request (VEREDICTO_MAX_ROWS): "
        "send them in several requests"
    )


@given(st.lists(MARKS, max_size=60).map("".join), st.sampled_from(["utf-8", "utf-16"]))
def test_any_text_is_read_or_refused(text: str, encoding: str) -> None:
    """A body of whatever characters is a table of equally long rows, or a client's mistake."""
    features = tuple(Feature(name=each, type="number", imputed=0.0) for each in "xy")
    encoder = RowEncoder(FeatureInput(features=features, example=(0.0, 0.0)))
    for body in (text, f"x,y\n{text}", f"x;y\n1;{text}\n"):
        try:
            table = read_csv(body.encode(encoding), max_rows=5)
            assert encoder.encode(table).shape == (len(table), 2)
        except (InvalidRequest, TooLarge):
            pass


def test_a_server_answers_rows_as_csv(server: Server) -> None:
    """The model or the task stands in the query, and the answer is that of the same rows in JSON."""
    rows = {"inputs": [{"y": 2, "x": 1}, {"y": -2, "x": -1}]}
    body = b"id,y,x,label\n7,2,1,orange\n8,-2,-1,blue\n"

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

    explained = server.post("/explain", {"model": "points-mlp", **rows}).json()
    assert ask("/explain?model=points-mlp") == explained


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/predict", b"x,y\n1,2\n", 400, "missing required field model"),
        ("/predict?model=points-mlp", b"x,z\n1,2\n", 400, "got unknown feature 'z'"),
        ("/predict?model=points-mlp", b"x,y\n1,a\n", 400, "expects a number, got 'a'"),
        ("/predict?model=points-mlp", b"x,y\n1,1_0\n", 400, "a number, got '1_0'"),
        ("/predict?model=points-mlp", b"", 400, "malformed CSV"),
        ("/predict?model=points-mlp", gzip.compress(b"x,y\n"), 400, "a gzip file"),
        (
            "/predict?model=points-mlp",
            b"x,y\n" + b"1,2\n" * 10_001,
            413,
            "VEREDICTO_MAX_ROWS",
        ),
        ("/predict?modle=points-mlp", b"x,y\n1,2\n", 400, "did you mean 'model'?"),
        ("/generate?model=digits-gan", b"x,y\n1,2\n", 415, "application/json"),
        (
            "/predict?model=cat_or_automobile-cnn",
            b"x,y\n1,2\n",
            400,
            "got an object with 'x', 'y'",
        ),
    ],
)
def test_a_wrong_table_is_refused(
    server: Server, path: str, body: bytes, status: int, message: str
) -> None:
    """The words are those of JSON; a call without rows takes no table."""
    assert message in error_of(server.post_raw(path, body, "text/csv"), status)
