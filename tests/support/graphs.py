"""Graphs without cards are written here, as anyone may have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.support.tiny_models import write_image_model, write_kind

NUMERIC = {
    "BOOL": TensorProto.BOOL,
    **{
        f"{sign}INT{bits}": getattr(TensorProto, f"{sign}INT{bits}")
        for sign in ("U", "")
        for bits in (8, 16, 32, 64)
    },
    **{
        "FP16": TensorProto.FLOAT16,
        "FP32": TensorProto.FLOAT,
        "FP64": TensorProto.DOUBLE,
    },
}


def write_graph(
    path: Path, nodes: list[onnx.NodeProto], inputs: list, outputs: list
) -> Path:
    graph = helper.make_graph(nodes, "graph", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())

    return path


def tensor(name: str, kind: int, shape: list[int | str] | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def write_simple(folder: Path, *, version: str | None = None) -> Path:
    """Writes Triton's `simple`: sum and difference of two rows of sixteen INT32, in its layout with a version."""
    names = ("INPUT0", "INPUT1"), ("OUTPUT0", "OUTPUT1")
    inputs, outputs = (
        [tensor(name, TensorProto.INT32, ["n", 16]) for name in each] for each in names
    )
    nodes = [
        helper.make_node(operator, list(names[0]), [name])
        for operator, name in (("Add", "OUTPUT0"), ("Sub", "OUTPUT1"))
    ]
    path = (
        folder / "simple.onnx"
        if version is None
        else folder / "simple" / version / "model.onnx"
    )

    return write_graph(path, nodes, inputs, outputs)


