"""Every log line of this process, whichever library wrote it, goes out one way: as text, or as one JSON object.

No line is written for what a client did wrong, and each kind of line is limited, so that no client can fill a disk.
"""

from __future__ import annotations

import atexit
import json
import logging
import queue
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from service.observability import access_log
from service.observability.log_stream import LogStream, find_descriptor, make_handler
from service.observability.request_ids import REQUEST_ID
from service.settings import Settings

MAX_IN_A_WINDOW = 10
WINDOW_S = 10.0
MAX_KINDS = 1_000
"""So many kinds of lines are told apart; then all are counted afresh."""
MAX_KIND_CHARS = 200
"""So much of the text of a line, before it is filled in, tells its kind."""
MAX_MESSAGE_CHARS = 8_000
MAX_WAITING_LINES = 10_000
"""So many lines of the access log wait for a reader that is slow; further ones are dropped."""
CLOSE_LIMIT_S = 1.0
_OURS = ("service", "veredicto")
_TAKEN_OVER = ("bentoml", "uvicorn", "uvicorn.error", "circus", "asyncio")
_SILENT = ("python_multipart", "python_multipart.multipart", "multipart")
"""These write a line for each body that is not as it should be, which is its client's fault."""
_ENDS_OF_LINES = (*range(32), *range(127, 160), 0x2028, 0x2029)
_DIRECTIONS = (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROL = {code: f"\\x{code:02x}" for code in (*_ENDS_OF_LINES, *_DIRECTIONS)}
"""Some readers end a line at these, some terminals obey them, and some make what follows read backwards."""


def configure_logging(settings: Settings) -> None:
    """Makes all loggers of this process write to stderr as the settings say; a supervisor and a worker call it."""
    formatter = JSONFormatter() if settings.log == "json" else TextFormatter()
    handler = make_handler()
    handler.setFormatter(formatter)
    handler.addFilter(RateLimit())

    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in _TAKEN_OVER:
        _let_through(name, logging.WARNING)
    for name in _OURS:
        _let_through(name, logging.INFO)
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # Its warnings are of requests that are no HTTP, whose clients are answered.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)

    if settings.access_log:
        _separate_access_log(formatter)
    sys.excepthook = _log_crash


def _let_through(name: str, level: int) -> None:
    """Makes a library's logger leave its lines to the root's handler."""
    logger = logging.getLogger(name)
    logger.handlers = []
    logger.propagate = True
    logger.setLevel(level)


def _separate_access_log(formatter: logging.Formatter) -> None:
    logger = logging.getLogger(access_log.NAME)
    handler = BackgroundHandler()
    handler.setFormatter(formatter)
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)


def _log_crash(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("service").critical(
        "the process ends by an error", exc_info=(kind, error, traceback)
    )


def _collect_fields(record: logging.LogRecord) -> dict[str, Any]:
    """Returns what a line says besides its message: its own fields, the request's id, how many lines are missing."""
    fields: dict[str, Any] = dict(getattr(record, "fields", None) or {})
    request_id = getattr(record, "request_id", None) or REQUEST_ID.get()
    if request_id and "request_id" not in fields:
        fields["request_id"] = request_id
    for name in ("left_out", "lost"):
        number = getattr(record, name, 0)
        if number:
            fields[name] = number

    return fields


class JSONFormatter(logging.Formatter):
    """A line is one JSON object with time, level, logger, message, process and the line's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:MAX_MESSAGE_CHARS],
            "pid": record.process,
        }
        line |= _collect_fields(record)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)

        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """A line is for a person to read; what it quotes cannot begin another line."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line, and the lines of a traceback after it."""
        moment = datetime.fromtimestamp(record.created, UTC)
        shown = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = record.getMessage()[:MAX_MESSAGE_CHARS].translate(_CONTROL)
        line = f"{shown} {record.levelname} {record.name}: {message}"
        for name, value in _collect_fields(record).items():
            line += f" {name}={_show(value)}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)

        return line


def _show(value: Any) -> str:
    text = str(value)
    is_plain = text.isascii() and text.isprintable() and " " not in text
    return text if is_plain and text else json.dumps(text)


@dataclass(slots=True)
class _Window:
    """A window of one kind of line counts those that it had, and those that were left out and not told of yet."""

    start_s: float
    n_lines: int = 0
    n_left_out: int = 0


class RateLimit(logging.Filter):
    """This filter lets at most ten lines of one kind out in ten seconds.

    A kind is a logger and the text before it is filled in.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._windows: dict[tuple[str, str], _Window] = {}
        atexit.register(self._tell_all)

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns whether a line goes out, which then says how many of its kind did not."""
        if record.levelno >= logging.CRITICAL:
            return True

        now_s = time.monotonic()
        with self._lock:
            if len(self._windows) >= MAX_KINDS:
                self._windows.clear()

            kind = (record.name, str(record.msg)[:MAX_KIND_CHARS])
            window = self._windows.setdefault(kind, _Window(now_s))
            if now_s - window.start_s >= WINDOW_S:
                window.start_s = now_s
                window.n_lines = 0

            window.n_lines += 1
            if window.n_lines > MAX_IN_A_WINDOW:
                window.n_left_out += 1
                return False

            record.left_out = window.n_left_out
            window.n_left_out = 0

        return True

    def take_left_out(self) -> Iterator[tuple[str, str, int]]:
        """Yields the logger, the text and the number of lines that no later line has told of."""
        with self._lock:
            for (name, text), window in self._windows.items():
                if window.n_left_out:
                    yield name, text, window.n_left_out
                    window.n_left_out = 0

    def _tell_all(self) -> None:
        """Says at the end what was left out since the last line."""
        for name, text, n_lines in list(self.take_left_out()):
            logging.getLogger(name).critical(
                "%d lines were left out: %s", n_lines, text
            )


class BackgroundHandler(logging.Handler):
    """This handler writes in a thread, so that a slow reader of the log delays no answer; lines may be dropped.

    The thread begins with the first line: a process that has more than one cannot be forked.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: queue.Queue[str | None] = queue.Queue(MAX_WAITING_LINES)
        self._thread: threading.Thread | None = None
        atexit.register(self.close)

    def emit(self, record: logging.LogRecord) -> None:
        """Leaves a line to the thread, or drops it where too many wait."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._write, name="access-log", daemon=True
            )
            self._thread.start()

        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            pass

    def _write(self) -> None:
        descriptor = find_descriptor(sys.stderr)
        stream = None if descriptor is None else LogStream(descriptor)
        while (line := self._lines.get()) is not None:
            try:
                if stream is None:
                    sys.stderr.write(f"{line}\n")
                else:
                    stream.write(line, patience_s=None)
            except (OSError, ValueError):
                # There is nobody to read it any more.
                return

    def close(self) -> None:
        """Writes what waits, for a second at most."""
        try:
            self._lines.put_nowait(None)
            if self._thread is not None:
                self._thread.join(CLOSE_LIMIT_S)
        except queue.Full:
            pass
        super().close()
