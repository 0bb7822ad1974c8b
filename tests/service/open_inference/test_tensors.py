"""Tensors as JSON, as values and as bytes: what goes out comes back the same, and what is wrong is told where."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from service.contract import codec
from service.errors import InvalidRequest
from service.models.datatypes import BYTES, DATATYPES
from service.open_inference.tensors import (
    read_bytes,
    read_json,
    read_values,
    reshape,
    split_bytes,
    write_bytes,
    write_json,
)
from tests.support.any_text import any_text

WHERE = "inputs[0]"
NUMERIC = [name for name in DATATYPES if name != BYTES]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
TOO_MANY_AXES = 40
"""More than numpy's arrays could have for long, and than the decoder nests."""


def refuse(text: str) -> Any:
    """Returns the context in which exactly this text is the refusal."""
    return pytest.raises(InvalidRequest, match=f"^{re.escape(text)}$")


def parse(text: str, datatype: str, shape: list[int]) -> np.ndarray:
    raw = msgspec.Raw(text.encode())
    return read_json(raw, DATATYPES[datatype], shape, where=WHERE)


def view(content: bytes, datatype: str, shape: list[int]) -> np.ndarray:
    return read_bytes(memoryview(content), DATATYPES[datatype], shape, where=WHERE)


@st.composite
def arrays(draw: st.DrawFn) -> tuple[str, np.ndarray]:
    """A type's name and an array of it, of any shape and of finite values; bfloat16, which numpy lacks, is apart."""
    name = draw(st.sampled_from([each for each in NUMERIC if each != "BF16"]))
    elements = {"allow_nan": False, "allow_infinity": False}
    is_float = DATATYPES[name].json is float
    array = draw(
        hnp.arrays(
            DATATYPES[name].array, SHAPES, elements=elements if is_float else None
        )
    )
    return name, array


@st.composite
def texts(draw: st.DrawFn) -> np.ndarray:
    """An array of texts, of any shape."""
    shape = draw(SHAPES)
    size = int(np.prod(shape))
    elements = draw(st.lists(any_text(), min_size=size, max_size=size))
    return np.array(elements, dtype=np.object_).reshape(shape)


@given(arrays())
def test_bytes_that_are_written_are_read_as_they_were(
    given_array: tuple[str, np.ndarray],
) -> None:
    """Values, shape and type survive the bytes of each type."""
    name, array = given_array
    found = view(write_bytes(array), name, list(array.shape))
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


@given(arrays())
def test_json_that_is_written_is_read_as_it_was(
    given_array: tuple[str, np.ndarray],
) -> None:
    """A flat list holds each type's values without loss, and the shape makes the array of it again."""
    name, array = given_array
    written = write_json(
        array.astype(np.float32) if name == "FP16" else array, where=""
    )
    found = parse(codec.encode(written).decode(), name, list(array.shape))
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


@given(arrays())
def test_a_nested_list_is_the_same_as_a_flat_one(
    given_array: tuple[str, np.ndarray],
) -> None:
    """JSON that is nested as the shape says makes the array that the flat list makes."""
    name, array = given_array
    flat = parse(json.dumps(array.reshape(-1).tolist()), name, list(array.shape))
    if array.ndim and array.size:
        nested = parse(json.dumps(array.tolist()), name, list(array.shape))
        assert np.array_equal(nested, flat)


@given(texts())
def test_texts_survive_bytes_and_json(array: np.ndarray) -> None:
    """Every text, the empty one too, is UTF-8 in the bytes of a BYTES tensor, and itself in JSON."""
    shape = list(array.shape)
    as_bytes = view(write_bytes(array), BYTES, shape)
    as_json = parse(json.dumps(write_json(array, where="")), BYTES, shape)
    decoded = [each.decode() for each in as_bytes.reshape(-1).tolist()]

    assert as_bytes.shape == as_json.shape == array.shape
    assert decoded == as_json.reshape(-1).tolist() == array.reshape(-1).tolist()


