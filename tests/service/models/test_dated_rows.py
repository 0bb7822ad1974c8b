"""A row may have a date in the place of the features that are its parts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from model_card import Feature, FeatureInput
from service.contract.requests import Row, Value
from service.errors import InvalidRequest
from service.http.request_bodies.csv_rows import read_csv
from service.models import row_columns
from service.models.rows import RowEncoder
from tables.date_texts import read_proven
from tables.plain_columns import TextTable

PARTS = [2022.0, 7.0, 2.0, 19178.0]
ROW = [*PARTS, 12.0, 1.0]


def make_input(*, imputed: float | None = None) -> FeatureInput:
    """Returns the features of a table of days, temperatures and kinds; with a value for gaps days may be missing."""
    ranges = {
        "day_year": (2021.0, 2022.0),
        "day_month": (1.0, 12.0),
        "day_weekday": (1.0, 7.0),
        "day_days": (18628.0, 19357.0),
    }
    dates = [
        Feature(name=name, type="number", range=each, imputed=imputed)
        for name, each in ranges.items()
    ]
    temp = Feature(name="temp", type="number", range=(-9.0, 40.0))
    kind = Feature(name="kind", type="category", values=("a", "b"))
    return FeatureInput(features=(*dates, temp, kind), example=(*PARTS, 12.0, "b"))


@pytest.fixture
def encoder() -> RowEncoder:
    return RowEncoder(make_input())


@pytest.fixture
def encoder_of_gaps() -> RowEncoder:
    return RowEncoder(make_input(imputed=1.0))


@pytest.mark.parametrize(
    "day", ["2022-07-05", "2022-07-05T10:30:00Z", "5 July 2022", "20220705", 20220705.0]
)
def test_a_date_stands_for_its_parts(encoder: RowEncoder, day: Value) -> None:
    """An object and a list may have the date, and say what its parts say."""
    rows: list[Row] = [
        {"day": day, "temp": 12.0, "kind": "b"},
        {"kind": "b", "temp": 12.0, "day": day},
        [day, 12.0, "b"],
        [*PARTS, 12.0, "b"],
    ]
    assert encoder.encode(rows).tolist() == [ROW] * 4


def test_a_month_of_six_digits_stands_for_its_first_day(encoder: RowEncoder) -> None:
    """A month comes as a text or as a number, and a number that is neither month nor day is refused."""
    first = [2022.0, 7.0, 5.0, 19174.0, 12.0, 1.0]
    months: list[Value] = ["202207", 202207.0, "2022.07"]
    rows: list[Row] = [{"day": each, "temp": 12.0, "kind": "b"} for each in months]
    assert encoder.encode(rows).tolist() == [first] * 3

    with pytest.raises(InvalidRequest, match="expects a date"):
        encoder.encode([{"day": 202213.0, "temp": 12.0, "kind": "b"}])


def test_a_csv_may_have_dates(encoder: RowEncoder) -> None:
    """Cells are dates also where they read as numbers."""
    body = b"temp,day,kind\n12,20220705,b\n12,2022-07-05,b\n12,05.07.2022,b\n"
    assert encoder.encode(read_csv(body)).tolist() == [ROW] * 3


def test_a_matrix_of_a_value_for_each_column_has_dates_of_eight_digits() -> None:
    """Numbers alone come as a matrix, in which a date may be a number."""
    features = make_input().features[:-1]
    encoder = RowEncoder(FeatureInput(features=features, example=(*PARTS, 12.0)))
    assert encoder.encode(np.array([[20220705.0, 12.0]])).tolist() == [ROW[:-1]]
    assert encoder.encode(np.array([ROW[:-1]])).tolist() == [ROW[:-1]]


def test_a_missing_date_has_no_part(encoder_of_gaps: RowEncoder) -> None:
    """A missing date is a gap in each of its parts, and an empty cell is one."""
    rows: list[Row] = [{"day": None, "temp": 12.0, "kind": "b"}, [None, 12.0, "b"]]
    cells = read_csv(b"day,temp,kind\n,12,b\nNA,12,b\ns/d,12,b\n0000-00-00,12,b\n")
    encoded = np.vstack([encoder_of_gaps.encode(each) for each in (rows, cells)])
    assert np.isnan(encoded[:, :4]).all()
    assert encoded[:, 4:].tolist() == [[12.0, 1.0]] * 6


@pytest.mark.parametrize(
    ("day", "message"),
    [
        (
            "05/07/2022",
            "'05/07/2022', which may be 2022-05-07 or 2022-07-05: write the one that is meant so",
        ),
        ("2022-02-30", "'2022-02-30', which is no day of the calendar"),
        ("soon", "'soon'"),
        ("", "''"),
        (None, "null"),
        (True, "true"),
        (5.0, "5.0"),
        (-20220705.0, "-20220705.0"),
        (20220705.5, "20220705.5"),
        (20221301.0, "'20221301'"),
        (float("inf"), "inf"),
    ],
)
def test_what_is_no_date_is_refused(
    encoder: RowEncoder, day: Value, message: str
) -> None:
    """The error says in which row, what came, and what would work."""
    good: Row = [*PARTS, 12.0, "b"]
    with pytest.raises(InvalidRequest) as refused:
        encoder.encode([good, {"day": day, "temp": 12.0, "kind": "b"}])
    assert (
        str(refused.value)
        == f"inputs[1]: feature 'day' expects a date, as '2024-12-31', got {message}"
    )


def make_rows(days: list[str | None], kind: str) -> list[Row] | TextTable:
    """Returns a row of each day, as objects, as lists or as CSV."""
    if kind == "lists":
        return [[day, 12.0, "b"] for day in days]
    if kind == "objects":
        return [{"kind": "b", "day": day, "temp": 12.0} for day in days]
    lines = [f"{day or ''};12;b;x" for day in days]
    return read_csv("\n".join(["day;temp;kind;id", *lines]).encode())


@pytest.mark.parametrize("kind", ["objects", "lists", "csv"])
@pytest.mark.parametrize(
    "others",
    [
        ["25/12/2022"],
        ["31/12/2022 10:30", None, "01/01/2022"],
        ["01/02/2022", "02/03/2022", "13/04/2022"],
    ],
)
def test_a_day_is_read_as_its_whole_column(
    encoder_of_gaps: RowEncoder, kind: str, others: list[str | None]
) -> None:
    """A text that may be two days is read in the only order that fits all rows of the request, wherever it stands."""
    days = ["05/07/2022", *others]
    for at, given in ((0, days), (-1, [*reversed(days)])):
        encoded = encoder_of_gaps.encode(make_rows(given, kind))
        assert encoded[at].tolist() == ROW


def test_months_may_come_first_in_a_column(encoder: RowEncoder) -> None:
    """A day beyond the twelfth says so at the second place too."""
    rows = make_rows(["07/05/2022", "12/25/2022"], "csv")
    assert encoder.encode(rows)[0].tolist() == ROW


@pytest.mark.parametrize("kind", ["objects", "lists", "csv"])
@pytest.mark.parametrize(
    "others",
    [
        [],
        ["01/02/2022"],
        ["2022-12-25"],
        ["25-12-2022"],
        ["25/12/2022", "12/25/2022"],
        ["25/12/2022", "soon"],
        ["25/12/2022", "20221225"],
    ],
)
def test_a_day_that_no_column_proves_is_refused(
    encoder: RowEncoder, kind: str, others: list[str | None]
) -> None:
    """The text is refused with both of its days where several orders fit, or not all rows have one notation."""
    with pytest.raises(InvalidRequest) as refused:
        encoder.encode(make_rows(["05/07/2022", *others], kind))
    assert str(refused.value) == (
        "inputs[0]: feature 'day' expects a date, as '2024-12-31', got '05/07/2022', which may be 2022-05-07 or "
        "2022-07-05: write the one that is meant so"
    )


def test_years_of_two_digits_prove_no_order(encoder: RowEncoder) -> None:
    """The year may come first in all of these, as training reads some such columns."""
    with pytest.raises(InvalidRequest, match="which may be 2022-05-07 or 2022-07-05"):
        encoder.encode(make_rows(["05/07/22", "25/12/22"], "csv"))


@pytest.mark.parametrize("kind", ["objects", "csv"])
def test_a_year_that_may_be_first_is_told_where_the_days_learnt_say_so(
    encoder: RowEncoder, kind: str
) -> None:
    """A file of one summer, which judging reads with the year first, is not answered as days of other years."""
    with pytest.raises(InvalidRequest, match="which may be 2015-07-22 or 2022-07-15"):
        encoder.encode(make_rows(["22/07/15", "22/08/16"], kind))

    known = encoder.encode(make_rows(["22/07/21", "22/08/22"], kind))
    assert known[:, 0].tolist() == [2021, 2022]
    unknown = encoder.encode(make_rows(["22/07/2015", "31/12/95"], kind))
    assert unknown[:, 0].tolist() == [2015, 1995]


def test_each_column_of_a_request_is_read_once(
    encoder: RowEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand days that may be two take one look at their column, and days of ISO take none."""
    n_looks = 0

    def count(column: Sequence[str | None]) -> Mapping[str, dt.date]:
        nonlocal n_looks
        n_looks += 1
        return read_proven(column)

    monkeypatch.setattr(row_columns, "read_proven", count)
    rows = make_rows([*["05/07/2022", "06/07/2022"] * 5_000, "25/12/2022"], "objects")
    assert len(encoder.encode(rows)) == 10_001
    assert n_looks == 1
    encoder.encode(make_rows(["2022-07-05"] * 9, "objects"))
    assert n_looks == 1


