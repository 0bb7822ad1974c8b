"""An ONNX file is read here as protobuf's wire format has it, to say what it would make onnxruntime do.

Only what matters for that is read: operators, functions, files beside it, and the types of inputs and outputs. Values
are skipped, so that a large file costs little more than a small one.
"""

from __future__ import annotations

from service.errors import ModelRefused
from service.models.parsing.external_tensors import make_external
from service.models.parsing.graph_work import (
    GraphBody,
    Key,
    depends_on_values,
    note_sizes,
)
from service.models.parsing.guarded_nodes import NodeGuard
from service.models.parsing.onnx_fields import (
    ATTRIBUTE_G,
    ATTRIBUTE_GRAPHS,
    ATTRIBUTE_INTS,
    ATTRIBUTE_STRINGS,
    ATTRIBUTE_T,
    ATTRIBUTE_TENSORS,
    FUNCTION_ATTRIBUTE_PROTO,
    FUNCTION_DOMAIN,
    FUNCTION_NAME,
    FUNCTION_NODE,
    FUNCTION_OVERLOAD,
    GRAPH_INITIALIZER,
    GRAPH_INPUT,
    GRAPH_NODE,
    GRAPH_OUTPUT,
    GRAPH_SPARSE_INITIALIZER,
    MODEL_FUNCTIONS,
    MODEL_GRAPH,
    MODEL_METADATA_PROPS,
    NODE_ATTRIBUTE,
    NODE_DOMAIN,
    NODE_INPUT,
    NODE_OP_TYPE,
    NODE_OUTPUT,
    NODE_OVERLOAD,
    SPARSE_TENSOR_INDICES,
    SPARSE_TENSOR_VALUES,
    STRING_STRING_ENTRY_KEY,
    STRING_STRING_ENTRY_VALUE,
    TENSOR_DATA_LOCATION,
    TENSOR_DATA_TYPE,
    TENSOR_DIMS,
    TENSOR_EXTERNAL_DATA,
    TENSOR_NAME,
    TENSOR_SHAPE_DIMENSION_DIM_PARAM,
    TYPE_TENSOR_SHAPE,
    TYPE_TENSOR_TYPE,
    VALUE_INFO_NAME,
    VALUE_INFO_TYPE,
)
from service.models.parsing.outline import Outline
from service.models.parsing.protobuf_wire import Field, WireReader
from service.models.parsing.trees import OPERATORS as TREE_OPERATORS
from service.models.parsing.trees import check_trees

MAX_NODES = 200_000
"""A graph whose functions are put in place of their calls may have this many nodes."""
MAX_DEPTH = 32
"""Graphs within nodes, and calls within functions, may be this deep; protobuf reads 100 messages within each other."""

KNOWN_DOMAINS = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview.training", "com.microsoft"}
)
"""onnxruntime as it is installed has operators of these domains."""

_NODE_TEXTS = (NODE_INPUT, NODE_OUTPUT, NODE_OP_TYPE, NODE_DOMAIN, NODE_OVERLOAD)
_GRAPH_ENDS = (GRAPH_INPUT, GRAPH_OUTPUT)
_ATTRIBUTE_GRAPHS = (ATTRIBUTE_G, ATTRIBUTE_GRAPHS)
_ATTRIBUTE_TENSORS = (ATTRIBUTE_T, ATTRIBUTE_TENSORS)
_SPARSE_TENSORS = (SPARSE_TENSOR_VALUES, SPARSE_TENSOR_INDICES)
_NO_TEXT = [""]
_EXTERNAL = 1
"""A tensor whose data has this location is in another file: `TensorProto.EXTERNAL`."""


def read_outline(content: bytes) -> Outline:
    """Returns the outline of a file; raises ModelRefused for one that is broken, too deep, endless or not served."""
    return _Reader(content).read()


