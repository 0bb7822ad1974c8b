"""Options of onnxruntime's sessions and runs: threads, logging, and when a run is ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import onnxruntime

from service.models.runtime.time_limits import limit_time

MAX_FIRST_RUN_S = 10
"""A graph whose first run takes longer is refused."""
SessionRun = Callable[[list[str], dict[str, Any], Any], list[Any]]
"""A run takes names of outputs, inputs by their names and options, and returns the outputs in the names' order."""
_FATAL_ALONE = 4
"""This is onnxruntime's number for the least severe entry in its log: one on an error that ends the process."""


def make_session_options(*, threads: int) -> onnxruntime.SessionOptions:
    """Returns options of a session whose runs use so many threads, and the memory of the shared arena."""
    options = onnxruntime.SessionOptions()
    # The default is the machine's cores, whatever a container may use.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # What goes wrong is raised, and reported with the file's name.
    options.log_severity_level = _FATAL_ALONE
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")

    return options


def make_run_options() -> Any:
    """Returns options of runs that end where their `terminate` is set to True, from whatever thread."""
    options = onnxruntime.RunOptions()
    # What goes wrong is raised; a wrong shape in a file would be a line in the log for every run.
    options.log_severity_level = _FATAL_ALONE
    return options


@contextmanager
def limit_runs(max_s: float) -> Iterator[Any]:
    """Yields options of runs that end, with an error, `max_s` seconds from now."""
    options = make_run_options()

    def end() -> None:
        options.terminate = True

    with limit_time(max_s, end):
        yield options
