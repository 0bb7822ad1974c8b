"""The cost of decoding the images of one request is counted and limited, ahead of the decoding."""

from __future__ import annotations

from service.contract.limits import MAX_IMAGE_PARTS, MAX_REQUEST_PARTS
from service.errors import TooLarge
from service.models.images.decoding_memory import share_decoding_budget

MAX_SCANS = 100
SCANS_AT_MAX_PIXELS = 16
"""A JPEG has at most 100 scans, and of the most pixels 16: a usual progressive one has ten."""
MAX_DECODING_BYTES = 512 * 1024 * 1024
"""This much memory may be taken for decoding where no setting says so."""


class PixelBudget:
    """A budget limits what the images of one request may cost to decode, counted from their headers.

    Their pixels are counted together; what each takes in memory is taken from what all requests share.
    """

    def __init__(
        self, max_pixels: int, max_decoding_bytes: int = MAX_DECODING_BYTES
    ) -> None:
        self.memory = share_decoding_budget(max_decoding_bytes)
        self._max_pixels = max_pixels
        self._taken = 0
        self._n_parts = 0

    def take(self, pixels: int, where: str) -> None:
        """Takes the pixels of one image; raises TooLarge, which names the limit."""
        check_size(pixels, where, self._max_pixels)
        self._taken += pixels
        check_size(self._taken, "inputs", self._max_pixels)

    def give_back(self, pixels: int) -> None:
        """Gives back the pixels of an image that were taken."""
        self._taken -= pixels

    def take_parts(self, n_parts: int, where: str) -> None:
        """Takes the parts of one file; raises TooLarge where a decoder would be busy with them alone."""
        self._n_parts += n_parts
        limit = MAX_IMAGE_PARTS
        if n_parts <= limit:
            n_parts, where, limit = self._n_parts, "inputs", MAX_REQUEST_PARTS
        if n_parts > limit:
            raise TooLarge(
                f"{where}: more than {limit} segments, chunks or blocks of image files are over the limit: "
                "save them again, as usual files"
            )

    def check_scans(self, n_scans: int, pixels: int, where: str) -> None:
        """Raises TooLarge for a JPEG whose pixels come in more scans than it may cost to read."""
        most = min(MAX_SCANS, SCANS_AT_MAX_PIXELS * self._max_pixels // max(1, pixels))
        if n_scans > most:
            raise TooLarge(
                f"{where}: a JPEG of {n_scans} scans is over the limit of {most} for its {pixels} pixels: "
                "save it again, as a usual JPEG"
            )


def check_size(pixels: int, where: str, max_pixels: int) -> None:
    """Raises TooLarge, which names the limit, for more than `max_pixels`."""
    if pixels > max_pixels:
        raise TooLarge(
            f"{where}: {pixels} pixels are over the limit of {max_pixels} for the images of a request "
            "(VEREDICTO_MAX_PIXELS)"
        )