@given(st.lists(st.binary()))
def test_elements_of_bytes_are_split_as_they_were_joined(elements: list[bytes]) -> None:
    """Each element keeps its bytes, whatever they are."""
    array = np.array([*elements, None], dtype=np.object_)[:-1]
    content = memoryview(write_bytes(array))
    assert split_bytes(content, where=WHERE) == elements


@given(st.lists(st.binary(), min_size=1), st.data())
def test_elements_that_are_cut_off_are_refused(
    elements: list[bytes], data: st.DataObject
) -> None:
    """A cut is refused wherever it is, unless it falls between two elements: then the elements before it are found."""
    starts = [0, *accumulate(4 + len(each) for each in elements)]
    content = write_bytes(np.array([*elements, None], dtype=np.object_)[:-1])
    end = data.draw(st.integers(0, len(content) - 1))
    n_whole = sum(start <= end for start in starts[1:])
    cut = memoryview(content[:end])

    if end in starts:
        assert split_bytes(cut, where=WHERE) == elements[:n_whole]
    else:
        with refuse(
            f"{WHERE}: element {n_whole} of BYTES is cut off, at byte {starts[n_whole]}"
        ):
            split_bytes(cut, where=WHERE)


@pytest.mark.parametrize(
    ("text", "datatype", "shape", "refusal"),
    [
        (
            "[1, 2.5]",
            "INT8",
            [2],
            "data of type INT8, 1 axes: Expected `int`, got `float` - at `$[1]`",
        ),
        (
            "[1, 300]",
            "INT8",
            [2],
            "data is no array of INT8: it has the number 300, which INT8 cannot hold",
        ),
        (
            "[18446744073709551616]",
            "UINT64",
            [1],
            "data is no array of UINT64: it has a number that UINT64 cannot hold",
        ),
        ("[1, 2, 3]", "FP32", [2, 2], "expected 4 elements for shape [2, 2], got 3"),
        ("[1e300]", "FP32", [1], "data has a number that FP32 cannot hold"),
        (
            '[["a", "b"], ["c"]]',
            "BYTES",
            [2, 2],
            "data of type BYTES is nested unevenly",
        ),
        (
            '["a"]',
            "FP64",
            [1],
            "data of type FP64, 1 axes: Expected `float`, got `str` - at `$[0]`",
        ),
        ("7", "FP64", [], "data of type FP64, 0 axes: Expected `array`, got `int`"),
        (
            "[true, 1]",
            "BOOL",
            [2],
            "data of type BOOL, 1 axes: Expected `bool`, got `int` - at `$[1]`",
        ),
    ],
)
def test_json_that_is_no_such_tensor_is_refused(
    text: str, datatype: str, shape: list[int], refusal: str
) -> None:
    """The refusal names the input, what was expected and what came."""
    with refuse(f"{WHERE}: {refusal}"):
        parse(text, datatype, shape)


@pytest.mark.parametrize("datatype", ["INT32", "FP32"])
def test_json_that_is_nested_unevenly_is_refused(datatype: str) -> None:
    """Rows of unequal length are no array, and the refusal says how long they are."""
    refusal = f"{WHERE}: data is no array of {datatype}: a list of 1 beside one of 2"
    with refuse(refusal):
        parse("[[1, 2], [3]]", datatype, [2, 2])
    with refuse(refusal):
        parse("[[[1, 2], [3]], [[1, 2], [3, 4]]]", datatype, [2, 2, 2])


def test_json_that_is_nested_too_deep_is_refused() -> None:
    """More axes than an array has are refused and never run into."""
    text = "[" * TOO_MANY_AXES + "1" + "]" * TOO_MANY_AXES
    beginning = rf"^inputs\[0\]: data of type INT8, {TOO_MANY_AXES} axes: "
    with pytest.raises(InvalidRequest, match=beginning):
        parse(text, "INT8", [1] * TOO_MANY_AXES)


@pytest.mark.parametrize(
    ("values", "datatype", "refusal"),
    [
        (
            [1, 300],
            "UINT8",
            "data is no array of UINT8: it has the number 300, which UINT8 cannot hold",
        ),
        (
            ["a", "b"],
            "FP32",
            "data is no array of FP32: could not convert string to float: 'a'",
        ),
        ([1, 2, 3], "INT8", "expected 2 elements for shape [2], got 3"),
    ],
)
def test_values_of_another_type_are_refused(
    values: list[Any], datatype: str, refusal: str
) -> None:
    """Values that have a type already are checked against that of the tensor."""
    with refuse(f"{WHERE}: {refusal}"):
        read_values(values, DATATYPES[datatype], [2], where=WHERE)


