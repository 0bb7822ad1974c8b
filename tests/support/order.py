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
    "training/test_jobs.py",
    "training/transfer/test_pretrained.py",
    "training/families/test_families.py",
    "end_to_end/test_course.py",
    "training/pictures/test_draw.py",
    "end_to_end/test_page.py",
    "shipped/test_conformance.py",
    "shipped/test_packaging.py",
    "end_to_end/test_trust_page.py",
    "end_to_end/test_lifecycle.py",
    "loadtest/test_main.py",
    "shipped/test_site.py",
    "end_to_end/test_shared_models.py",
    "training/test_main.py",
    "end_to_end/test_live.py",
    "shipped/test_pages.py",
    "evaluation/test_main.py",
    "scoring/test_main.py",
    "end_to_end/test_chaos.py",
    "end_to_end/test_acts.py",
    "end_to_end/test_soak.py",
    "test_architecture.py",
    "training/test_pipeline.py",
    "tuning/test_main.py",
    "training/images/test_timm_networks.py",
    "evaluation/test_remote.py",
    "end_to_end/test_journal.py",
    "evaluation/report/test_page.py",
    "end_to_end/test_reload.py",
    "service/http/wire/test_uvicorn_protocol.py",
    "shipped/test_exported_models.py",
    "training/images/test_classifier.py",
    "end_to_end/test_platforms.py",
    "service/test_app.py",
    "cli/test_main.py",
    "service/processes/test_supervisor.py",
    "service/grpc/test_server.py",
    "service/test_decoders.py",
    "training/test_held_out_examples.py",
    "stats/test_sequential.py",
    "evaluation/test_trained_tables.py",
    "service/calls/test_judgement.py",
    "service/http/wire/test_wire_protocol.py",
    "test_tests.py",
    "service/http/test_application.py",
    "training/learning/test_gradient_descent.py",
    "shipped/test_contributing.py",
    "verdict/test_reports.py",
    "loadtest/report/test_page.py",
    "service/live/test_drift.py",
    "training/test_judging.py",
    "shipped/test_adopt_page.py",
    "training/export/test_gate.py",
    "stats/test_intervals.py",
    "training/learning/test_enlarged.py",
    "training/export/test_recalibration.py",
    "stats/test_coverage.py",
    "service/models/test_image_fuzz.py",
    "service/live/test_drift_monitor.py",
    "training/adopt/test_adoption.py",
    "loadtest/sending/test_http_sender.py",
    "loadtest/test_against_others.py",
    "service/execution/test_retired_series.py",
    "training/families/test_trees.py",
    "end_to_end/test_overload.py",
    "loadtest/targets/test_server.py",
    "training/export/test_ordering.py",
    "training/export/test_torch_operators.py",
    "end_to_end/test_hostile.py",
    "service/execution/test_batching.py",
    "end_to_end/test_page_of_contributions.py",
    "service/execution/test_freed_memory.py",
    "training/families/test_unsupervised.py",
)
"""Each of these takes more than ten seconds; the order is that of their length, roughly."""
_PLACES = {TESTS / name: place for place, name in enumerate(LONG_FILES)}


def put_long_files_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Returns the tests by the place of their file among the long ones; others follow as they came."""
    return sorted(items, key=lambda item: _PLACES.get(item.path, len(_PLACES)))
