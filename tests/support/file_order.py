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
    "training/pictures/test_draw.py",
    "training/families/test_families.py",
    "end_to_end/test_page.py",
    "end_to_end/test_trust_page.py",
    "shipped/test_packaging.py",
    "shipped/test_conformance.py",
    "training/transfer/test_pretrained.py",
    "training/test_jobs.py",
    "end_to_end/test_shared_models.py",
    "training/test_main.py",
    "scoring/test_main.py",
    "shipped/test_site.py",
    "evaluation/test_main.py",
    "end_to_end/test_lifecycle.py",
    "training/test_pipeline.py",
    "end_to_end/test_live.py",
    "end_to_end/test_chaos.py",
    "training/images/test_timm_networks.py",
    "end_to_end/test_promotions.py",
    "shipped/test_pages.py",
    "end_to_end/test_journal.py",
    "end_to_end/test_soak.py",
    "tuning/test_main.py",
    "end_to_end/test_reload.py",
    "end_to_end/test_tls.py",
    "shipped/test_exported_models.py",
    "training/images/test_classifier.py",
    "service/http/wire/test_uvicorn_protocol.py",
    "evaluation/report/test_page.py",
    "evaluation/test_remote.py",
    "service/test_app.py",
    "service/server/test_composition.py",
    "end_to_end/test_platforms.py",
    "test_first_imports.py",
    "end_to_end/test_dates.py",
    "evaluation/test_trained_tables.py",
    "training/test_imports.py",
    "service/processes/test_supervisor.py",
    "service/grpc/test_lifecycle.py",
    "service/calls/test_judgement.py",
    "cli/test_main.py",
    "service/http/test_request_limits.py",
    "service/http/test_application.py",
    "loadtest/test_main.py",
    "service/live/test_drift.py",
    "verdict/test_worlds.py",
    "service/live/test_challenger_tests.py",
    "stats/test_sequential.py",
    "service/http/wire/test_wire_protocol.py",
    "service/http/wire/test_ending_protocol.py",
    "service/test_decoders.py",
    "shipped/test_contributing.py",
    "test_tests.py",
    "service/execution/test_freed_memory.py",
    "training/export/test_torch_operators.py",
    "service/execution/test_batching.py",
    "shipped/test_adopt_page.py",
    "stats/test_coverage.py",
    "end_to_end/test_texts.py",
    "training/export/test_gate.py",
    "training/families/test_trees.py",
    "loadtest/targets/test_server.py",
    "service/execution/test_retired_series.py",
    "training/learning/test_gradient_descent.py",
    "training/families/test_unsupervised.py",
    "service/models/images/test_image_codec_fuzz.py",
    "loadtest/test_against_others.py",
    "training/test_judging.py",
    "service/live/test_drift_monitor.py",
    "loadtest/sending/test_http_sender.py",
    "end_to_end/test_page_of_contributions.py",
    "end_to_end/test_overload.py",
    "training/adopt/test_adoption.py",
    "training/export/test_recalibration.py",
    "service/http/test_triton_http.py",
    "end_to_end/test_hostile.py",
)
"""Each of these takes many seconds; the order is that of their length, roughly."""
_PLACES = {TESTS / name: place for place, name in enumerate(LONG_FILES)}


def put_long_files_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Returns the tests by the place of their file among the long ones; others follow as they came."""
    return sorted(items, key=lambda item: _PLACES.get(item.path, len(_PLACES)))