def write_identity(
    folder: Path, name: str, kind: int, shape: list[int | str] | None
) -> Path:
    """Writes a graph whose output `y` is its input `x`."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return write_graph(
        folder / f"{name}.onnx",
        nodes,
        [tensor("x", kind, shape)],
        [tensor("y", kind, shape)],
    )


def write_latin(folder: Path) -> Path:
    """Writes a graph whose output `texts` is a constant in Latin-1, beside its output `y`, which is its input."""
    texts = helper.make_tensor(
        "latin", TensorProto.STRING, [1], ["café".encode("latin-1")]
    )
    nodes = [
        helper.make_node("Constant", [], ["texts"], value=texts),
        helper.make_node("Identity", ["x"], ["y"]),
    ]
    outputs = [
        tensor("texts", TensorProto.STRING, [1]),
        tensor("y", TensorProto.FLOAT, ["n"]),
    ]
    path = folder / "latin.onnx"
    return write_graph(path, nodes, [tensor("x", TensorProto.FLOAT, ["n"])], outputs)


def write_gather(folder: Path) -> Path:
    """Writes a graph that fails while it runs: an index from 3 on is beyond its table."""
    nodes = [
        helper.make_node("Constant", [], ["table"], value_floats=[1.0, 2.0, 3.0]),
        helper.make_node("Gather", ["table", "index"], ["row"]),
    ]
    ends = (
        [tensor("index", TensorProto.INT64, ["n"])],
        [tensor("row", TensorProto.FLOAT, ["n"])],
    )
    return write_graph(folder / "gather.onnx", nodes, *ends)


def write_range(folder: Path) -> Path:
    """Writes a graph whose output is as long as its one input says: the whole numbers below it."""
    nodes = [
        helper.make_node("Constant", [], ["first"], value_int=0),
        helper.make_node("Constant", [], ["step"], value_int=1),
        helper.make_node("Range", ["first", "end", "step"], ["numbers"]),
    ]
    ends = (
        [tensor("end", TensorProto.INT64, [])],
        [tensor("numbers", TensorProto.INT64, ["n"])],
    )
    return write_graph(folder / "range.onnx", nodes, *ends)


def write_steps(folder: Path) -> Path:
    """Writes a graph whose output goes from one of its inputs to another, in steps of a third."""
    nodes = [helper.make_node("Range", ["start", "end", "step"], ["numbers"])]
    ends = [tensor(name, TensorProto.DOUBLE, []) for name in ("start", "end", "step")]
    numbers = tensor("numbers", TensorProto.DOUBLE, ["n"])
    return write_graph(folder / "steps.onnx", nodes, ends, [numbers])


def write_division(folder: Path) -> Path:
    """Writes a graph that divides one row of INT64 by another."""
    nodes = [helper.make_node("Div", ["x", "by"], ["y"])]
    x, by, y = (tensor(name, TensorProto.INT64, ["n"]) for name in ("x", "by", "y"))
    return write_graph(folder / "division.onnx", nodes, [x, by], [y])


def _make_counting_body() -> onnx.GraphProto:
    return helper.make_graph(
        [
            helper.make_node("Identity", ["goes_on"], ["goes_on_still"]),
            helper.make_node("Identity", ["turn"], ["number"]),
        ],
        "body",
        [
            tensor("turn", TensorProto.INT64, []),
            tensor("goes_on", TensorProto.BOOL, []),
        ],
        [
            tensor("goes_on_still", TensorProto.BOOL, []),
            tensor("number", TensorProto.INT64, []),
        ],
    )


def _make_sized_nodes() -> dict[str, list[onnx.NodeProto]]:
    node = helper.make_node
    return {
        "constantofshape": [node("ConstantOfShape", ["size"], ["y"])],
        "crop": [
            node("Cast", ["size"], ["crop"], to=TensorProto.INT32),
            node(
                "CropAndResize",
                ["image", "box", "number", "crop"],
                ["y"],
                domain="com.microsoft",
            ),
        ],
        "expand": [
            node("Concat", ["one", "size"], ["shape"], axis=0),
            node("Expand", ["x", "shape"], ["y"]),
        ],
        "loop": [
            node("Squeeze", ["size"], ["turns"]),
            node("Loop", ["turns", ""], ["y"], body=_make_counting_body()),
        ],
        "onehot": [
            node("Cast", ["x"], ["indices"], to=TensorProto.INT64),
            node("OneHot", ["indices", "size", "ends"], ["y"]),
        ],
        "pad": [node("Pad", ["x", "size"], ["y"])],
        "resize": [node("Resize", ["x", "", "", "size"], ["y"])],
        "tile": [node("Tile", ["x", "size"], ["y"])],
        "window": [
            node("Squeeze", ["size"], ["length"]),
            node("HannWindow", ["length"], ["y"]),
        ],
    }


def write_sized(folder: Path) -> None:
    """Writes graphs whose input `size` says how much their operator makes, of a tensor `x` where it takes one.

    Some cast the size, join it to another or take it out of its axis first.
    """
    arrays = {
        "one": np.array([1]),
        "ends": np.array([0.0, 1.0], np.float32),
        "image": np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4),
        "box": np.array([[0, 0, 1, 1]], np.float32),
        "number": np.array([0], np.int32),
    }
    constants = [numpy_helper.from_array(each, name) for name, each in arrays.items()]
    x = tensor("x", TensorProto.FLOAT, ["m"])
    for name, nodes in _make_sized_nodes().items():
        used = {each for node in nodes for each in node.input}
        n_axes: int | str = 1 if name == "resize" else "n"
        size = tensor("size", TensorProto.INT64, [n_axes])
        kind = TensorProto.INT64 if name == "loop" else TensorProto.FLOAT
        graph = helper.make_graph(
            nodes,
            "graph",
            [size, x] if "x" in used else [size],
            [tensor("y", kind, None)],
            [each for each in constants if each.name in used],
        )
        _write_model(folder / f"{name}.onnx", graph)


def write_kernels(folder: Path) -> Path:
    """Writes a convolution of `x` whose kernels `w` come with each request, and are cast first."""
    nodes = [
        helper.make_node("Cast", ["w"], ["kernels"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["x", "kernels"], ["y"]),
    ]
    axes = ["a", "b", "c", "d"]
    x = tensor("x", TensorProto.FLOAT, axes)
    w = tensor("w", TensorProto.DOUBLE, ["e", "f", "g", "h"])
    y = tensor("y", TensorProto.FLOAT, None)
    return write_graph(folder / "kernels.onnx", nodes, [x, w], [y])


def write_boxes(folder: Path) -> Path:
    """Writes a graph that samples boxes `(n, 4)` of an image of eight by eight values, which count up."""
    values = [float(each) for each in range(64)]
    image = helper.make_tensor("values", TensorProto.FLOAT, [1, 1, 8, 8], values)
    axis = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    nodes = [
        helper.make_node("Constant", [], ["image"], value=image),
        helper.make_node("Constant", [], ["axis"], value=axis),
        helper.make_node("ReduceMax", ["boxes", "axis"], ["largest"], keepdims=0),
        helper.make_node("Sub", ["largest", "largest"], ["zeros"]),
        helper.make_node("Cast", ["zeros"], ["numbers"], to=TensorProto.INT64),
        helper.make_node("RoiAlign", ["image", "boxes", "numbers"], ["y"]),
    ]
    boxes = tensor("boxes", TensorProto.FLOAT, ["n", 4])
    y = tensor("y", TensorProto.FLOAT, ["n", 1, 1, 1])
    return write_graph(folder / "boxes.onnx", nodes, [boxes], [y])


def write_decoder(path: Path) -> Path:
    """Writes a step of a decoder: attention of two heads of four numbers to tokens `x` and those remembered so far."""
    past = [
        tensor(name, TensorProto.FLOAT, ["batch", 2, "past", 4])
        for name in ("keys", "values")
    ]
    node = helper.make_node(
        "MultiHeadAttention",
        ["x", "x", "x", "", "", "", "keys", "values"],
        ["y", "next_keys", "next_values"],
        domain="com.microsoft",
        num_heads=2,
    )
    graph = helper.make_graph(
        [node],
        "decoder",
        [tensor("x", TensorProto.FLOAT, ["batch", "tokens", 8]), *past],
        [tensor(name, TensorProto.FLOAT, None) for name in node.output],
    )
    _write_model(path, graph)

    return path


def write_fragile(folder: Path) -> list[str]:
    """Writes graphs of one operator each that ends the process for a tensor without elements; returns their names.

    Their input `x` has free axes; what else the operator takes are constants.
    """
    shapes = {"w": [1, 12, 2], "r": [1, 12, 3], "kernel": [1, 1, 2, 2, 2]}
    constants = [
        numpy_helper.from_array(np.ones(shape, np.float32), name)
        for name, shape in shapes.items()
    ]
    constants.append(numpy_helper.from_array(np.array(2), "steps"))
    nodes = {
        "lstm": helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=3),
        "convtranspose": helper.make_node("ConvTranspose", ["x", "kernel"], ["y"]),
        "unique": helper.make_node("Unique", ["x"], ["y"], axis=0),
        "stft": helper.make_node("STFT", ["x", "steps", "", "steps"], ["y"]),
        "featurevectorizer": helper.make_node(
            "FeatureVectorizer",
            ["x"],
            ["y"],
            domain="ai.onnx.ml",
            inputdimensions=[2],
        ),
        "inverse": helper.make_node("Inverse", ["x"], ["y"], domain="com.microsoft"),
    }
    n_axes = {"convtranspose": 5, "featurevectorizer": 2}
    for name, node in nodes.items():
        _write_node(folder / f"{name}.onnx", node, n_axes.get(name, 3), constants)

    return list(nodes)


def _write_node(
    path: Path, node: onnx.NodeProto, n_axes: int, constants: list[onnx.TensorProto]
) -> None:
    graph = helper.make_graph(
        [node],
        "graph",
        [tensor("x", TensorProto.FLOAT, [f"n{axis}" for axis in range(n_axes)])],
        [tensor("y", TensorProto.FLOAT, None)],
        [each for each in constants if each.name in node.input],
    )
    _write_model(path, graph)


def _write_model(path: Path, graph: onnx.GraphProto) -> None:
    """Writes a graph whose operators may be those of scikit-learn's models, and onnxruntime's own."""
    domains = {"": 18, "ai.onnx.ml": 3, "com.microsoft": 1}
    opsets = [helper.make_opsetid(*each) for each in domains.items()]
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 10
    path.write_bytes(model.SerializeToString())


def write_all(folder: Path) -> None:
    """Writes graphs without cards, one in two versions, a model of images and a generator."""
    for version in ("1", "2"):
        write_simple(folder, version=version)

    for name, kind in NUMERIC.items():
        write_identity(folder, f"identity_{name}", kind, ["n", 3])

    write_identity(folder, "identity_BYTES", TensorProto.STRING, ["n", 2])
    write_identity(folder, "identity_BF16", TensorProto.BFLOAT16, ["n", 3])
    write_identity(folder, "scalar", TensorProto.FLOAT, [])
    write_identity(folder, "open", TensorProto.FLOAT, None)
    write_zip_map(folder, "maps", ["no", "yes"])
    write_identity(folder, "free", TensorProto.FLOAT, ["n", "m", "k"])
    write_gather(folder)
    write_image_model(folder)
    write_kind(folder, "generator")


def write_with_weights(
    folder: Path, name: str, *, location: str | None = None, fill: float = 1.0
) -> Path:
    """Writes a graph that adds two weights to its rows, which lie in a file beside it; returns the graph's path."""
    weights = numpy_helper.from_array(np.full(2, fill, np.float32), "w")
    entry = weights.external_data.add()
    entry.key = "location"
    entry.value = location or f"{name}.onnx.data"
    weights.data_location = TensorProto.EXTERNAL
    content = weights.raw_data
    weights.ClearField("raw_data")

    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "graph",
        [tensor("x", TensorProto.FLOAT, ["n", 2])],
        [tensor("y", TensorProto.FLOAT, ["n", 2])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    path = folder / f"{name}.onnx"
    path.write_bytes(model.SerializeToString())
    if location is None:
        (folder / entry.value).write_bytes(content)

    return path


def write_zip_map(folder: Path, name: str, keys: list[str] | list[int]) -> Path:
    """Writes a graph whose output is a map of class names to the values of each row, as scikit-learn's exports have."""
    kind = TensorProto.STRING if isinstance(keys[0], str) else TensorProto.INT64
    attribute = (
        "classlabels_strings" if isinstance(keys[0], str) else "classlabels_int64s"
    )
    node = helper.make_node(
        "ZipMap", ["x"], ["maps"], domain="ai.onnx.ml", **{attribute: keys}
    )
    maps = helper.make_sequence_type_proto(
        helper.make_map_type_proto(
            kind, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
        )
    )
    graph = helper.make_graph(
        [node],
        "graph",
        [tensor("x", TensorProto.FLOAT, ["n", len(keys)])],
        [helper.make_value_info("maps", maps)],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 1)]
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 10
    path = folder / f"{name}.onnx"
    path.write_bytes(model.SerializeToString())

    return path


