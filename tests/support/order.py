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
    "end_to_end/test_lifecycle.py",
    "training/test_jobs.py",
    "end_to_end/test_live.py",
    "training/test_main.py",
    "loadtest/test_main.py",
    "training/families/test_families.py",
    "end_to_end/test_chaos.py",
    "training/pictures/test_draw.py",
    "tuning/test_main.py",
    "cli/test_main.py",
    "training/transfer/test_pretrained.py",
    "end_to_end/test_reload.py",
    "test_architecture.py",
    "training/test_pipeline.py",
    "service/http/wire/test_uvicorn_protocol.py",
    "end_to_end/test_journal.py",
    "shipped/test_exported_models.py",
    "shipped/test_adopt_page.py",
    "end_to_end/test_soak.py",
    "end_to_end/test_platforms.py",
    "evaluation/report/test_page.py",
    "service/test_app.py",
    "shipped/test_contributing.py",
    "service/http/test_application.py",
    "shipped/test_pages.py",
    "service/processes/test_supervisor.py",
    "shipped/test_packaging.py",
    "shipped/test_conformance.py",
    "service/http/wire/test_wire_protocol.py",
    "evaluation/test_main.py",
    "service/grpc/test_server.py",
    "training/images/test_timm_networks.py",
    "stats/test_coverage.py",
    "training/export/test_gate.py",
    "service/test_decoders.py",
    "service/live/test_drift_monitor.py",
    "training/test_judging.py",
    "end_to_end/test_overload.py",
    "training/adopt/test_adoption.py",
)
"""Each of these takes more than ten seconds; the order is that of their length, roughly."""
_PLACES = {TESTS / name: place for place, name in enumerate(LONG_FILES)}


def put_long_files_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Returns the tests by the place of their file among the long ones; others follow as they came."""
    return sorted(items, key=lambda item: _PLACES.get(item.path, len(_PLACES)))