def test_values_become_an_array_of_the_type_and_shape() -> None:
    """Python's numbers take the tensor's type, and bytes stay bytes."""
    numbers = read_values([1, 2], DATATYPES["INT16"], [2, 1], where=WHERE)
    elements = read_values([b"\xff"], DATATYPES[BYTES], [1], where=WHERE)
    assert numbers.dtype == np.int16
    assert numbers.tolist() == [[1], [2]]
    assert elements.tolist() == [b"\xff"]


@pytest.mark.parametrize(
    ("content", "datatype", "shape", "refusal"),
    [
        (b"abc", "FP32", [2, 3], "expected 24 bytes for FP32 of shape [2, 3], got 3"),
        (b"\0\1\1", "BOOL", [2], "expected 2 elements for shape [2], got 3"),
        (b"abc", "BYTES", [1], "element 0 of BYTES is cut off, at byte 0"),
        (b"\1\0\0\0ab", "BYTES", [2], "element 1 of BYTES is cut off, at byte 5"),
        (b"\1\0\0\0a", "BYTES", [2], "expected 2 elements for shape [2], got 1"),
    ],
)
def test_bytes_of_another_length_are_refused(
    content: bytes, datatype: str, shape: list[int], refusal: str
) -> None:
    """The refusal counts what was expected and what came."""
    with refuse(f"{WHERE}: {refusal}"):
        view(content, datatype, shape)


def test_every_byte_but_zero_is_true() -> None:
    """A client may write True as any byte."""
    assert view(b"\0\1\7", "BOOL", [3]).tolist() == [False, True, True]


def test_bytes_are_not_copied_where_they_are_aligned() -> None:
    """The array lies in the bytes as they came; where they begin at an odd place it is a copy that is aligned."""
    content = np.arange(5, dtype=np.float32).tobytes()
    whole = view(content, "FP32", [5])
    shifted = read_bytes(
        memoryview(b"x" + content)[1:], DATATYPES["FP32"], [5], where=WHERE
    )
    assert not whole.flags.owndata
    assert not whole.flags.writeable
    assert shifted.flags.aligned
    assert np.array_equal(shifted, whole)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_have_no_json(value: float) -> None:
    """The refusal names the output, and what would work."""
    with refuse(
        "outputs[0]: it has values that are not finite, which JSON cannot hold: ask for binary_data"
    ):
        write_json(np.array([1, value]), where="outputs[0]")


def test_bytes_that_are_no_text_are_replaced_in_json() -> None:
    """JSON holds texts alone; the sign of a replacement stands for what is none."""
    array = np.array([[b"\xff", "x"]], dtype=np.object_)
    assert write_json(array, where=WHERE) == ["\N{REPLACEMENT CHARACTER}", "x"]


@pytest.mark.parametrize(
    ("size", "shape", "refusal"),
    [
        (4, [3], "expected 3 elements for shape [3], got 4"),
        (4, [-2, -2], "expected 4 elements for shape [-2, -2], got 4"),
        (1, [0], "expected 0 elements for shape [0], got 1"),
        (2, [], "expected 1 elements for shape [], got 2"),
    ],
)
def test_a_shape_of_another_size_is_refused(
    size: int, shape: list[int], refusal: str
) -> None:
    """Lengths below zero are no lengths, even where their product fits."""
    with refuse(f"{WHERE}: {refusal}"):
        reshape(np.zeros(size), shape, where=WHERE)


def test_a_shape_that_no_array_has_is_refused() -> None:
    """Lengths that overflow are refused, though there is no element among them."""
    shape = [0, 2**62, 2**62]
    beginning = rf"^inputs\[0\]: no array has the shape {re.escape(str(shape))}: "
    with pytest.raises(InvalidRequest, match=beginning):
        reshape(np.zeros(0), shape, where=WHERE)