def write_endless(folder: Path) -> Path:
    """Writes a graph whose loop never ends."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Identity", ["a"], ["b"]),
        ],
        "body",
        [
            tensor("i", TensorProto.INT64, []),
            tensor("go", TensorProto.BOOL, []),
            tensor("a", TensorProto.FLOAT, ["n"]),
        ],
        [tensor("go_on", TensorProto.BOOL, []), tensor("b", TensorProto.FLOAT, ["n"])],
    )
    true = helper.make_tensor("true", TensorProto.BOOL, [], [True])
    nodes = [
        helper.make_node("Constant", [], ["true"], value=true),
        helper.make_node("Loop", ["", "true", "x"], ["y"], body=body),
    ]
    return write_graph(
        folder / "endless.onnx",
        nodes,
        [tensor("x", TensorProto.FLOAT, ["n"])],
        [tensor("y", TensorProto.FLOAT, ["n"])],
    )


def write_function_bomb(folder: Path, *, depth: int = 30) -> Path:
    """Writes a graph of a few kilobytes whose functions each call the one below twice."""
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("bomb", 1)]
    functions = []
    for level in range(depth):
        called = f"f{level - 1}" if level else "Neg"
        domain = "bomb" if level else ""
        nodes = [
            helper.make_node(called, ["a"], ["b"], domain=domain),
            helper.make_node(called, ["b"], ["c"], domain=domain),
        ]
        functions.append(
            helper.make_function("bomb", f"f{level}", ["a"], ["c"], nodes, opsets)
        )

    graph = helper.make_graph(
        [helper.make_node(f"f{depth - 1}", ["x"], ["y"], domain="bomb")],
        "graph",
        [tensor("x", TensorProto.FLOAT, ["n"])],
        [tensor("y", TensorProto.FLOAT, ["n"])],
    )
    model = helper.make_model(graph, opset_imports=opsets, functions=functions)
    model.ir_version = 10
    path = folder / "bomb.onnx"
    path.write_bytes(model.SerializeToString())

    return path


def largest_and_smallest(name: str) -> np.ndarray:
    """Returns the ends of a type and a value between them `(2, 3)`."""
    special = {"BOOL": "bool", "FP16": "float16", "FP32": "float32", "FP64": "float64"}
    dtype = np.dtype(special.get(name, name.lower()))
    if dtype.kind == "b":
        values = [True, False, True]
    else:
        ends = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
        values = [ends.min, 1, ends.max]

    return np.array([values, values[::-1]], dtype=dtype)