class _Reader:
    """A reader goes once through one file."""

    def __init__(self, content: bytes) -> None:
        self._wire = WireReader(content)
        self._n_bytes = len(content)
        self._outline = Outline()
        self._functions: dict[Key, GraphBody] = {}
        self._called: dict[Key, int] = {}
        self._guard = NodeGuard()
        self._inputs: set[str] = set()

    def read(self) -> Outline:
        main = GraphBody()
        n_graphs = 0
        for each in self._wire.fields(0, self._n_bytes):
            if each.number == MODEL_GRAPH:
                n_graphs += 1
                self._read_graph(each, main, depth=0)
            elif each.number == MODEL_FUNCTIONS:
                self._read_function(each)
            elif each.number == MODEL_METADATA_PROPS:
                self._read_entry(each)

        if n_graphs != 1:
            raise ModelRefused(
                f"onnxruntime cannot load it: it is no ONNX file: it has {n_graphs} graphs"
            )

        self._check_domains()
        self._outline.n_nodes = self._count(main, depth=0)
        self._outline.depends_on_values = depends_on_values(
            self._outline.operators, [main, *self._functions.values()]
        )
        self._outline.guarded = self._guard.find(self._inputs - main.constants)

        return self._outline

    def _read_graph(self, graph: Field, body: GraphBody, *, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ModelRefused(f"its graphs are more than {MAX_DEPTH} deep")

        for each in self._wire.fields(graph.start, graph.end):
            if each.number == GRAPH_NODE:
                self._read_node(each, body, depth=depth)
            elif each.number == GRAPH_INITIALIZER:
                name = self._read_tensor(each, is_initializer=depth == 0)
                if depth == 0:
                    body.constants.add(name)
            elif each.number == GRAPH_SPARSE_INITIALIZER:
                for part in self._wire.fields(each.start, each.end):
                    if part.number in _SPARSE_TENSORS:
                        self._read_tensor(part, is_initializer=False)
            elif each.number in _GRAPH_ENDS and depth == 0:
                self._read_value_info(each)

    def _read_function(self, function: Field) -> None:
        body = GraphBody()
        name = domain = overload = ""
        for each in self._wire.fields(function.start, function.end):
            if each.number == FUNCTION_NAME:
                name = self._wire.text(each)
            elif each.number == FUNCTION_DOMAIN:
                domain = self._wire.text(each)
            elif each.number == FUNCTION_OVERLOAD:
                overload = self._wire.text(each)
            elif each.number == FUNCTION_NODE:
                self._read_node(each, body, depth=1)
            elif each.number == FUNCTION_ATTRIBUTE_PROTO:
                self._read_attribute(each, body, depth=1)

        self._functions[domain, name, overload] = body

    def _read_node(self, node: Field, body: GraphBody, *, depth: int) -> None:
        attributes: list[Field] = []
        texts: dict[int, list[str]] = {}
        for each in self._wire.fields(node.start, node.end):
            number = each.number
            if number == NODE_ATTRIBUTE:
                attributes.append(each)
            elif number in _NODE_TEXTS:
                texts.setdefault(number, []).append(self._wire.text(each))

        inputs = texts.get(NODE_INPUT, [])
        outputs = texts.get(NODE_OUTPUT, [])
        # Of a field that comes several times protobuf takes the last.
        name = texts.get(NODE_OP_TYPE, _NO_TEXT)[-1]
        domain = texts.get(NODE_DOMAIN, _NO_TEXT)[-1]
        overload = texts.get(NODE_OVERLOAD, _NO_TEXT)[-1]

        body.n_nodes += 1
        key = (domain, name, overload)
        body.calls[key] = body.calls.get(key, 0) + 1
        self._outline.operators.add((domain, name))
        if depth <= 1:
            note_sizes(body, name, inputs, outputs)
        if depth == 0:
            self._guard.note(name, inputs, outputs)
        if name == "ZipMap" and outputs:
            self._outline.zip_maps[outputs[0]] = self._read_class_names(attributes)

        if name in TREE_OPERATORS:
            check_trees(self._wire, attributes)

        for each in attributes:
            self._read_attribute(each, body, depth=depth)

    def _read_attribute(self, attribute: Field, body: GraphBody, *, depth: int) -> None:
        """Reads the graphs and tensors of an attribute; of its values, which may be millions, none is looked at."""
        for each in self._wire.fields_but_values(attribute):
            if each.number in _ATTRIBUTE_GRAPHS:
                self._read_graph(each, body, depth=depth + 1)
            elif each.number in _ATTRIBUTE_TENSORS:
                self._read_tensor(each, is_initializer=False)

    def _read_class_names(self, attributes: list[Field]) -> tuple[str | int, ...]:
        names: list[str | int] = []
        for attribute in attributes:
            for each in self._wire.fields(attribute.start, attribute.end):
                if each.number == ATTRIBUTE_STRINGS:
                    names.append(self._wire.text(each))
                elif each.number == ATTRIBUTE_INTS:
                    names += self._wire.integers(each)

        return tuple(names)

    def _read_tensor(self, tensor: Field, *, is_initializer: bool) -> str:
        """Returns a tensor's name, and notes one whose values are in another file; raises ModelRefused."""
        dims: list[int] = []
        kind = 0
        name = ""
        entries = []
        is_external = False
        for each in self._wire.fields(tensor.start, tensor.end):
            if each.number == TENSOR_DIMS:
                dims += self._wire.integers(each)
            elif each.number == TENSOR_DATA_TYPE:
                kind = each.value
            elif each.number == TENSOR_NAME:
                name = self._wire.text(each)
            elif each.number == TENSOR_EXTERNAL_DATA:
                entries.append(self._read_entry(each))
            elif each.number == TENSOR_DATA_LOCATION:
                is_external = each.value == _EXTERNAL

        if not is_external:
            return name

        if not is_initializer:
            raise ModelRefused(
                f"the constant {name!r} of a node is in another file: only the graph's own initializers may be"
            )

        self._outline.external.append(make_external(name, dims, kind, dict(entries)))

        return name

    def _read_entry(self, entry: Field) -> tuple[str, str]:
        texts = {STRING_STRING_ENTRY_KEY: "", STRING_STRING_ENTRY_VALUE: ""}
        for each in self._wire.fields(entry.start, entry.end):
            if each.number in texts:
                texts[each.number] = self._wire.text(each)

        return texts[STRING_STRING_ENTRY_KEY], texts[STRING_STRING_ENTRY_VALUE]

    def _read_value_info(self, value_info: Field) -> None:
        """Notes an input, and a tensor without a shape, which is not one whose shape has no axes."""
        name = ""
        has_shape = True
        for each in self._wire.fields(value_info.start, value_info.end):
            if each.number == VALUE_INFO_NAME:
                name = self._wire.text(each)
            elif each.number == VALUE_INFO_TYPE:
                has_shape = self._has_shape(each)

        if not has_shape:
            self._outline.unranked.add(name)
        if value_info.number == GRAPH_INPUT:
            self._inputs.add(name)

    def _has_shape(self, value_type: Field) -> bool:
        for each in self._wire.fields(value_type.start, value_type.end):
            if each.number == TYPE_TENSOR_TYPE:
                return self._read_shapes(each) > 0
        return True

    def _read_shapes(self, tensor_type: Field) -> int:
        """Reads the names of free axes; returns how many shapes a tensor's type has."""
        n_shapes = 0
        for shape in self._wire.fields(tensor_type.start, tensor_type.end):
            if shape.number != TYPE_TENSOR_SHAPE:
                continue
            n_shapes += 1
            for axis in self._wire.fields(shape.start, shape.end):
                for each in self._wire.fields(axis.start, axis.end):
                    if each.number == TENSOR_SHAPE_DIMENSION_DIM_PARAM:
                        self._wire.text(each)

        return n_shapes

    def _check_domains(self) -> None:
        """Raises ModelRefused where a node is of a domain that neither onnxruntime nor the file itself has."""
        own = {domain for domain, _, _ in self._functions}
        for domain, name in sorted(self._outline.operators):
            if domain not in KNOWN_DOMAINS and domain not in own:
                raise ModelRefused(
                    f"its operator {name[:100]!r} is of the domain {domain[:100]!r}, for which onnxruntime "
                    "needs a library of its own: only the operators of ONNX and onnxruntime are served"
                )

    def _count(self, body: GraphBody, *, depth: int) -> int:
        """Returns how many nodes a body has with its functions in place; raises ModelRefused for too many."""
        if depth > MAX_DEPTH:
            raise ModelRefused(
                f"its functions call each other more than {MAX_DEPTH} deep, or themselves"
            )

        n_nodes = body.n_nodes
        for key, times in body.calls.items():
            if key not in self._functions:
                continue

            if key not in self._called:
                self._called[key] = self._count(self._functions[key], depth=depth + 1)
            n_nodes += times * self._called[key]

        if n_nodes > MAX_NODES:
            raise ModelRefused(
                f"it has more than {MAX_NODES} nodes once its functions are put in place of their calls"
            )

        return n_nodes
