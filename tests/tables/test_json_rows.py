"""Rows of JSON become columns whose values are those of the rows."""

from __future__ import annotations

import json

import polars as pl
import pytest

from tables.file_formats import NoTextError
from tables.json_rows import read_json_rows

ROWS = [
    {"n": 1, "x": 0.5, "told": True, "word": "a", "mixed": 1, "list": [1]},
    {"n": 2, "x": 3, "told": None, "word": "NA", "mixed": "b", "list": {"é": 2}},
    {"n": None, "late": 7, "told": False, "mixed": True},
]


def as_rows(columns: list[pl.Series]) -> list[dict[str, object]]:
    """Returns the rows of columns."""
    return pl.DataFrame(columns).to_dicts()


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\ufeff\n" + json.dumps(ROWS),
        "\n".join(map(json.dumps, ROWS)),
        "\r\n\r\n".join(map(json.dumps, ROWS)) + "\r\n",
    ],
)
def test_each_notation_of_rows_has_the_same_columns(text: str) -> None:
    """A list of objects and an object on each line are the same table; what a row has not is missing."""
    columns = read_json_rows(text.encode())

    assert {each.name: each.dtype for each in columns} == {
        "n": pl.Int64,
        "x": pl.Float64,
        "told": pl.Boolean,
        "word": pl.String,
        "mixed": pl.String,
        "list": pl.String,
        "late": pl.Int64,
    }
    assert as_rows(columns) == [
        {"n": 1, "x": 0.5, "told": True, "word": "a", "mixed": "1", "list": "[1]"}
        | {"late": None},
        {"n": 2, "x": 3.0, "told": None, "word": "NA", "mixed": "b"}
        | {"list": '{"é": 2}', "late": None},
        {"n": None, "x": None, "told": False, "word": None, "mixed": "true"}
        | {"list": None, "late": 7},
    ]


def test_the_extended_json_of_a_database_is_read() -> None:
    """MongoDB wraps ids, numbers and days in an object each, and other objects of one name stay what they are."""
    row = {
        "id": {"$oid": "5f"},
        "n": {"$numberInt": "7"},
        "x": {"$numberDouble": "0.5"},
        "day": {"$date": "2021-05-28T10:00:00Z"},
        "then": {"$date": {"$numberLong": "1622196000000"}},
        "odd": {"$numberInt": "many"},
        "late": {"$date": 10**300},
        "other": {"city": "Lima"},
    }
    columns = read_json_rows(json.dumps([row, row]).encode())
    assert as_rows(columns)[1] == {
        "id": "5f",
        "n": 7,
        "x": 0.5,
        "day": "2021-05-28T10:00:00Z",
        "then": "2021-05-28T10:00:00+00:00",
        "odd": '{"$numberInt": "many"}',
        "late": json.dumps({"$date": 10**300}),
        "other": '{"city": "Lima"}',
    }


def test_whole_numbers_beyond_64_bits_keep_their_digits() -> None:
    """They become texts, since a float would round them."""
    (column,) = read_json_rows(b'[{"a": 18446744073709551616}, {"a": 1}]')
    assert column.to_list() == ["18446744073709551616", "1"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"data": [{"a": 1}]}', "got one object: write the list 'data' alone"),
        ('{"a": 1, "b": 2}', "got one object"),
        ("[[1, 2], [3, 4]]", "got a list of something else"),
        ('[{"a": 1}, 2]', "got a list of something else"),
        ('[{"a": 1, "a": 2}]', "the name 'a' is twice in one object"),
        ('[{"a": 1},\n {"a": }]', "Expecting value, line 2 column 8"),
        ('{"a": 1}\n{"a": 2}\n{"a": ', "Expecting value, line 3 column 7"),
        ("[" * 100_000, "got lists within lists"),
    ],
)
def test_what_is_no_list_of_objects_is_refused(text: str, fault: str) -> None:
    """The error says what came, and where JSON is broken."""
    with pytest.raises(NoTextError, match=fault):
        read_json_rows(text.encode())
