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
    "end_to_end/test_course.py",
    "training/test_jobs.py",
    "training/transfer/test_pretrained.py",
    "shipped/test_pages.py",
    "end_to_end/test_page.py",
    "end_to_end/test_lifecycle.py",
    "training/families/test_families.py",
    "training/test_main.py",
    "end_to_end/test_live.py",
    "end_to_end/test_trust_page.py",
    "loadtest/test_main.py",
    "shipped/test_conformance.py",
    "end_to_end/test_acts.py",
    "end_to_end/test_chaos.py",
    "test_architecture.py",
    "training/pictures/test_draw.py",
    "cli/test_main.py",
    "end_to_end/test_reload.py",
    "training/test_pipeline.py",
    "service/http/wire/test_uvicorn_protocol.py",
    "end_to_end/test_soak.py",
    "tuning/test_main.py",
    "end_to_end/test_platforms.py",
    "end_to_end/test_journal.py",
    "evaluation/report/test_page.py",
    "service/test_app.py",
    "service/calls/test_judgement.py",
    "service/http/test_application.py",
    "service/processes/test_supervisor.py",
    "shipped/test_packaging.py",
    "service/http/wire/test_wire_protocol.py",
    "evaluation/test_main.py",
    "service/grpc/test_server.py",
    "training/images/test_classifier.py",
    "shipped/test_contributing.py",
    "training/images/test_timm_networks.py",
    "stats/test_coverage.py",
    "training/export/test_gate.py",
    "service/test_decoders.py",
    "shipped/test_adopt_page.py",
    "training/learning/test_enlarged.py",
    "service/live/test_drift_monitor.py",
    "training/test_judging.py",
    "service/models/test_image_fuzz.py",
    "loadtest/report/test_page.py",
    "service/execution/test_freed_memory.py",
    "loadtest/sending/test_http_sender.py",
    "end_to_end/test_overload.py",
    "end_to_end/test_hostile.py",
    "shipped/test_exported_models.py",
    "training/adopt/test_adoption.py",
)
"""Each of these takes more than ten seconds; the order is that of their length, roughly."""
_PLACES = {TESTS / name: place for place, name in enumerate(LONG_FILES)}


def put_long_files_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Returns the tests by the place of their file among the long ones; others follow as they came."""
    return sorted(items, key=lambda item: _PLACES.get(item.path, len(_PLACES)))
