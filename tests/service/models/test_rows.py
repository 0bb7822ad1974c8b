"""Rows become the matrix that the graph takes, or the request is told what is wrong with them."""

from __future__ import annotations

import tracemalloc
from unicodedata import normalize

import numpy as np
import pytest

from model_card import Feature, FeatureInput
from service.contract.requests import Row, Value
from service.errors import InvalidRequest
from service.http.request_bodies.csv_rows import read_csv
from service.models.rows import MAX_FLOAT32, RowEncoder
from tests.support.tiny_models import tiny_card

NUMBERS = FeatureInput(
    features=(Feature(name="x", type="number"), Feature(name="y", type="number")),
    example=(0.0, 0.0),
)


@pytest.fixture
def numbers() -> RowEncoder:
    return RowEncoder(NUMBERS)


@pytest.fixture
def mixed() -> RowEncoder:
    card_input = tiny_card().input
    assert isinstance(card_input, FeatureInput)
    return RowEncoder(card_input)


def test_a_matrix_of_the_wrong_width_is_refused(numbers: RowEncoder) -> None:
    """A matrix of the wrong width is refused in the words that a list gets."""
    with pytest.raises(
        InvalidRequest,
        match=r"inputs\[0\]: expected 2 values, one for each feature, got 3; features: x, y",
    ):
        numbers.encode(np.zeros((4, 3)))


def test_numbers_are_no_categories(mixed: RowEncoder) -> None:
    """A matrix of numbers is refused where a feature is a category, since it cannot hold a name."""
    with pytest.raises(
        InvalidRequest,
        match=r"feature 'colour' expects one of red, green, blue, got 1\.0",
    ):
        mixed.encode(np.array([[0.5, 1.0]]))


def test_a_long_text_among_many_rows_costs_nothing(numbers: RowEncoder) -> None:
    """A long text among many rows takes no memory for the others, as an array of texts would."""
    rows: list[Row] = [["x" * 100_000, 1.0], *([1.0, 2.0] for _ in range(10_000))]
    tracemalloc.start()

    try:
        with pytest.raises(InvalidRequest, match="feature 'x' expects a number"):
            numbers.encode(rows)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 10_000_000


def test_lists_and_objects_give_the_same_matrix(numbers: RowEncoder) -> None:
    """Objects give the matrix that lists give, in the card's order whatever order their keys have."""
    rows: list[Row] = [[1.0, 2.5], {"y": 2.5, "x": 1.0}]
    features = numbers.encode(rows)

    assert features.dtype == np.float32
    assert features.tolist() == [[1.0, 2.5], [1.0, 2.5]]


def test_categories_become_their_index(mixed: RowEncoder) -> None:
    """A category becomes its index among the card's values."""
    assert mixed.encode([[0.5, "red"], {"colour": "blue", "size": -1.0}]).tolist() == [
        [0.5, 0.0],
        [-1.0, 2.0],
    ]


def test_the_largest_float32_passes(numbers: RowEncoder) -> None:
    """The largest float32 is a number that fits."""
    largest = float(np.finfo(np.float32).max)

    assert numbers.encode([[MAX_FLOAT32, -largest]]).tolist() == [[largest, -largest]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "inputs: expected at least one row, got none"),
        (
            [[1.0]],
            "inputs[0]: expected 2 values, one for each feature, got 1; features: x, y",
        ),
        (
            [[1.0, 2.0], [1.0, 2.0, 3.0]],
            "inputs[1]: expected 2 values, one for each feature, got 3; features: x, y",
        ),
        ([[1.0, 2.0], ["a", 2.0]], "inputs[1]: feature 'x' expects a number, got 'a'"),
        (
            [["1", "2"]],
            "inputs[0]: feature 'x' expects a number, got '1': write it without quotes, 1",
        ),
        ([{"x": 1.0}], "inputs[0]: missing feature 'y'"),
        ([{}], "inputs[0]: missing features 'x', 'y'"),
        (
            [{"x": 1.0, "y": 1.0, "z": 1.0}],
            "inputs[0]: unknown feature 'z'; features: x, y",
        ),
        (
            [[1.0, 2.0], [1.0, 1e39]],
            "inputs[1]: feature 'y' expects a finite number that fits 32 bits (at most 3.4e+38), got 1e+39",
        ),
        (
            [[float("nan"), 2.0]],
            "inputs[0]: feature 'x' expects a finite number that fits 32 bits (at most 3.4e+38), got nan",
        ),
    ],
)
def test_a_wrong_row_is_refused_with_its_place(
    numbers: RowEncoder, rows: list[Row], message: str
) -> None:
    """A wrong row is refused with the row, the feature and what would work."""
    with pytest.raises(InvalidRequest) as refused:
        numbers.encode(rows)

    assert str(refused.value) == message


