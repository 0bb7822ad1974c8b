"""The arena is the memory that onnxruntime's CPU runs take; all sessions of this process share one."""

from __future__ import annotations

import functools
from threading import Lock
from typing import Any

import onnxruntime

from service.models.runtime.options import make_run_options, make_session_options
from service.models.runtime.process_memory import (
    read_memory_bytes,
    read_memory_limit_bytes,
)

_sharing = Lock()
"""A cache alone would let two threads that come at once register an arena each."""
_ONE_CONSTANT = (
    b'\x08\x08:6\n$\x12\x01c"\x08Constant*\x15\n\x0bvalue_float\x15\0\0\0\0\xa0\x01\x01'
    b"\x12\x01gb\x0b\n\x01c\x12\x06\n\x04\x08\x01\x12\0B\x04\n\0\x10\r"
)
"""This is an ONNX file whose graph is one constant, `c`: there is nothing that a run of it has to compute."""


def share_arena() -> None:
    """Has all sessions that are opened from now on share one arena; it comes before the first of them."""
    with _sharing:
        _open_shrinking_session()


def shrink_arena() -> None:
    """Gives back to the system what the arena keeps of earlier runs and sessions; other runs may go on meanwhile.

    A run of 300 images by a convolutional network of half a million weights left 360 MB there for good.
    """
    with _sharing:
        session, options = _open_shrinking_session()
    session.run(None, {}, options)


@functools.cache
def _open_shrinking_session() -> tuple[onnxruntime.InferenceSession, Any]:
    """Registers the arena of this process: with one of its own, each session would keep what its largest run took.

    It returns a session and options whose run gives back what the arena has free: the wish is an option of a run. The
    first such run comes before all others, since the arena keeps for good what it took first.
    """
    _register_arena()
    options = make_run_options()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    session = onnxruntime.InferenceSession(
        _ONE_CONSTANT,
        make_session_options(threads=1),
        providers=["CPUExecutionProvider"],
    )
    session.run(None, {}, options)

    return session, options


def _register_arena() -> None:
    """Makes the arena that sessions with the option `session.use_env_allocators` take their memory from."""
    place = onnxruntime.OrtMemoryInfo(
        "Cpu",
        onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
        0,
        onnxruntime.OrtMemType.DEFAULT,
    )
    # Beyond it a run fails, where otherwise the system ends the process that touches memory that is not there.
    left_bytes = max(1, read_memory_limit_bytes() - read_memory_bytes())
    arena = {
        "max_mem": left_bytes,
        "arena_extend_strategy": 0,
        "initial_chunk_size_bytes": -1,
        "max_dead_bytes_per_chunk": -1,
    }
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg(arena))
