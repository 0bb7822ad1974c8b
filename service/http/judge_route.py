"""`POST /judge` takes a labelled CSV as its body or in a form, or a form of labelled images, and gives the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from service.calls.judgement import JudgeRequest
from service.contract.calls import NEVER_INLINE
from service.contract.codec import encode, read_switch
from service.contract.limits import Limits
from service.contract.requests import MULTIPART
from service.errors import InvalidRequest, UnsupportedMediaType, hint_at
from service.execution.metrics import RouteMetrics
from service.execution.pipeline import Cost
from service.execution.run import Reply
from service.http.request_bodies.forms import read_query
from service.http.request_bodies.multipart import FILE_FIELD, FormFile, read_form
from service.http.responses import Response
from service.http.route import CallHead
from service.models.graph import Graph
from service.models.images.media_types import ImageFile

PATH = "/judge"
TABLE_FIELDS = ("data", "file", "csv")
"""The file of a form is a table in one of these fields."""
TABLE_TYPES = (
    "text/csv",
    "application/csv",
    "text/plain",
    "text/tab-separated-values",
    "application/vnd.ms-excel",
    "application/gzip",
    "application/octet-stream",
)
"""Browsers and clients call a CSV by these names."""
FIELDS = ("task", "by", "label", "group", "keep_learnt")
USAGE = (
    "task=TASK and, where several columns are no features, label=COLUMN; with curl: "
    "curl -F task=TASK -F data=@labelled.csv URL/judge, or for images -F image=@a.jpg -F label=CLASS of each"
)


class JudgeRoute:
    """`POST /judge` answers with the evidence of a report, always from a thread."""

    path = PATH
    graph: Graph | None = None

    def __init__(self, judge: Callable[[JudgeRequest], object], limits: Limits) -> None:
        self.metrics = RouteMetrics(PATH)
        self._judge = judge
        self._limits = limits

    def read_head(
        self, headers: Iterable[tuple[bytes, bytes]], query: bytes = b""
    ) -> CallHead:
        """Reads what kind of body comes; raises UnsupportedMediaType for what is neither a table nor a form."""
        media_type = ""
        for name, value in headers:
            if name == b"content-encoding" and value.strip() not in (b"identity", b""):
                raise UnsupportedMediaType(
                    "content encoding is not taken here: send the CSV as it is, or packed as a file of a form"
                )
            if name == b"content-type":
                media_type = value.decode("latin-1").strip()

        kind = media_type.partition(";")[0].strip().lower()
        if kind == MULTIPART:
            limit = self._limits.max_image_bytes
            rest = media_type[len(kind) :]
            return CallHead(limit, NEVER_INLINE, MULTIPART + rest, query)
        if kind in TABLE_TYPES or not kind:
            return CallHead(self._limits.max_json_bytes, NEVER_INLINE, kind, query)

        raise UnsupportedMediaType(
            f"expected Content-Type text/csv or {MULTIPART}, got {kind!r}; this call takes {USAGE}"
        )

    def decode(self, body: bytes, head: CallHead) -> JudgeRequest:
        """Returns the request in a table or a form; raises InvalidRequest and TooLarge."""
        pairs = read_query(head.query)
        files = [FormFile(TABLE_FIELDS[0], "table.csv", body, head.media_type)]
        if head.media_type.startswith(MULTIPART):
            fields, files = read_form(head.media_type, body)
            pairs += fields

        tables = [each for each in files if each.field in TABLE_FIELDS]
        images = [each for each in files if each.field == FILE_FIELD]
        _check_files(files, tables, images)
        for each in tables:
            self._limits.check_body(len(each.content), self._limits.max_json_bytes)

        return _make_request(pairs, tables, images)

    def find_cost(self, request: JudgeRequest) -> Cost:  # noqa: ARG002  # the pipeline's word
        """Returns that it is small: the head has said already that it needs a thread."""
        return Cost.SMALL

    def answer(self, request: JudgeRequest, head: CallHead) -> Reply:  # noqa: ARG002  # the pipeline's word
        """Returns the evidence, written."""
        return Reply(Response(200, encode(self._judge(request))))


def _check_files(
    files: list[FormFile], tables: list[FormFile], images: list[FormFile]
) -> None:
    """Raises InvalidRequest unless there is one table, or at least one image, and nothing else."""
    for each in files:
        if each.field not in (*TABLE_FIELDS, FILE_FIELD):
            raise InvalidRequest(
                f"form file {each.field[:100]!r}: expected a table in the field {TABLE_FIELDS[0]!r}, or images in the "
                f"field {FILE_FIELD!r}"
            )
    if len(tables) > 1 or bool(tables) == bool(images):
        raise InvalidRequest(
            f"expected one table or at least one image, got {len(tables)} tables and {len(images)} images; "
            f"this call takes {USAGE}"
        )


def _make_request(
    pairs: list[tuple[str, str]], tables: list[FormFile], images: list[FormFile]
) -> JudgeRequest:
    """Returns the request of fields and files; raises InvalidRequest for a field that is wrong, or the task missing."""
    values, labels = _read_fields(pairs, has_images=bool(images))
    if not values.get("task"):
        raise InvalidRequest(f"missing required field task; this call takes {USAGE}")

    return JudgeRequest(
        task=values["task"],
        by=values.get("by") or "accuracy",
        label=values.get("label") or None,
        group=values.get("group") or None,
        keeps_learnt=read_switch("keep_learnt", values.get("keep_learnt", "")),
        table=tables[0].content if tables else None,
        source=_shorten(tables[0].name) if tables else "",
        images=[ImageFile(each.content, each.media_type) for each in images],
        names=[_shorten(each.name) for each in images],
        labels=labels,
    )


def _read_fields(
    pairs: list[tuple[str, str]], *, has_images: bool
) -> tuple[dict[str, str], list[str]]:
    """Returns fields by their names, and the label of each image in their order.

    It raises InvalidRequest for a field that is unknown, or comes again; beside images the label may.
    """
    values: dict[str, str] = {}
    labels = []
    for name, value in pairs:
        field = "label" if name == "labels" else name
        if field not in FIELDS:
            raise InvalidRequest(
                f"unknown field {name[:100]!r}{hint_at(name, FIELDS)}; "
                f"beside the data this call takes {', '.join(FIELDS)}"
            )
        if field == "label" and has_images:
            labels.append(value)
        elif field in values:
            raise InvalidRequest(f"field {name!r}: expected it once, got it again")
        else:
            values[field] = value

    return values, labels


def _shorten(name: str) -> str:
    """Returns a file's name without folders, as messages show it."""
    return name.replace("\\", "/").rpartition("/")[2][:100] or "table.csv"