@pytest.mark.parametrize("value", ["pink", 1.0, ""])
def test_an_unknown_category_is_refused_with_the_known_ones(
    mixed: RowEncoder, value: float | str
) -> None:
    """An unknown category is refused with the known names, and the code of a category is not a name for it."""
    with pytest.raises(InvalidRequest) as refused:
        mixed.encode([[0.5, value]])

    assert (
        str(refused.value)
        == f"inputs[0]: feature 'colour' expects one of red, green, blue, got {value!r}"
    )


def test_the_fast_way_and_the_careful_way_agree(
    numbers: RowEncoder, generator: np.random.Generator
) -> None:
    """A matrix, lists and objects of the same rows give the same matrix."""
    matrix = generator.normal(scale=1e6, size=(50, 2))
    fast = numbers.encode(matrix)

    assert np.array_equal(fast, numbers.encode(matrix.tolist()))

    careful = numbers.encode(
        [dict(zip(("x", "y"), row, strict=True)) for row in matrix.tolist()]
    )

    assert np.array_equal(fast, careful)
    assert np.array_equal(fast, matrix.astype(np.float32))


TERMS = ("good", "bad", "cold", "not good", "staff")


@pytest.fixture
def texts() -> RowEncoder:
    """The encoder of a card with a number, a text of five terms and a category.

    No row of training has the last term, and all have the first.
    """
    ranges = ((1.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.0, 0.0))
    terms = tuple(
        Feature(name=f"review: {each}", type="number", range=spread)
        for each, spread in zip(TERMS, ranges, strict=True)
    )
    return RowEncoder(
        FeatureInput(
            features=(
                Feature(name="stars", type="number"),
                *terms,
                Feature(name="city", type="category", values=("Köln", "Lima")),
            ),
            example=(3.0, *(0.0 for _ in TERMS), "Lima"),
        )
    )


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Not GOOD: the staff", [1, 0, 0, 1, 1]),
        ("fine", [0, 0, 0, 0, 0]),
        ("", [0, 0, 0, 0, 0]),
        (None, [0, 0, 0, 0, 0]),
    ],
)
def test_a_text_stands_for_its_terms(
    texts: RowEncoder, text: str | None, terms: list[int]
) -> None:
    """A text in an object or in a list of the table's columns is the row of numbers that its terms are."""
    named: Row = {"review": text, "city": "Lima", "stars": 2.0}
    spread: Row = {
        "stars": 2.0,
        "city": "Lima",
        **{f"review: {name}": float(n) for name, n in zip(TERMS, terms, strict=True)},
    }
    listed: Row = [2.0, text, "Lima"]
    whole: Row = [2.0, *map(float, terms), "Lima"]

    encoded = texts.encode([named, spread, listed, whole])
    np.testing.assert_array_equal(encoded, [[2.0, *terms, 1.0]] * 4)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"review": 3.0, "stars": 1.0, "city": "Lima"}, "'review' expects a text, got"),
        ({"stars": 1.0, "city": "Lima"}, r"missing feature 'review'$"),
        (
            {"reviw": "x", "stars": 1.0, "city": "Lima"},
            r"missing feature 'review'; got unknown feature 'reviw' \(did you mean 'review'\?\)",
        ),
        (["x", 1.0], "expected 3 values, .* got 2; features: stars, review, city"),
        (
            {"review": "x", "stars": 1.0, "city": "Lima", "a": 1.0},
            "unknown feature 'a'; features: stars, review, city",
        ),
        (
            {"review": "x", "review: good": True, "stars": "x", "city": "Lima"},
            "feature 'stars' expects a number",
        ),
    ],
)
def test_a_wrong_row_with_a_text_is_told_of_columns(
    texts: RowEncoder, row: Row, message: str
) -> None:
    """An error names the text's column, and not its terms."""
    with pytest.raises(InvalidRequest, match=message):
        texts.encode([row])


def test_a_cell_that_reads_as_a_number_is_a_text_where_one_is_wanted() -> None:
    """A CSV says of no cell what it is: the column of texts has the cell's own letters, and the number its value."""
    terms = tuple(
        Feature(name=f"note: {each}", type="number", range=(0, 1))
        for each in ("007", "7", "good", "1e5", "nan")
    )
    number = Feature(name="stars", type="number")
    encoder = RowEncoder(FeatureInput(features=(number, *terms), example=(0.0,) * 6))
    rows = read_csv(b"note,stars\n007,7\n1e5,1e1\n,0\nvery good,1\n")

    np.testing.assert_array_equal(
        encoder.encode(rows),
        [
            [7, 1, 0, 0, 0, 0],
            [10, 0, 0, 0, 1, 0],
            [0, 0, 0, 0, 0, 0],
            [1, 0, 0, 1, 0, 0],
        ],
    )


