"""Files of tests that take long are begun first, so that no worker is left alone with one at the end.

Workers take whole files in the order of the collection; else they would take those of few tests last, which are the
long ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
LONG_FILES = (
    "shipped/test_course.py",
    "training/images/test_pretrained.py",
    "training/test_jobs.py",
    "training/test_main.py",
    "training/families/test_families.py",
    "end_to_end/test_lifecycle.py",
    "shipped/test_packaging.py",
    "shipped/test_pages.py",
    "shipped/test_exported_models.py",
    "end_to_end/test_live.py",
    "evaluation/test_main.py",
    "loadtest/test_main.py",
    "training/images/test_classifier.py",
    "service/grpc/test_server.py",
    "end_to_end/test_journal.py",
    "end_to_end/test_reload.py",
    "end_to_end/test_platforms.py",
    "service/http/wire/test_uvicorn_protocol.py",
    "service/http/wire/test_wire_protocol.py",
    "service/http/test_application.py",
    "shipped/test_conformance.py",
    "end_to_end/test_soak.py",
    "training/learning/test_gradient_descent.py",
    "training/export/test_gate.py",
    "service/processes/test_supervisor.py",
    "end_to_end/test_chaos.py",
    "service/test_app.py",
    "end_to_end/test_overload.py",
    "service/live/test_drift_monitor.py",
)
"""Each of these takes more than ten seconds; the order is that of their length, roughly."""
_PLACES = {TESTS / name: place for place, name in enumerate(LONG_FILES)}


def put_long_files_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Returns the tests by the place of their file among the long ones; others follow as they came."""
    return sorted(items, key=lambda item: _PLACES.get(item.path, len(_PLACES)))
