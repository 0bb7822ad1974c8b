"""Each decoder returns a request or refuses it with words, in no long time, whatever bytes a client sends."""

from __future__ import annotations

import random
import tracemalloc
from time import thread_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.decoders import NAMES, PIECES, Decoder, check, make_decoders

MAX_S = 4.0
"""A decoder that takes the square of a megabyte takes minutes; a tenth of this is enough on a slow machine."""
MAX_MEMORY_BYTES = 2_000_000
MAX_MEMORY_FACTOR = 100
"""Decoding takes no more memory than so many bytes, and so many times those of the request."""
N_MEASURED = 60

EDITS = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 6),
        st.one_of(st.sampled_from(PIECES), st.binary(max_size=4)),
    ),
    min_size=1,
    max_size=4,
)
"""An edit has where, how many bytes are replaced, and by what."""


@pytest.fixture(scope="module")
def decoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Decoder]:
    return make_decoders(tmp_path_factory.mktemp("models"))


def mutate(seed: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    content = bytearray(seed)
    for place, n_replaced, piece in edits:
        start = round(place * len(content))
        content[start : start + n_replaced] = piece

    return bytes(content)


def test_every_decoder_is_tried(decoders: dict[str, Decoder]) -> None:
    """The names here are those of all decoders, and each takes its own seeds."""
    assert sorted(decoders) == sorted(NAMES)
    for decoder in decoders.values():
        for seed in decoder.seeds:
            decoder.decode(seed)


@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=2 * settings().max_examples,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 20), edits=EDITS)
def test_changed_requests_are_decoded_or_refused(
    decoders: dict[str, Decoder],
    name: str,
    seed: int,
    edits: list[tuple[float, int, bytes]],
) -> None:
    """A request that was changed at random is one or a VeredictoError, within seconds of the processor."""
    decoder = decoders[name]
    content = mutate(decoder.seeds[seed % len(decoder.seeds)], edits)
    started_s = thread_time()
    check(decoder, content)
    assert thread_time() - started_s < MAX_S


@pytest.mark.parametrize("name", NAMES)
def test_each_hostile_piece_is_decoded_or_refused_everywhere(
    decoders: dict[str, Decoder], name: str
) -> None:
    """Each piece alone, and in place of each value of a seed, is a request or a VeredictoError."""
    decoder = decoders[name]
    for piece in PIECES:
        check(decoder, piece)
        for seed in decoder.seeds:
            for place in range(0, len(seed), 5):
                check(decoder, seed[:place] + piece + seed[place:])


@pytest.mark.parametrize("name", NAMES)
def test_long_and_deep_bodies_take_no_long_time(
    decoders: dict[str, Decoder], name: str
) -> None:
    """A megabyte of brackets, digits, commas or nothing is refused within seconds of the processor."""
    for piece in (b"[", b'{"a":', b"9", b",", b"\0", b"\r\n", b"--", b"&a=b", b'"'):
        started_s = thread_time()
        check(decoders[name], piece * (1_000_000 // len(piece)))
        assert thread_time() - started_s < MAX_S, (name, piece)


@pytest.mark.parametrize("name", NAMES)
def test_memory_is_within_what_the_request_is_long(
    decoders: dict[str, Decoder], name: str
) -> None:
    """No short request takes much memory, whatever was changed in it at random."""
    chance = random.Random(0)
    decoder = decoders[name]
    tracemalloc.start()

    try:
        for _ in range(N_MEASURED):
            edits = [
                (chance.random(), chance.randrange(7), chance.choice(PIECES))
                for _ in range(chance.randint(1, 4))
            ]
            content = mutate(chance.choice(decoder.seeds), edits)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            check(decoder, content)
            taken = tracemalloc.get_traced_memory()[1] - before
            limit = MAX_MEMORY_BYTES + MAX_MEMORY_FACTOR * len(content)
            assert taken < limit, content
    finally:
        tracemalloc.stop()
