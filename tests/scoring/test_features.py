"""Columns of a block become the matrix that the service makes of the same values."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from model_card import Feature, FeatureInput
from scoring.category_codes import code_names
from scoring.features import encode, find_columns, find_missing
from service.models.rows import RowEncoder

SIZE = Feature(name="size", type="number", range=(-1.0, 1.0))
AGE = Feature(name="age", type="number", range=(0.0, 99.0), imputed=30.0)
COLOUR = Feature(name="colour", type="category", values=("red", "true", "1"))


def encode_one(feature: Feature, *values: object, mark: str = ".") -> list[object]:
    """Returns a feature's values, and in place of each that is none the reason."""
    frame = pl.DataFrame([pl.Series(feature.name, values, strict=False)])
    found = encode(frame, [feature], {feature.name: mark})
    shown: list[object] = [found.faults.get(row) for row in range(len(values))]
    for row, value in zip(found.kept, found.features[:, 0], strict=True):
        shown[row] = None if np.isnan(value) else float(value)
    return shown


def test_rows_are_encoded_as_the_service_does() -> None:
    """The float32 values are those of the encoder of requests, to the last bit."""
    generator = np.random.default_rng(0)
    sizes = generator.normal(size=200) * 10.0 ** generator.integers(-30, 30, 200)
    colours = generator.choice(COLOUR.values or (), 200)
    frame = pl.DataFrame(
        {"size": [repr(float(each)) for each in sizes], "colour": colours.tolist()}
    )
    found = encode(frame, [SIZE, COLOUR], {})
    rows = [
        [float(size), str(colour)] for size, colour in zip(sizes, colours, strict=True)
    ]
    card = FeatureInput(features=(SIZE, COLOUR), example=(0.5, "red"))

    assert found.features.tobytes() == RowEncoder(card).encode(rows).tobytes()


@pytest.mark.parametrize("far", [0.5, 1e30, 1e39, math.nan])
def test_columns_of_numbers_are_encoded_as_their_texts_are(far: float) -> None:
    """A block of numbers alone becomes the same matrix at once, and one with a bad value has the same faults."""
    sizes = [0.1, 16777217.0, 1e-42, far]
    other = replace(SIZE, name="other")
    numbers = pl.DataFrame({"size": sizes, "other": [1, 2, 16777217, 4]})
    texts = pl.DataFrame(
        {name: [repr(each) for each in numbers[name]] for name in numbers.columns}
    )
    found = encode(numbers, [SIZE, other], {})
    expected = encode(texts, [SIZE, other], {})

    assert found.features.tobytes() == expected.features.tobytes()
    assert found.features.flags.c_contiguous
    assert found.faults.keys() == expected.faults.keys()


@pytest.mark.parametrize(
    ("texts", "mark", "expected"),
    [
        (("1.5", " 2 ", "1e3", "+4"), ".", [1.5, 2.0, 1000.0, 4.0]),
        (("1,5", "1.000,25", "-3"), ",", [1.5, 1000.25, -3.0]),
        (("1,000.5", "€ 12", "7 %"), ".", [1000.5, 12.0, 7.0]),
        (("１", "٢٫٥"), ".", [1.0, 2.5]),
        ((1.5, 2.0), ".", [1.5, 2.0]),
        ((1, 2), ".", [1.0, 2.0]),
    ],
)
def test_numbers_are_read_as_people_write_them(
    texts: tuple[object, ...], mark: str, expected: list[float]
) -> None:
    """Decimals, thousands, currency, per cent and digits are read as the reader of whole tables reads them."""
    assert encode_one(SIZE, *texts, mark=mark) == expected


@pytest.mark.parametrize("text", ["", "NA", "NaN", "-", "n/a", "?", None])
def test_a_missing_value_is_imputed_or_a_fault(text: str | None) -> None:
    """A gap is one by all words of the tables' reader; a feature that is not imputed must have a value."""
    assert encode_one(AGE, "1", text) == [1.0, None]
    assert encode_one(SIZE, "1", text) == [
        1.0,
        "feature 'size' is missing; these models were not taught to do without",
    ]


@pytest.mark.parametrize("text", ["big", "1.5x", "Ⅷ", "1_0", "0x10"])
def test_what_is_no_number_is_a_fault(text: str) -> None:
    """The reason shows the text as it stands in the file, also of a feature that is imputed."""
    reason = f"expects a number, got {text!r}"
    assert str(encode_one(AGE, "1", text)[1]).endswith(reason)


