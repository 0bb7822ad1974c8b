"""Rows to label come from the journal, the latest first, with what the labels that there are show."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from service.calls import to_label
from service.errors import InvalidRequest
from service.live import shadow_batch
from service.live.journal.prediction_ids import PredictionIds, find_age_s
from service.live.journal.reading.window import Example, ModelVersion, PredictionWindow
from service.models.images import image_codec
from service.models.images.budget import PixelBudget
from service.models.registry import Registry
from tests.support.server import Server, serve
from tests.support.tiny_models import tiny_card, write_tiny
from tests.support.waiting import wait_until

N_ROWS = 200


@pytest.fixture
def registry(models: Path) -> Registry:
    """Loads three classifiers of one task."""
    write_tiny(models, tiny_card(family="third"), sign=0.5)
    return Registry.load(models)


def make_window(registry: Registry, **others: Any) -> PredictionWindow:
    """Returns rows on which first and third agree, and second contradicts them on each fourth."""
    truth = np.arange(N_ROWS) % 2
    second = np.where(np.arange(N_ROWS) % 4 == 0, 1 - truth, truth)
    labels = {}
    for model in registry.task("colour"):
        said = second if model.card.family == "second" else truth
        labels[ModelVersion(model.name, model.version)] = said
    fields: dict[str, Any] = {
        "labels": labels,
        "true_labels": np.full(N_ROWS, -1),
        "groups": np.arange(N_ROWS),
        "examples": [],
        "pairs": [],
        "n_shed": 0,
        "n_dropped": 0,
        "n_lineups": 1,
        "age_s": 3600,
    }

    return PredictionWindow(**(fields | others))


def describe(
    registry: Registry, window: PredictionWindow, *examples: Example, n_rows: int = 20
) -> Any:
    models = registry.task("colour")
    return to_label.describe(
        models, "colour-first", window, list(examples), n_rows=n_rows, wanted=0.1
    )


def test_a_plan_is_of_the_champions_pairs_and_of_todays_traffic(
    registry: Registry,
) -> None:
    """A plan before any label has each pair's share of disagreement, and days by the rows since the oldest one."""
    found = describe(registry, make_window(registry))
    second, third = found["pairs"]

    assert found["rows_a_day"] == N_ROWS * 24
    assert found["disagree"] == {"rows": 50, "labelled": 0, "inclusion": 0.0}
    assert second["models"] == ["colour-first", "colour-second"]
    assert (second["disagree"], third["disagree"]) == (50, 0)
    assert second["plan"]["days"] == second["plan"]["rows"] / (N_ROWS * 24)
    assert second["plan"]["labels"] == -(-second["plan"]["rows"] // 4)
    assert third["plan"]["rows"] is None
    assert second["difference"]["value"] is None


def test_labels_of_disagreements_give_the_difference_on_all_rows(
    registry: Registry,
) -> None:
    """Twelve labelled disagreements, all for the champion, give the difference on all rows: that of a quarter."""
    truth = np.full(N_ROWS, -1)
    truth[0:48:4] = 0
    found = describe(registry, make_window(registry, true_labels=truth))
    pair = found["pairs"][0]

    assert (pair["only_a"], pair["only_b"], pair["labelled"]) == (12, 0, 12)
    assert pair["verdict"] == "a"
    assert pair["difference"]["value"] == pytest.approx(0.25)
    assert found["models"][0]["accuracy"]["reason"].startswith("undefined: no row on")


def test_rows_of_a_request_are_one_group(registry: Registry) -> None:
    """Labels in groups of four rows have the p-value of three groups, which shows nothing."""
    truth = np.full(N_ROWS, -1)
    truth[0:48:4] = 0
    groups = np.where(np.arange(N_ROWS) % 4 == 0, np.arange(N_ROWS) // 16, 999)
    groups[groups == 999] = 1000 + np.arange((groups == 999).sum())
    window = make_window(registry, true_labels=truth, groups=groups)
    pair = describe(registry, window)["pairs"][0]

    assert (pair["n_apart"], pair["verdict"]) == (3, "too few")
    assert pair["p_value"] == pytest.approx(0.25)


def test_divided_rows_are_listed_in_their_order_and_as_many_as_are_wanted(
    registry: Registry,
) -> None:
    """A row on which the served versions agree is left out, and the others stay in their order, the latest first."""
    versions = [
        ModelVersion(each.name, each.version) for each in registry.task("colour")
    ]
    old = ModelVersion("colour-first", "of another version")
    examples = [
        Example("same", [0.1, "red"], dict.fromkeys(versions, 1) | {old: 0}, -1),
        Example("two", [0.2, "red"], {versions[0]: 0, versions[1]: 1}, -1),
        Example("three", [0.3, "red"], dict(zip(versions, (0, 1, 1), strict=True)), -1),
    ]
    window = make_window(registry)
    found = describe(registry, window, *examples)["to_label"]

    assert [each["id"] for each in found] == ["two", "three"]
    assert found[1]["predictions"] == {
        "colour-first": "no",
        "colour-second": "yes",
        "colour-third": "yes",
    }
    assert len(describe(registry, window, *examples, n_rows=1)["to_label"]) == 1


def test_no_rows_have_reasons_and_no_figures(registry: Registry) -> None:
    """Reasons stand in place of rows, accuracy and difference before the first request."""
    found = describe(registry, make_window(registry, labels={}, age_s=0))
    assert (found["rows"], found["rows_a_day"], found["to_label"]) == (0, None, [])


@pytest.mark.parametrize(
    ("n", "wanted", "reason"),
    [
        ("0", "0.1", "n: expected a number from 1 to 1000, got '0'"),
        ("many", "0.1", "n: expected a number"),
        ("5", "0", "wanted: expected a difference of accuracies over 0, to 1, got '0'"),
        ("5", "nan", "wanted: expected a difference"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    n: str, wanted: str, reason: str
) -> None:
    """A number of rows or a difference that makes no sense is refused in words."""
    with pytest.raises(InvalidRequest) as error:
        to_label.read_options(n, wanted)
    assert str(error.value).startswith(reason)


def test_an_id_tells_when_it_was_made() -> None:
    """An id that was just made is some seconds old."""
    assert 0 <= find_age_s(PredictionIds().take()) < 60


def test_an_image_is_kept_as_a_file_where_it_is_small() -> None:
    """A small image is kept pixel by pixel as a PNG in base64, one of more than a megabyte is not."""
    generator = np.random.default_rng(0)
    small, large = (
        generator.integers(0, 256, (px, px, 3)).astype(np.uint8) for px in (16, 700)
    )
    waiting = shadow_batch.WaitingPrediction(
        "", None, [small, large], np.zeros(2), None
    )  # type: ignore[arg-type]
    kept: Any = shadow_batch._show_row(waiting, 0)
    content = base64.b64decode(kept["b64"])
    decoded = image_codec.decode(
        content,
        where="",
        media_type="",
        budget=PixelBudget(10**6),
        min_px=16,
    )

    assert np.array_equal(decoded, small)
    assert shadow_batch._show_row(waiting, 1) is None


def read(server: Server, query: str = "") -> httpx.Response:
    return server.client.get(f"/tasks/colour/to-label{query}")


def test_a_server_lists_rows_until_they_are_labelled(
    models: Path, tmp_path: Path
) -> None:
    """Rows that models disagree on are listed with values and answers; a label takes its row off, and is counted."""
    settings = {
        "VEREDICTO_MODELS": models,
        "VEREDICTO_JOURNAL": tmp_path / "journal.db",
        "VEREDICTO_SHADOW": "colour:colour-first",
        "VEREDICTO_JOURNAL_DISAGREEMENTS": 2,
    }
    with serve(tmp_path, **settings) as server:
        for size in (0.5, 0.6, 0.7):
            body = {"model": "colour-first", "inputs": [[size, "green"]]}
            server.post("/predict", body)
        wait_until(lambda: read(server).json()["disagree"]["rows"] == 3)
        first = read(server).json()
        label = {"id": first["to_label"][0]["id"], "label": "yes"}
        server.post("/feedback", label)
        wait_until(lambda: read(server).json()["disagree"]["labelled"] == 1)
        after = read(server).json()
        refused = read(server, "?n=0")
        unknown = server.client.get("/tasks/color/to-label")

    assert [each["inputs"][0] for each in first["to_label"]] == pytest.approx(
        [0.7, 0.6]
    )
    assert set(first["to_label"][0]["predictions"]) == {"colour-first", "colour-second"}
    assert [each["inputs"][0] for each in after["to_label"]] == pytest.approx([0.6])
    assert after["pairs"][0]["labelled"] == 1
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("n: expected a number from 1")
    assert unknown.status_code == 404


def test_without_a_journal_there_is_nothing_to_label(
    models: Path, tmp_path: Path
) -> None:
    """The call answers no rows and no figures without a journal."""
    with serve(tmp_path, VEREDICTO_MODELS=models) as server:
        found = read(server).json()

    assert (found["rows"], found["to_label"], found["pairs"]) == (0, [], [])
