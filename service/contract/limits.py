"""The limits on what one request may hold: the one place that has their words."""

from __future__ import annotations

from service.errors import TooLarge
from service.settings import Settings


class Limits:
    """The limits that the settings set."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.max_rows = settings.max_rows
        self.max_pixels = settings.max_pixels
        self.max_json_bytes = settings.max_body_bytes
        self.max_image_bytes = settings.max_image_bytes
        self.max_bytes = max(settings.max_body_bytes, settings.max_image_bytes)
        """The limit of a body that may be of either kind, as tensors are."""

    def check_body(self, n_bytes: int, limit: int) -> None:
        """Raises TooLarge for a body over one of the two limits of bytes."""
        if n_bytes > limit:
            raise TooLarge(
                f"a body of {n_bytes} bytes is over the limit of {limit} bytes "
                f"({self.name(limit)}): send the rows in several requests"
            )

    def check_rows(self, n_rows: int) -> None:
        """Raises TooLarge for more rows than a request may have."""
        if n_rows > self.max_rows:
            raise TooLarge(
                f"inputs: {n_rows} rows are over the limit of {self.max_rows} rows a request "
                "(VEREDICTO_MAX_ROWS): send them in several requests"
            )

    def check_tensor_rows(self, n_rows: int) -> None:
        """Raises TooLarge for tensors of more rows than a request may have."""
        if n_rows > self.max_rows:
            raise TooLarge(
                f"{n_rows} rows are over the limit of {self.max_rows} a request (VEREDICTO_MAX_ROWS)"
            )

    def check_count(self, count: int) -> None:
        """Raises TooLarge for more images than one request may have made."""
        if count > self.max_rows:
            raise TooLarge(
                f"count: {count} images are over the limit of {self.max_rows} (VEREDICTO_MAX_ROWS)"
            )

    def name(self, limit: int) -> str:
        """The setting of a limit of bytes."""
        return self._settings.name_limit(limit)