@pytest.mark.parametrize("text", ["inf", "-Infinity", "1e39"])
def test_a_number_must_fit_32_bits(text: str) -> None:
    """An infinite number, and one over the largest float32, is refused."""
    assert "expects a finite number that fits 32 bits" in str(
        encode_one(AGE, "1", text)[1]
    )


def test_categories_are_named_as_in_training() -> None:
    """True is true and 1.0 is 1, as a whole column of them would be; what is none is a fault."""
    assert encode_one(COLOUR, "red", " true", "True", "1", "1.0") == [0, 1, 1, 2, 2]
    assert encode_one(COLOUR, 1, 1) == [2, 2]
    assert encode_one(COLOUR, True) == [1]  # noqa: FBT003  # the value of a cell
    reason = "feature 'colour' expects one of red, true, 1, got 'pink'"
    assert encode_one(COLOUR, "pink", "red") == [reason, 0]


def test_a_number_with_the_other_mark_before_decimals_is_a_fault() -> None:
    """A mark of thousands is passed over, and what can be none is not taken for one: 12,5 is no 125."""
    reason = "feature 'size' expects a number, got {!r}"
    assert encode_one(SIZE, "12,5", "1,234") == [reason.format("12,5"), 1234]
    wrong = ["12.5", "1,234.5"]
    expected = [*map(reason.format, wrong), 1234.5]
    assert encode_one(SIZE, *wrong, "1.234,5", mark=",") == expected


def test_parts_of_a_date_are_taken_from_it() -> None:
    """A table that has the date has its year; one that can be read in two ways is a fault of its row."""
    year = Feature(name="born_year", type="number", range=(1900.0, 2030.0))
    assert find_columns(["born"], [year]) == ["born"]
    found = encode(pl.DataFrame({"born": ["1999-12-31", "2001-01-01"]}), [year], {})
    assert found.features.tolist() == [[1999.0], [2001.0]]
    texts = ["01/02/1999", "2001-01-01", "31/02/2001", None, "soon", "31/12/2001"]
    found = encode(pl.DataFrame({"born": texts}), [year], {})
    expected = "feature 'born' expects a date, as '2024-12-31', got"
    assert found.features.tolist() == [[2001.0], [2001.0]]
    assert found.faults == {
        0: f"{expected} '01/02/1999', which may be 1999-01-02 or 1999-02-01: write the one that is meant so",
        2: f"{expected} '31/02/2001', which is no day of the calendar",
        3: "feature 'born_year' is missing; these models were not taught to do without",
        4: f"{expected} 'soon'",
    }


def test_dates_are_read_by_what_models_have_learnt() -> None:
    """A block whose days could be months is read as its dates lie in the days that models know."""
    features = [
        Feature(name="born_year", type="number", range=(2022.0, 2022.0)),
        Feature(name="born_month", type="number", range=(6.0, 8.0)),
        Feature(name="born_weekday", type="number", range=(1.0, 7.0)),
        Feature(name="born_days", type="number", range=(19144.0, 19235.0)),
    ]
    assert find_columns(["born"], features) == ["born"]
    assert find_missing(["x"], features) == ["born"]
    frame = pl.DataFrame({"born": ["07/05/2022", "08/05/2022"]})
    found = encode(frame, features, {})
    assert found.features.tolist() == [
        [2022.0, 7.0, 2.0, 19178.0],
        [2022.0, 8.0, 5.0, 19209.0],
    ]


def test_codes_tell_missing_from_unknown_names() -> None:
    """A label is an index, -1 where it is no class, -2 where it is missing; a class may be called NA."""
    column = pl.Series("label", ["yes", "NA", None, "no", "perhaps"])
    assert code_names(column, ("no", "yes")).tolist() == [1, -2, -2, 0, -1]
    assert code_names(column, ("no", "yes", "NA")).tolist() == [1, 2, -2, 0, -1]


def test_codes_that_excel_keeps_as_text_are_those_codes() -> None:
    """A category in Excel's ="..." is coded as the reader of whole tables names it."""
    column = pl.Series("zip", ['="01234"', "01234", ' ="" '])
    assert code_names(column, ("01234",)).tolist() == [0, 0, -2]
