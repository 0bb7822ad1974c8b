"""The ids of predictions go out with answers and come back with feedback."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import deque
from os import urandom
from time import time

CYCLE_S = 2**24
"""The time in an id begins anew after 194 days."""
ID_CHARACTERS = 16
_RANDOM_BYTES = 9
_IDS_AT_A_TIME = 64


class PredictionIds:
    """Makes many ids at a time, which is cheaper; any thread may take one."""

    def __init__(self) -> None:
        self._ids: deque[str] = deque()

    def take(self) -> str:
        """Returns 16 random characters, so that nobody guesses another's id and no two workers make the same.

        An id begins with the time: ids of one time lie together in the file, and few of its pages change. Else only
        the days of a plan are read from it, so a clock that is wrong or steps back costs pages and those alone.
        """
        while True:
            try:
                return self._ids.pop()
            except IndexError:
                seconds = (int(time()) % CYCLE_S).to_bytes(3, "big")
                for _ in range(_IDS_AT_A_TIME):
                    made = urlsafe_b64encode(seconds + urandom(_RANDOM_BYTES))
                    self._ids.append(made.decode())


def find_age_s(prediction_id: str) -> int:
    """Returns how long ago the id was made, up to 194 days; ids are made 64 at a time, before they are taken."""
    seconds = int.from_bytes(urlsafe_b64decode(prediction_id)[:3], "big")
    return (int(time()) - seconds) % CYCLE_S
