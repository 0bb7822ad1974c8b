"""A row may have a date in the place of the features that are its parts."""

from __future__ import annotations

import numpy as np
import pytest

from model_card import Feature, FeatureInput
from service.contract.requests import Row, Value
from service.errors import InvalidRequest
from service.http.request_bodies.csv_rows import read_csv
from service.models.rows import RowEncoder

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
    rows: list[Row] = [*read_csv(body)]
    assert encoder.encode(rows).tolist() == [ROW] * 3


def test_a_matrix_of_a_value_for_each_column_has_dates_of_eight_digits() -> None:
    """Numbers alone come as a matrix, in which a date may be a number."""
    features = make_input().features[:-1]
    encoder = RowEncoder(FeatureInput(features=features, example=(*PARTS, 12.0)))
    assert encoder.encode(np.array([[20220705.0, 12.0]])).tolist() == [ROW[:-1]]
    assert encoder.encode(np.array([ROW[:-1]])).tolist() == [ROW[:-1]]


def test_a_missing_date_has_no_part(encoder_of_gaps: RowEncoder) -> None:
    """A missing date is a gap in each of its parts, and an empty cell is one."""
    rows: list[Row] = [{"day": None, "temp": 12.0, "kind": "b"}, [None, 12.0, "b"]]
    rows += read_csv(b"day,temp,kind\n,12,b\n")
    encoded = encoder_of_gaps.encode(rows)
    assert np.isnan(encoded[:, :4]).all()
    assert encoded[:, 4:].tolist() == [[12.0, 1.0]] * 3


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
