"""Each decoder of what clients send is a function of bytes: it returns a request or raises a VeredictoError.

Tests mutate the seeds by chance, and `python -m tests.fuzz` by what they reach in the code.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from model_card import Feature, FeatureInput
from service.contract.calls import CALLS
from service.contract.codec import RequestDecoder
from service.contract.limits import Limits
from service.errors import VeredictoError
from service.grpc import infer_message, messages
from service.http.request_bodies.csv_rows import read_csv
from service.http.request_bodies.forms import read_request
from service.http.request_bodies.infer_body import InferBodyCodec
from service.http.responses import respond_to_error
from service.models.datatypes import DATATYPES
from service.models.graph import Graph
from service.models.registry import Registry
from service.models.rows import RowEncoder
from service.open_inference import compression, tensors
from service.settings import Settings
from tests.support.graphs import write_identity, write_simple
from tests.support.tiny_models import tiny_card, write_image_model, write_tiny

BOUNDARY = b"BOUNDARY"
MAX_BYTES = 100_000
TENSOR_TYPES = tuple(DATATYPES)
PIECES = (
    b'"\\ud800"',
    b'"\xff"',
    b"\xed\xa0\x80",
    b"\x00",
    b'"\\u0000"',
    b"\xef\xbb\xbf",
    b"1e400",
    b"-1e400",
    b"1e-400",
    b"NaN",
    b"Infinity",
    b"-0",
    b"0x1",
    b"01",
    b"+1",
    b"9" * 400,
    b"9" * 5000,
    b"18446744073709551616",
    b"-9223372036854775809",
    b"9007199254740993",
    b"3.4028236e38",
    b"1E+99999999999",
    b'"1"',
    b'"NaN"',
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"{",
    b"[",
    b"]",
    b"}",
    b",",
    b":",
    b'"',
    b"[" * 2000,
    b'{"a":' * 2000,
    b"[" * 900 + b"]" * 900,
    b'"' + b"x" * 5000 + b'"',
    b'"inputs":',
    b'"model":"m",',
    b'"zzz":1,',
    b'"shape":[4611686018427387904,4]',
    b"\r\n",
    b"\r\n\r\n",
    b"--",
    b"--BOUNDARY",
    b"--BOUNDARY--",
    b"%ff",
    b"&",
    b"=",
    b"\xff" * 8,
    b"\x80" * 11,
    b"\x7f",
    b"\x1f\x8b\x08",
    b";",
    b"\t",
    b"|",
    b"sep=|\n",
    b"05/07/2022",
    b"2.345",
    b"1,5",
    b'\\"',
    b"#",
    b"\r",
    b"\n\n",
    b"\xff\xfe",
    b"\xe9",
)
"""Decoders of others have failed at these; a mutation puts one of them somewhere."""


NAMES = (
    "contract",
    "rows",
    "csv",
    "form",
    "query",
    "media_type",
    "infer_json",
    "infer_binary",
    "infer_raw",
    "grpc",
    "tensor_json",
    "tensor_bytes",
    "compressed",
)
"""All decoders have these names."""


class Decoder(NamedTuple):
    """A decoder has requests that are right, as the seeds of those that are not."""

    decode: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


def check(decoder: Decoder, content: bytes) -> None:
    """Decodes; lets anything out but a VeredictoError, whose words must make a response."""
    try:
        decoder.decode(content)
    except VeredictoError as error:
        respond_to_error(error)


def make_decoders(folder: Path) -> dict[str, Decoder]:
    """Returns all decoders by name; `folder` takes tiny models."""
    write_tiny(folder, tiny_card(family="first"))
    write_image_model(folder, family="first")
    write_simple(folder)
    write_identity(folder, "texts", 8, ["n", 2])  # of strings
    limits = Limits(Settings(models=folder))
    graphs = {graph.name: graph for graph in Registry.load(folder)}

    return {
        "contract": _make_contract(),
        "rows": _make_rows(),
        "csv": _make_csv(),
        "form": Decoder(_decode_form, _FORMS),
        "query": Decoder(_decode_query, (b"task=colour&models=a&models=b", b"task=a&label=%ff")),
        "media_type": Decoder(_decode_media_type, (b"multipart/form-data; boundary=BOUNDARY",)),
        "infer_json": _make_infer_json(graphs, limits),
        "infer_binary": _make_infer_binary(graphs, limits),
        "infer_raw": Decoder(
            lambda content: InferBodyCodec(graphs["texts"], limits).decode(content, 0),
            (b"abc",),
        ),
        "grpc": _make_grpc(graphs),
        "tensor_json": Decoder(_decode_tensor_json, (b"\x0b\x05[1,2]", b'\x0d\x04["a"]')),
        "tensor_bytes": Decoder(_decode_tensor_bytes, (b"\x0d\x04\x01\0\0\0a", b"\x01\x05ab")),
        "compressed": Decoder(
            lambda content: compression.decompress_message(content, MAX_BYTES, "LIMIT"),
            (zlib.compress(b"abc"), compression.compress(b"abc", "gzip")),
        ),
    }  # fmt: skip


def _make_contract() -> Decoder:
    """Returns the decoder of the call that the first byte chooses."""
    decoders = [RequestDecoder(call.request) for call in CALLS]
    seeds = [
        bytes([place]) + seed
        for place, decoder in enumerate(decoders)
        for seed in _make_requests(decoder.fields)
    ]

    def decode(content: bytes) -> object:
        place = content[0] % len(decoders) if content else 0
        return decoders[place].decode(content[1:])

    return Decoder(decode, tuple(seeds))


def _make_requests(known_fields: tuple[str, ...]) -> list[bytes]:
    """Returns requests that have all fields of a call, with rows of names and with rows of numbers."""
    values: dict[str, Any] = {
        "model": "colour-first",
        "inputs": [[0.5, "red"], {"size": 1, "colour": "green"}],
        "labels": ["yes", 1],
        "models": ["colour-first"],
        "top": 1,
        "min_probability": 0.5,
        "count": 2,
        "seed": 3,
        "class": "yes",
        "layer": "conv",
        "id": "AAAAAAAAAAAAAAAA/0",
        "label": "yes",
        "instances": [[0.5, "red"], {"size": 1, "colour": "green"}],
        "parameters": {"model": "colour-first"},
        "signature_name": "serving_default",
    }
    if "model" not in known_fields:
        values["task"] = "colour"

    request = {name: value for name, value in values.items() if name in known_fields}
    requests = [request]
    if "inputs" in request:
        requests.append(request | {"inputs": [[1, 2], [3, 4]]})

    return [json.dumps(each).encode() for each in requests]


def _make_rows() -> Decoder:
    """Returns the decoder of rows, which takes them as they lie in a request."""
    predict = next(call.request for call in CALLS if call.name == "transform")
    request_decoder = RequestDecoder(predict)
    card_input: Any = tiny_card().input
    encoder = RowEncoder(card_input)

    def decode(content: bytes) -> object:
        request = request_decoder.decode(b'{"model":"m","inputs":' + content + b"}")
        return encoder.encode(request.inputs)

    return Decoder(decode, (b'[[0.5,"red"]]', b'[{"size":1,"colour":"red"}]'))


def _make_csv() -> Decoder:
    """Returns the decoder of rows as CSV, which have a number, a category, a date and a text."""
    parts = {
        "year": (2021, 2022),
        "month": (1, 12),
        "weekday": (1, 7),
        "days": (18628, 19357),
    }
    features = (
        Feature(name="size", type="number", range=(0.0, 9000.0), imputed=1.0),
        Feature(name="kind", type="category", values=("red", "1", "NA"), imputed="1"),
        *(
            Feature(name=f"day_{part}", type="number", range=each, imputed=1.0)
            for part, each in parts.items()
        ),
        *(
            Feature(name=f"note: {term}", type="number", range=(0, 1))
            for term in ("007", "7", "good", "1e5", "nan")
        ),
    )
    encoder = RowEncoder(
        FeatureInput(features=features, example=(0.0, "red", *[0.0] * 9))
    )
    rows = "size;kind;day;note;id\n1,5;red;05/07/2022;very good;1\nNA;1;25/12/2022;;2\n"

    def decode(content: bytes) -> object:
        return encoder.encode(read_csv(content, max_rows=100))

    return Decoder(
        decode,
        (
            rows.encode(),
            rows.encode("utf-16"),
            b"sep=;\n" + rows.encode("cp1252"),
            rows.replace(",", ".").replace(";", ",").encode("utf-8-sig"),
            b"# made\n\n" + rows.replace(";", "\t").encode(),
            b'a|size|kind|note|day_year|day_month|day_weekday|day_days\n"a \\" b"|2.345|NA|x|2022|7|2|19178\n',
        ),
    )


def _decode_form(content: bytes) -> object:
    return _read_compare(f"multipart/form-data; boundary={BOUNDARY.decode()}", content)


def _decode_query(content: bytes) -> object:
    return _read_compare("image/png", b"PNG", content)


def _decode_media_type(content: bytes) -> object:
    return _read_compare(content.decode("latin-1"), _FORMS[0])


def _read_compare(media_type: str, body: bytes, query: bytes = b"") -> object:
    decoder = RequestDecoder(next(c.request for c in CALLS if c.name == "compare"))
    return read_request(
        media_type,
        body,
        query,
        decoder.fields,
        lambda fields: decoder.convert(fields, strict=False),
    )


_PART = b'--BOUNDARY\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
_FILE = (
    b'--BOUNDARY\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\nPNG\r\n"
)
_FORMS = (
    _PART % (b"task", b"colour") + _FILE + b"--BOUNDARY--\r\n",
    _PART % (b"task", b"colour")
    + _PART % (b"label", b"yes")
    + _FILE
    + _FILE
    + b"--BOUNDARY--\r\n",
)


def _make_infer_json(graphs: dict[str, Graph], limits: Limits) -> Decoder:
    """Returns the decoder of JSON for the graph that its first byte chooses."""
    codecs = [InferBodyCodec(graph, limits) for graph in graphs.values()]
    names = list(graphs)
    image = {"name": "pixels", "shape": [1, 1], "datatype": "BYTES", "data": ["aGk="]}
    text = {"name": "x", "shape": [1, 2], "datatype": "BYTES", "data": ["a", "b"]}
    rows = {"name": "features", "shape": [1, 2], "datatype": "FP32", "data": [[1, 2]]}
    outputs = [{"name": "label", "parameters": {"classification": 1}}]
    seeds = {
        "texts": {"id": "1", "inputs": [text]},
        "hue-first": {"inputs": [image]},
        "colour-first": {"inputs": [rows], "outputs": outputs},
    }

    def decode(content: bytes) -> object:
        return (
            codecs[content[0] % len(codecs)].decode(content[1:], None)
            if content
            else None
        )

    return Decoder(
        decode,
        tuple(bytes([names.index(name)]) + json.dumps(each).encode() for name, each in seeds.items()),
    )  # fmt: skip


def _make_infer_binary(graphs: dict[str, Graph], limits: Limits) -> Decoder:
    """Returns the decoder of JSON and bytes; the first two bytes are the length of the JSON."""
    codec = InferBodyCodec(graphs["colour-first"], limits)
    tensor = {
        "name": "features",
        "shape": [1, 2],
        "datatype": "FP32",
        "parameters": {"binary_data_size": 8},
    }
    head = json.dumps(
        {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    ).encode()

    def decode(content: bytes) -> object:
        return codec.decode(content[2:], int.from_bytes(content[:2], "big"))

    return Decoder(decode, (len(head).to_bytes(2, "big") + head + b"\0" * 8,))


def _make_grpc(graphs: dict[str, Graph]) -> Decoder:
    seeds = (
        {
            "contents": {"fp32_contents": [1.0, 2.0]},
            "name": "features",
            "datatype": "FP32",
            "shape": [1, 2],
        },
        {"name": "features", "datatype": "FP32", "shape": [1, 2]},
    )
    raw = ([], [b"\0" * 8])
    graph = graphs["colour-first"]

    def decode(content: bytes) -> object:
        message = messages.decode("ModelInferRequest", content)
        return infer_message.decode(graph, message)

    return Decoder(
        decode,
        tuple(
            messages.encode(
                "ModelInferRequest", {"inputs": [each], "raw_input_contents": content}
            )
            for each, content in zip(seeds, raw, strict=True)
        ),
    )


def _decode_tensor_json(content: bytes) -> object:
    """Reads the type and the length of the first axis from the first two bytes."""
    name, shape, rest = _split_tensor(content)
    try:
        raw = msgspec.json.decode(rest, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None

    return tensors.read_json(raw, DATATYPES[name], shape, where="inputs[0]")


def _decode_tensor_bytes(content: bytes) -> object:
    name, shape, rest = _split_tensor(content)
    array = tensors.read_bytes(
        memoryview(rest), DATATYPES[name], shape, where="inputs[0]"
    )
    assert array.shape == tuple(shape)

    return np.asarray(array)


def _split_tensor(content: bytes) -> tuple[str, list[int], bytes]:
    kind, length = (content + b"\0\0")[:2]
    return TENSOR_TYPES[kind % len(TENSOR_TYPES)], [length - 3], content[2:]
