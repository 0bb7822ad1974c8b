"""The lifecycle of a worker says whether it takes new work, and whether its event loop turns."""

from __future__ import annotations

from time import perf_counter

MAX_STILL_S = 1.0
"""An event loop that has not turned for this long counts as stuck."""


class Lifecycle:
    """A worker serves, then drains: it goes on serving, but is not ready and keeps no connection."""

    def __init__(self) -> None:
        self.is_draining = False
        self.turned_s = perf_counter()
        """The event loop turned then, by `time.perf_counter`."""

    def turn(self) -> None:
        """Notes that the event loop turns; it must be called several times a second."""
        self.turned_s = perf_counter()

    def start_draining(self) -> None:
        """Ends the readiness; requests are answered as before."""
        self.is_draining = True

    def why_not_live(self) -> str | None:
        """Returns what is wrong with the event loop, or None where it turns. Any thread may ask."""
        still_s = perf_counter() - self.turned_s
        if still_s <= MAX_STILL_S:
            return None
        return f"the event loop has not turned for {still_s:.1f} s"

    def why_not_ready(self) -> str | None:
        """Returns why no new work should come here, or None."""
        return "the server is stopping" if self.is_draining else None
