"""Jobs say what they are doing, and a display shows it."""

from __future__ import annotations

from multiprocessing.queues import Queue
from typing import Protocol

from rich.progress import Progress, TaskID

Message = tuple[str, str] | None
"""A message is the name of a job and what it is doing now; None ends the display."""


class Messages(Protocol):
    """Messages about jobs are put as into a queue."""

    def put(self, message: Message, /) -> None: ...


def show_progress(messages: Queue[Message], progress: Progress, n_jobs: int) -> None:
    """Shows a bar for all jobs, and under it a line for each that is running."""
    every = progress.add_task("all", total=n_jobs, note="")
    lines: dict[str, TaskID] = {}

    while (message := messages.get()) is not None:
        name, text = message
        if not text:
            progress.remove_task(lines.pop(name))
            progress.advance(every)
            continue

        if name not in lines:
            lines[name] = progress.add_task(name, total=None, note="")

        progress.update(lines[name], note=text)
