"""All limits are declared here, one a line; those on what one request may hold are also checked and worded here.

`python -m service.contract.limits docs/limits.md` writes the table of all limits into a page.
"""

from __future__ import annotations

import sys

from service.contract.limit_table import declare, declare_setting, make_limits_table
from service.errors import TooLarge
from service.generated_table import GeneratedTable
from service.settings import Settings

declare_setting(
    "connections",
    "max_connections",
    503,
    "one more, or one for which there is no descriptor, is told so and closed",
)
declare_setting(
    "connections to the port of gRPC, which has half of the descriptors",
    "max_connections",
    "-",
    "one more is closed",
)
declare_setting("idle connection, in seconds", "keep_alive_s", "-", "it is closed")
declare_setting(
    "connection without a whole head, or whose client takes nothing, in seconds",
    "deadline_s",
    "-",
    "it is closed",
)
MAX_REQUEST_LINE_BYTES = declare(
    "request line",
    16_384,
    "bytes",
    414,
    "refused before it is read, and the connection closed",
)
MAX_FIELD_BYTES = declare(
    "one header field",
    16_384,
    "bytes",
    431,
    "refused before it is read, and the connection closed",
)
MAX_FIELDS = declare(
    "header fields",
    128,
    "fields",
    431,
    "refused before they are parsed, and the connection closed",
)
MAX_HEAD_BYTES = declare(
    "request line and header fields together",
    65_536,
    "bytes",
    431,
    "refused before they are read, and the connection closed",
)
MAX_TRAILER_BYTES = declare(
    "fields after a body in chunks",
    8_192,
    "bytes",
    431,
    "refused, and the connection closed",
)
MAX_CHUNK_LINE_BYTES = declare(
    "size of a chunk with its extensions",
    1_024,
    "bytes",
    400,
    "refused, and the connection closed",
)
MAX_HELD_BYTES = declare(
    "parts of heads and requests behind others, of all connections",
    64 * 2**20,
    "bytes",
    503,
    "the connection that adds to them is closed",
)
MAX_UNSENT_BYTES = declare(
    "answers that clients have not taken, of all connections",
    256 * 2**20,
    "bytes",
    "-",
    "the connection that has waited longest is closed",
)
declare_setting(
    "requests being answered", "max_in_flight", 503, "refused with Retry-After"
)
declare_setting("time to an answer, in seconds", "deadline_s", 504, "given up")
declare_setting(
    "bodies that are still coming, of all connections, in bytes",
    "max_bodies_bytes",
    503,
    "a body too many is refused with Retry-After",
)
SMALL_BODY_BYTES = declare(
    "body that is small: it has room beside the large ones", 256_000, "bytes", "-", ""
)
MIN_BODY_BYTES_PER_S = declare(
    "speed at which a body must come where others wait for room",
    65_536,
    "bytes a second",
    408,
    "the slowest is refused, and its connection closed",
)
declare_setting(
    "body of JSON, unpacked, in bytes",
    "max_body_bytes",
    413,
    "refused without being read to its end",
)
declare_setting(
    "file of a model, its weights beside it included, in bytes",
    "max_model_bytes",
    "-",
    "the file is refused by its name when it is loaded",
)
declare_setting(
    "memory of all images that are being decoded, in bytes",
    "max_decoding_bytes",
    "413 or 503",
    "one that never fits is refused, one that does not fit now waits",
)
declare_setting(
    "body of image files or tensors, in bytes",
    "max_image_bytes",
    413,
    "refused without being read to its end",
)
MAX_EXTREME_NUMBERS = declare(
    "numbers beyond 1e285 or below 1e-285 in a body of JSON",
    100,
    "numbers",
    400,
    "refused before they are read",
)
MAX_JSON_DEPTH = declare(
    "arrays and objects in each other in JSON", 1_000, "levels or so", 400, "refused"
)
MAX_GZIP_MEMBERS = declare("members of a gzip body", 1_000, "members", 400, "refused")
MAX_FORM_FIELDS = declare("parts of a form", 20_000, "parts", 400, "refused")
MAX_FORM_FIELD_BYTES = declare(
    "value of a form's field", 10_000, "bytes", 400, "refused"
)
MAX_PART_FIELDS = declare(
    "fields of the head of a form's part", 8, "fields", 400, "refused"
)
MAX_PART_FIELD_BYTES = declare(
    "one field of the head of a form's part", 4_096, "bytes", 400, "refused"
)
declare_setting("rows of a request", "max_rows", 413, "refused")
declare_setting(
    "outputs of an inference, in bytes, where a number in JSON counts as 16 and a class as 64",
    "max_answer_bytes",
    413,
    "refused before they are written",
)
MAX_EXPLAINED_ROWS = declare(
    "rows of a request to /explain that a model is asked about many times",
    100,
    "rows",
    413,
    "refused",
)
MAX_EXPLAINED_VALUES = declare(
    "values of all rows that a request to /explain asks a model about",
    50_000_000,
    "values",
    413,
    "refused with how many rows it takes",
)
declare_setting(
    "rows of several requests in one run of a model",
    "max_batch_rows",
    "-",
    "the others wait for the next run",
)
declare_setting(
    "pixels of a request's images", "max_pixels", 413, "refused before they are decoded"
)
MAX_IMAGE_PARTS = declare(
    "segments, chunks or blocks of an image file, and bytes between them",
    20_000,
    "parts",
    413,
    "refused before they are read",
)
MAX_REQUEST_PARTS = declare(
    "the same of all image files of a request",
    500_000,
    "parts",
    413,
    "refused before they are read",
)
MAX_JUDGING = declare(
    "judgements of labelled rows that one process makes at once",
    1,
    "judgement",
    503,
    "refused with Retry-After",
)


class Limits:
    """The limits of one request follow from the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.max_rows = settings.max_rows
        self.max_pixels = settings.max_pixels
        self.max_decoding_bytes = settings.max_decoding_bytes
        self.max_answer_bytes = settings.max_answer_bytes
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

    def check_answer(self, n_bytes: int) -> None:
        """Raises TooLarge where the outputs of an inference have more bytes than an answer may."""
        if n_bytes > self.max_answer_bytes:
            raise TooLarge(
                f"the outputs have {n_bytes} bytes, over the limit of {self.max_answer_bytes} bytes an answer "
                "(VEREDICTO_MAX_ANSWER_BYTES): ask for fewer rows, classes or outputs, or for binary_data, since a "
                "number in JSON counts as 16 bytes, and a class as 64"
            )

    def check_explained(
        self, n_rows: int, n_features: int, n_evaluations: int = 1
    ) -> None:
        """Raises TooLarge for more rows than one request may have explained, where each takes so many evaluations."""
        if n_rows > MAX_EXPLAINED_ROWS:
            raise TooLarge(
                f"inputs: {n_rows} rows are over the limit of {MAX_EXPLAINED_ROWS} rows that one request to /explain "
                "has for this: send them in several requests"
            )

        most = MAX_EXPLAINED_VALUES // (n_evaluations * n_features)
        if n_rows > most:
            send = f"send at most {most} rows a request" if most else "it has too many"
            raise TooLarge(
                f"inputs: to explain a row of {n_features} features takes {n_evaluations:,} answers of the model, "
                f"and {n_rows} such rows are over the limit of {MAX_EXPLAINED_VALUES:,} values a request: {send}"
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


TABLE = GeneratedTable(
    "<!-- limits: made by `python -m service.contract.limits docs/limits.md` -->",
    "<!-- /limits -->",
    make_limits_table,
)


if __name__ == "__main__":
    TABLE.write(sys.argv[1:])
