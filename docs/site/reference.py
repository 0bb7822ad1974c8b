"""The page of the HTTP interface is made of the OpenAPI document that a server answers, with its examples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

BASE = "http://127.0.0.1:3000"
JSON = "application/json"
CSV = "text/csv"
MAX_WIDTH = 100
SHORTENED_CHARS = 40
"""A longer text in an answer that is shown, such as a picture in base64, is cut."""
TITLE = """# HTTP reference

Each call of the service, as its own description has it (`/docs.json`, OpenAPI 3.1; a running server shows it at
`/docs`). The examples work as they stand against `make serve`; what is below each is its answer. Numbers may differ in
their last digits, and lists in the answers of views are cut to three items.

Every error of every call is `{"error": "..."}`, and its words say what was expected, what came, and what would work.
"""

Operation = dict[str, Any]


class Example(NamedTuple):
    """An example is one request; `body` is None for a GET, and `is_json` says what is answered."""

    url: str
    body: Any
    headers: dict[str, str]
    is_json: bool


def write_reference(document: dict[str, Any]) -> str:
    """Returns the page in Markdown: the calls by their tags, in the order of the document."""
    by_tag: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            section = "\n".join(_describe(document, method, path, operation))
            by_tag.setdefault(operation["tags"][0], []).append(section)

    parts = [f"## {tag}\n\n" + "\n".join(each) for tag, each in by_tag.items()]
    return TITLE + "\n" + "\n".join(parts)


def _describe(
    document: dict[str, Any], method: str, path: str, operation: Operation
) -> Iterator[str]:
    yield f"### {method.upper()} {path}\n"
    yield f"{operation['summary']}.\n"
    yield from _list_parameters(operation)
    yield from _list_fields(document, operation)
    yield from _list_statuses(operation)
    yield from _show_example(document, method, path, operation)


def _list_parameters(operation: Operation) -> Iterator[str]:
    parameters = operation.get("parameters", [])
    if not parameters:
        return

    yield "| parameter | in | type | meaning |"
    yield "|---|---|---|---|"
    for each in parameters:
        needed = "" if each["required"] else ", may be left out"
        text = each.get("description", "")
        yield f"| `{each['name']}` | {each['in']}{needed} | {_name_type(each['schema'])} | {text} |"
    yield ""


def _list_fields(document: dict[str, Any], operation: Operation) -> Iterator[str]:
    """Yields a table of the fields of a request in JSON, and the other types that its body may have."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = _resolve(document, content.get(JSON, {}).get("schema", {}))
    properties = schema.get("properties", {})
    if properties:
        yield "| field of the JSON | type | needed |"
        yield "|---|---|---|"
        for name, each in properties.items():
            needed = "yes" if name in schema.get("required", ()) else "no"
            yield f"| `{name}` | {_name_type(each)} | {needed} |"
        yield ""

    others = [f"`{each}`" for each in content if each != JSON]
    if others:
        yield f"The body may {'also ' if JSON in content else ''}be {', '.join(others)}.\n"


def _list_statuses(operation: Operation) -> Iterator[str]:
    errors = [each for each in operation["responses"] if each not in ("200", "405")]
    if errors:
        yield f"Errors: {', '.join(errors)}.\n"


def _show_example(
    document: dict[str, Any], method: str, path: str, operation: Operation
) -> Iterator[str]:
    """Yields one request in three languages, and its answer, where the document has the answer."""
    answers = operation["responses"]["200"].get("content", {})
    answer = answers.get(JSON, {}).get("example")
    asked = find_request(document, method, path, operation)
    if asked is None or (answer is None and answers):
        return

    url, body = asked
    request = Example(url, body, _list_headers(body, answers), answer is not None)
    yield f"```console\n{_write_curl(request)}\n```\n"
    yield f"```python\n{_write_python(request)}\n```\n"
    yield f"```javascript\n{_write_javascript(request)}\n```\n"
    if answer is not None:
        yield f"```json\n{show_json(_shorten(answer))}\n```\n"