def test_a_date_and_its_parts_are_refused_in_a_csv(encoder: RowEncoder) -> None:
    """A further column that is called as a part of the date is no further column."""
    body = b"id,day,day_days,temp,kind\n1,2022-07-05,19178,12,b\n"
    with pytest.raises(InvalidRequest, match="feature 'day_days' too: leave out"):
        encoder.encode(read_csv(body))

    parts = (
        b"id,day_year,day_month,day_weekday,day_days,temp,kind\n1,2022,7,2,19178,12,b\n"
    )
    assert encoder.encode(read_csv(parts)).tolist() == [ROW]


def test_a_csv_that_lacks_a_date_is_told_of_the_date(encoder: RowEncoder) -> None:
    """The column that a person knows is missing, and no part of it unless some are there."""
    with pytest.raises(InvalidRequest) as refused:
        encoder.encode(read_csv(b"Day,temp,kind\n2022-07-05,12,b\n"))
    assert str(refused.value) == (
        "inputs[0]: missing feature 'day'; got unknown feature 'Day' (did you mean 'day' by 'Day'?)"
    )


FEATURES = "features: day (a date, as 2024-12-31), temp, kind"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"temp": 1.0, "kind": "b"}, "missing feature 'day'"),
        (
            {"day_days": 19178.0, "temp": 1.0, "kind": "b"},
            "missing features 'day_year', 'day_month', 'day_weekday'",
        ),
        (
            {"day": "2022-07-05", "day_days": 19178.0, "temp": 1.0, "kind": "b"},
            "feature 'day' is there, and feature 'day_days' too: leave out the date or all of its parts",
        ),
        (
            {"day": "2022-07-05", "temp": 1.0, "kind": "b", "x": 1.0},
            f"unknown feature 'x'; {FEATURES}",
        ),
        (
            ["2022-07-05", 1.0],
            f"expected 3 values, one for each feature, got 2; {FEATURES}",
        ),
    ],
)
def test_errors_speak_of_the_date(encoder: RowEncoder, row: Row, message: str) -> None:
    """A date is named as the column that a person knows, unless a row has some of its parts."""
    with pytest.raises(InvalidRequest) as refused:
        encoder.encode([row])
    assert str(refused.value) == f"inputs[0]: {message}"


def test_a_persons_own_columns_are_no_date() -> None:
    """Columns that are called as parts are, and have other numbers, are features as all others."""
    ranges = {"x_year": (1990.0, 2020.0), "x_days": (1.0, 30.0)}
    features = tuple(
        Feature(name=name, type="number", range=each) for name, each in ranges.items()
    )
    encoder = RowEncoder(FeatureInput(features=features, example=(2000.0, 3.0)))
    assert encoder.encode([[2000.0, 3.0]]).tolist() == [[2000.0, 3.0]]
    with pytest.raises(InvalidRequest, match="missing features 'x_year', 'x_days'"):
        encoder.encode([{"x": "2022-07-05"}])
