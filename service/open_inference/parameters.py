"""Parameters of requests and tensors are of one type each, contradict nothing, and ask for nothing not served.

Those that the protocol does not know are anyone's own, and are passed over as it says.
"""

from __future__ import annotations

from service.errors import InvalidRequest
from service.open_inference.requests import (
    InputTensor,
    Parameters,
    has_data,
    read_parameters,
)

_NOT_SERVED = {
    "sequence_id": "sequences of requests are",
    "sequence_start": "sequences of requests are",
    "sequence_end": "sequences of requests are",
    "priority": "priorities are",
}
"""As the protocol's extensions have it, 0, an empty text and false of these are as if they were absent."""
_SHARED_MEMORY = "shared_memory_"


def check_request(given: Parameters) -> None:
    """Raises InvalidRequest where a request asks for what this server does not do, such as a sequence."""
    for name, what in _NOT_SERVED.items():
        if given.get(name):
            raise InvalidRequest(
                f"the parameter {name}: {what} not served, as GET /v2 says; leave it out"
            )


def check_tensor(given: Parameters, where: str) -> None:
    """Raises InvalidRequest for a tensor in shared memory."""
    for name in given:
        if name.startswith(_SHARED_MEMORY):
            raise InvalidRequest(
                f"{where}: shared memory is not served, as GET /v2 says: send the values"
            )


def read_flag(given: Parameters, name: str, *, default: bool) -> bool:
    """Returns a parameter that is true or false; raises InvalidRequest for one of another type."""
    value = given.get(name, default)
    if not isinstance(value, bool):
        raise InvalidRequest(
            f"the parameter {name}: expected true or false, got {value!r:.40}"
        )

    return value


def read_count(given: Parameters, name: str, where: str) -> int | None:
    """Returns a parameter that is a number of things, None where it is absent; raises InvalidRequest."""
    value = given.get(name)
    if value is None:
        return None

    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidRequest(
            f"{where}: expected a whole number for {name}, got {value!r:.40}"
        )

    return value


def read_size(tensor: InputTensor, where: str) -> int | None:
    """Returns how many bytes of an input follow the JSON, None where its values are in it; raises InvalidRequest."""
    given = read_parameters(tensor.parameters)
    if not given:
        return None

    check_tensor(given, where)
    size = read_count(given, "binary_data_size", where)
    if size is not None and has_data(tensor):
        raise InvalidRequest(
            f"{where}: expected data or a parameter binary_data_size, got both"
        )

    return size