def _list_headers(body: Any, answers: dict[str, Any]) -> dict[str, str]:
    """Returns the headers of a request: where a picture would be answered too, JSON is asked for."""
    headers = {} if body is None else {"Content-Type": JSON}
    return headers | ({"Accept": JSON} if "image/png" in answers else {})


def find_request(
    document: dict[str, Any], method: str, path: str, operation: Operation
) -> tuple[str, Any] | None:
    """Returns the URL and the body of the example of an operation; None where the document has no example of it."""
    content = operation.get("requestBody", {}).get("content", {})
    body = content.get(JSON, {}).get("example")
    if method == "post" and body is None:
        return None

    values = {
        each["name"]: next(iter(each["schema"].get("examples", ())), None)
        for each in operation.get("parameters", ())
        if each["in"] == "path"
    }
    if "version" in values:
        views = document["paths"]["/v2/models/{name}"]["get"]["responses"]
        described = views["200"]["content"][JSON].get("example", {})
        values = {
            "name": described.get("name"),
            "version": next(iter(described.get("versions", ())), None),
        }
    if None in values.values():
        return None

    return BASE + path.format(**values), body


def _write_curl(request: Example) -> str:
    parts = [f"curl -s {request.url}"]
    parts += [f"-H '{name}: {value}'" for name, value in request.headers.items()]
    if request.body is not None:
        parts.append(f"-d '{json.dumps(request.body)}'")

    return " \\\n    ".join(parts)


def _write_python(request: Example) -> str:
    show = "json.load(answer)" if request.is_json else "answer.read().decode()"
    imports = "import json\n" if request.is_json else ""
    show_it = f"    print({show})"
    if not request.headers:
        return (
            f"{imports}from urllib.request import urlopen\n\n"
            f'with urlopen("{request.url}") as answer:\n{show_it}'
        )

    body = "" if request.body is None else f"body = {request.body!r}\n"
    data = "None" if request.body is None else "json.dumps(body).encode()"
    return (
        f"{imports}from urllib.request import Request, urlopen\n\n{body}"
        f"headers = {json.dumps(request.headers)}\n"
        f'request = Request("{request.url}", {data}, headers)\n'
        f"with urlopen(request) as answer:\n{show_it}"
    )


def _write_javascript(request: Example) -> str:
    options = []
    if request.body is not None:
        options.append('method: "POST"')
    if request.headers:
        options.append(f"headers: {json.dumps(request.headers)}")
    if request.body is not None:
        options.append(f"body: JSON.stringify({json.dumps(request.body)})")

    given = (
        ", {\n" + "".join(f"  {each},\n" for each in options) + "}" if options else ""
    )
    read = "json" if request.is_json else "text"
    return (
        f'const answer = await fetch("{request.url}"{given});\n'
        f"console.log(await answer.{read}());"
    )


def _resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][
        schema["$ref"].rpartition("/")[2]
    ]
    return found


def _name_type(schema: dict[str, Any]) -> str:
    """Returns the type in a word or two, and the values that it is limited to."""
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    if "anyOf" in schema:
        names = dict.fromkeys(map(_name_type, schema["anyOf"]))
        names.pop("null", None)
        return " or ".join(names)
    if schema.get("type") == "array":
        inner = _name_type(schema.get("items", {}))
        return f"array of {inner}" if inner else "array"
    if "$ref" in schema:
        return "object"
    return str(schema.get("type", ""))


def _shorten(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shorten(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_shorten(each) for each in value]
    if isinstance(value, str) and " " not in value and len(value) > SHORTENED_CHARS:
        return f"{value[:SHORTENED_CHARS]}..."
    return value


def show_json(value: Any, indent: int = 0) -> str:
    """Returns JSON with each object and list on one line where it fits."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + indent <= MAX_WIDTH or not isinstance(value, dict | list):
        return flat

    inner = " " * (indent + 2)
    if isinstance(value, dict):
        lines = [
            f"{inner}{json.dumps(name)}: {show_json(each, indent + 2)}"
            for name, each in value.items()
        ]
        opening, closing = "{}"
    else:
        lines = [inner + show_json(each, indent + 2) for each in value]
        opening, closing = "[]"

    return f"{opening}\n" + ",\n".join(lines) + f"\n{' ' * indent}{closing}"
