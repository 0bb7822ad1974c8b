"""The numbers of ONNX's fields are those of the package `onnx`, which the server does without."""

from __future__ import annotations

import onnx
import pytest

from service.models.parsing import onnx_fields
from service.models.parsing.value_runs import FLOAT_TAG, INT_TAG, TEXT_TAG

MESSAGES = {
    "MODEL": onnx.ModelProto,
    "GRAPH": onnx.GraphProto,
    "FUNCTION": onnx.FunctionProto,
    "NODE": onnx.NodeProto,
    "ATTRIBUTE": onnx.AttributeProto,
    "SPARSE_TENSOR": onnx.SparseTensorProto,
    "TENSOR_SHAPE_DIMENSION": onnx.TensorShapeProto.Dimension,
    "TENSOR": onnx.TensorProto,
    "STRING_STRING_ENTRY": onnx.StringStringEntryProto,
    "VALUE_INFO": onnx.ValueInfoProto,
    "TYPE_TENSOR": onnx.TypeProto.Tensor,
    "TYPE": onnx.TypeProto,
}
"""The longest beginning of a constant's name that is here says its message, and the rest of it the field."""
NAMES = [name for name in vars(onnx_fields) if name.isupper()]
OF_ATTRIBUTES = {"floats": FLOAT_TAG, "ints": INT_TAG, "strings": TEXT_TAG}


@pytest.mark.parametrize("name", NAMES)
def test_a_field_has_the_number_that_onnx_gives_it(name: str) -> None:
    """Each constant is the number of the field that it is named after."""
    (message, field) = next(
        (each, name.removeprefix(f"{each}_").lower())
        for each in sorted(MESSAGES, key=len, reverse=True)
        if name.startswith(f"{each}_")
        and name.removeprefix(f"{each}_").lower()
        in MESSAGES[each].DESCRIPTOR.fields_by_name
    )
    numbers = MESSAGES[message].DESCRIPTOR.fields_by_name

    assert getattr(onnx_fields, name) == numbers[field].number


@pytest.mark.parametrize("field", OF_ATTRIBUTES)
def test_a_value_of_a_run_begins_with_the_tag_of_its_field(field: str) -> None:
    """A tag is the field's number and, in its three lowest bits, how its value is written."""
    number = onnx.AttributeProto.DESCRIPTOR.fields_by_name[field].number

    assert OF_ATTRIBUTES[field] >> 3 == number
