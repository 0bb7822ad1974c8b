"""Bodies with many numbers that the parser is slow at are refused before it sees them."""

from __future__ import annotations

import json
import time

import pytest

from service.contract.codec import RequestDecoder
from service.contract.extreme_numbers import check_numbers
from service.contract.limits import MAX_EXTREME_NUMBERS
from service.contract.requests import PredictRequest
from service.errors import InvalidRequest

FAR = (
    b"1e308",
    b"1E+300",
    b"4.35e-320",
    b"17976931348623157e290",
    b"1e0308",
    b"1e9999",
)
NEAR = (b"1e38", b"1.5", b"-1E-45", b"123456789", b"1e200", b"1e-284", b"true")
N_TRIES = 5


def body(number: bytes, n_numbers: int) -> bytes:
    """Returns the JSON of one row of so many equal numbers."""
    return b'{"inputs":[[' + b",".join([number] * n_numbers) + b"]]}"


@pytest.mark.parametrize("number", FAR)
def test_many_numbers_that_no_model_can_use_are_refused(number: bytes) -> None:
    """Whichever way such a number is written, the error says how many there are and what would work."""
    with pytest.raises(InvalidRequest, match=r"101 numbers are beyond .* float32"):
        check_numbers(body(number, MAX_EXTREME_NUMBERS + 1))

    check_numbers(body(number, MAX_EXTREME_NUMBERS))


@pytest.mark.parametrize("number", NEAR)
def test_any_number_of_others_is_taken(number: bytes) -> None:
    """Numbers that float32 has room for, or comes close to, are none of those."""
    check_numbers(body(number, 10_000))


def test_names_with_digits_are_no_numbers() -> None:
    """Objects whose keys have the letter of an exponent are read as ever."""
    check_numbers(json.dumps([{"size": 1.0, "three": 2.0}] * 1_000).encode())


def test_a_small_body_holds_the_event_loop_for_milliseconds() -> None:
    """64 kB of the slowest numbers took 150 ms to be refused, and take about one.

    It is tried several times, since the collector of garbage may look through this process in one of them.
    """
    decoder = RequestDecoder(PredictRequest)
    content = body(b"1e308", 10_000)
    took_s = []
    for _ in range(N_TRIES):
        began_s = time.thread_time()
        with pytest.raises(InvalidRequest):
            decoder.decode(content)
        took_s.append(time.thread_time() - began_s)

    assert min(took_s) < 0.05
