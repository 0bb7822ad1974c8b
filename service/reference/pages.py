"""The pages of the course are described here: an index and a page for each class, in each of two languages."""

from __future__ import annotations

from typing import Any

from service.reference.openapi import view

N_CLASSES = 27
_TAG = "Operations"


def course_paths() -> dict[str, Any]:
    """Returns the paths of the course in both languages."""
    number = {
        "name": "number",
        "in": "path",
        "required": True,
        "schema": {
            "type": "integer",
            "minimum": 1,
            "maximum": N_CLASSES,
            "examples": [1],
        },
    }
    paths = {}
    for name, language in (("course", "English"), ("curso", "Spanish")):
        index = f"The course's classes, for people, in {language}"
        one = f"A class of the course, for people, in {language}"
        paths[f"/{name}"] = view(name, _TAG, index, None)
        paths[f"/{name}/{{number}}"] = view(
            f"{name}_class", _TAG, one, None, 404, parameters=[number]
        )

    return paths