def test_a_category_of_codes_is_taken_from_a_csv_as_it_stands_there() -> None:
    """A postcode keeps its zero, and a code its decimals; as a number in JSON it is refused with the text to write."""
    values = ("08001", "250.00", "3", "4 or more")
    code = Feature(name="code", type="category", values=values)
    encoder = RowEncoder(FeatureInput(features=(code,), example=("3",)))
    rows = read_csv(b"code\n08001\n250.00\n3\n4 or more\n")
    assert encoder.encode(rows).tolist() == [[0], [1], [2], [3]]

    with pytest.raises(InvalidRequest) as refused:
        encoder.encode([[3.0]])
    assert str(refused.value) == (
        "inputs[0]: feature 'code' expects one of 08001, 250.00, 3, 4 or more, got 3.0: write it as a text, '3'"
    )


def test_truth_values_are_taken_as_programs_write_them() -> None:
    """pandas writes True and spreadsheets TRUE, which training reads as true; another category's capitals count."""
    flag = Feature(name="flag", type="category", values=("false", "true"))
    size = Feature(name="size", type="category", values=("L", "l"))
    encoder = RowEncoder(FeatureInput(features=(flag, size), example=("true", "L")))
    rows = read_csv(b"flag,size\nTrue,L\nFALSE,l\n")
    assert encoder.encode(rows).tolist() == [[1, 0], [0, 1]]

    with pytest.raises(InvalidRequest, match="expects one of false, true, got 'YES'"):
        encoder.encode([["YES", "L"]])


def test_a_category_in_another_form_of_unicode_is_told() -> None:
    """Accents that are characters of their own, as names on a Mac have them, look like the category itself."""
    drink = Feature(name="drink", type="category", values=("café", "té"))
    encoder = RowEncoder(FeatureInput(features=(drink,), example=("té",)))
    assert encoder.encode([["café"]]).tolist() == [[0]]

    with pytest.raises(InvalidRequest, match=r"\(the same letters are known in .* NFC"):
        encoder.encode([[normalize("NFD", "café")]])


def test_yes_and_no_are_taken_in_any_capitals() -> None:
    """Training joins the spellings of such a column, so a client may send each of them; of another its own alone."""
    flag = Feature(name="flag", type="category", values=("no", "oui", "yes"))
    word = Feature(name="word", type="category", values=("no", "perhaps"))
    encoder = RowEncoder(FeatureInput(features=(flag, word), example=("no", "no")))
    given = [["YES", "no"], ["Oui", "no"], ["No", "perhaps"]]
    assert encoder.encode(given).tolist() == [[2, 0], [1, 0], [0, 1]]  # type: ignore[arg-type]  # cells are values of a row

    with pytest.raises(InvalidRequest, match="expects one of no, perhaps, got 'NO'"):
        encoder.encode([["no", "NO"]])


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("3", "got '3': write it without quotes, 3"),
        (" -2.5e3 ", "got ' -2.5e3 ': write it without quotes, -2500"),
        ("NA", "got 'NA': write null for a missing value"),
        ("", "got '': write null for a missing value"),
        ("k. A.", "got 'k. A.': write null for a missing value"),
        ("2,5", "got '2,5'"),
        ("many", "got 'many'"),
        (True, "got true"),
    ],
)
def test_what_to_write_for_a_number_is_told(value: Value, hint: str) -> None:
    """A number in quotes and a word for a gap are told with what JSON has for them; nothing else is guessed at."""
    age = Feature(name="age", type="number", range=(0, 99), imputed=30.0)
    encoder = RowEncoder(FeatureInput(features=(age,), example=(30.0,)))
    with pytest.raises(InvalidRequest) as refused:
        encoder.encode([[value]])
    assert str(refused.value) == f"inputs[0]: feature 'age' expects a number, {hint}"


def test_a_gap_that_was_never_learnt_is_told_as_such(numbers: RowEncoder) -> None:
    """A number that all training rows had is no missing value, whatever is written for it."""
    with pytest.raises(
        InvalidRequest, match=r"got null: the model was not taught to do"
    ):
        numbers.encode([[None, 1.0]])
    with pytest.raises(InvalidRequest, match=r"got 'NA'$"):
        numbers.encode([["NA", 1.0]])


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("PRO & MÁS", "(did you mean 'Pro & Más'?)"),
        (" Pro  & Más ", "(did you mean 'Pro & Más'?)"),
        (8001.0, ": write it as a text, '08001'"),
        ("8001", "(did you mean '08001'?)"),
        ("7", "got '7'"),
        (20241231.0, ": write it as a text, '20241231'"),
        ("pro", "got 'pro'"),
        (7.0, "got 7.0"),
        (True, "got true"),
    ],
)
def test_the_category_that_may_be_meant_is_told(value: Value, hint: str) -> None:
    """Capitals, blanks and zeros ahead are told with the one name that differs by nothing else."""
    names = ("007", "07", "08001", "20241231", "Pro & Más", "basic")
    plan = Feature(name="plan", type="category", values=names)
    encoder = RowEncoder(FeatureInput(features=(plan,), example=("basic",)))
    with pytest.raises(InvalidRequest) as refused:
        encoder.encode([[value]])
    assert str(refused.value).endswith(hint)
