"""The limits on what one request may hold are checked here, and nowhere else worded."""

from __future__ import annotations

from service.errors import TooLarge
from service.settings import Settings


class Limits:
    """The limits of one request follow from the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.max_rows = settings.max_rows
        self.max_pixels = settings.max_pixels
        self.max_decoding_bytes = settings.max_decoding_bytes
        self.max_json_bytes = settings.max_body_bytes
        self.max_image_bytes = settings.max_image_bytes
        self.max_bytes = max(settings.max_body_bytes, settings.max_image_bytes)
        """This limits a body that may be JSON or image files, as tensors may."""

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
        """Raises TooLarge where more images are to be generated than a request may have rows."""
        if count > self.max_rows:
            raise TooLarge(
                f"count: {count} images are over the limit of {self.max_rows} (VEREDICTO_MAX_ROWS)"
            )

    def name(self, limit: int) -> str:
        """Returns the setting of a limit of bytes."""
        return self._settings.name_limit(limit)
