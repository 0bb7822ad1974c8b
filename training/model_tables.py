"""`python -m training.model_tables` writes the tables of shipped models into the documents, from the models' cards.

Both READMEs get one line for each task, `exported_models/README.md` one line for each model. Answers that documents
show get the versions of today's files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_card import OUTPUTS, Card, ImageInput, Metric
from training.console import headline
from training.export.freshness import read_card
from training.graph import open_session
from training.shipped import SHIPPED, find_task

ROOT = Path(__file__).resolve().parent.parent
EXPORTED_MODELS = ROOT / "exported_models"
README = ROOT / "README.md"
SPANISH_README = ROOT / "README.es.md"
MODELS_PAGE = EXPORTED_MODELS / "README.md"
PAGES_WITH_ANSWERS = (README, SPANISH_README, ROOT / "docs" / "predict.md")

START = "<!-- models: written by `make table` -->\n"
END = "<!-- end of models -->\n"
TASK_HEADER = (
    "| task | kinds | families | best model | held-out metric | 95 % interval |\n"
    "|---|---|---|---|--:|---|\n"
)
SPANISH_TASK_HEADER = (
    "| tarea | tipos | familias | mejor modelo | métrica reservada | intervalo del 95 % |\n"
    "|---|---|---|---|--:|---|\n"
)
MODEL_HEADER = (
    "| model | kind | held-out metric | 95 % interval | 5 folds | bytes | one input, µs |\n"
    "|---|---|--:|---|--:|--:|--:|\n"
)

N_CALLS = 2000
MAX_MEASURED_S = 2.0
"""A model is called less often where all calls together would take longer."""


@dataclass(frozen=True, kw_only=True)
class ShippedModel:
    """An exported file of a bundled task, with its card."""

    path: Path
    card: Card

    @property
    def n_bytes(self) -> int:
        """The file has this size."""
        return self.path.stat().st_size

    @property
    def version(self) -> str:
        """The version is the first 12 hex digits of the file's SHA-256, as the server has it."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()[:12]


def main() -> None:
    models = find_shipped(EXPORTED_MODELS)
    latencies_us = {each.card.name: measure_latency_us(each) for each in models}

    _rewrite(README, make_task_table(models))
    _rewrite(SPANISH_README, make_task_table(models, header=SPANISH_TASK_HEADER))
    _rewrite(MODELS_PAGE, make_model_table(models, latencies_us))

    for page in PAGES_WITH_ANSWERS:
        text = page.read_text(encoding="utf-8")
        page.write_text(replace_versions(text, models), encoding="utf-8")


def find_shipped(folder: Path) -> list[ShippedModel]:
    """Returns the models of the bundled tasks by name; a person's own models are not listed."""
    tasks = {find_task(command) for command in SHIPPED}
    found: list[ShippedModel] = []

    for path in sorted(folder.glob("*.onnx")):
        card = read_card(path)
        if card is not None and (card.task in tasks or card.family == "discriminator"):
            found.append(ShippedModel(path=path, card=card))

    return found


def make_task_table(
    models: Sequence[ShippedModel], *, header: str = TASK_HEADER
) -> str:
    """Returns Markdown with one line for each task, by name."""
    tasks = sorted({each.card.task for each in models})
    lines = [
        _describe_task(task, [each for each in models if each.card.task == task])
        for task in tasks
    ]
    return header + "".join(lines)


def make_model_table(
    models: Sequence[ShippedModel], latencies_us: Mapping[str, float]
) -> str:
    """Returns Markdown with one line for each model, by name; latency is the one column that no card holds."""
    lines = [_describe_model(each, latencies_us[each.card.name]) for each in models]
    return MODEL_HEADER + "".join(lines)


def choose_best(models: Sequence[ShippedModel]) -> ShippedModel:
    """Returns the champion as the server chooses it: the best on held-out rows, of equals the smaller file.

    Classifiers are preferred to other kinds, since the kinds' metrics cannot be compared.
    """
    classifiers = [each for each in models if each.card.kind == "classifier"]
    candidates = classifiers or list(models)

    return max(
        candidates, key=lambda each: (headline(each.card)[1].value, -each.n_bytes)
    )


def replace_table(text: str, table: str) -> str:
    """Returns the text with the table between the two marks; raises ValueError where a mark is missing."""
    before = text.index(START) + len(START)
    after = text.index(END)
    return text[:before] + table + text[after:]


def replace_versions(text: str, models: Sequence[ShippedModel]) -> str:
    """Returns the text with the versions of these files in the answers that it shows."""
    for each in models:
        start = f'{{"model":"{each.card.name}","version":"'
        text = re.sub(rf"{re.escape(start)}\w{{12}}", f"{start}{each.version}", text)
    return text


def read_latencies_us(text: str) -> dict[str, float]:
    """Returns the latencies by model, in microseconds, from a table of models in the text."""
    lines = re.findall(r"^\| `([\w-]+)` \|.* \| ([\d.]+) \|$", text, re.M)
    return {name: float(latency) for name, latency in lines}


def measure_latency_us(model: ShippedModel) -> float:
    """Returns the median of many runs of one row, or of one image of the network's own size, in one thread."""
    session = open_session(model.path.read_bytes())
    feed = {model.card.input.tensor: _make_one_input(model.card)}
    times_s: list[float] = []

    while len(times_s) < N_CALLS and sum(times_s) < MAX_MEASURED_S:
        started = perf_counter()
        session.run(OUTPUTS[model.card.kind], feed)
        times_s.append(perf_counter() - started)

    return float(f"{np.median(times_s) * 1e6:.2g}")


def _make_one_input(card: Card) -> NDArray[Any]:
    if isinstance(card.input, ImageInput):
        size = (1, card.input.height, card.input.width, card.input.channels)
        return np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    return np.array(card.self_check.input[:1], dtype=np.float32)


def _rewrite(page: Path, table: str) -> None:
    text = page.read_text(encoding="utf-8")
    page.write_text(replace_table(text, table), encoding="utf-8")


def _describe_task(task: str, models: Sequence[ShippedModel]) -> str:
    kinds = ", ".join(sorted({each.card.kind for each in models}))
    families = ", ".join(each.card.family for each in models)

    best = choose_best(models)
    name, metric = headline(best.card)
    shown = (
        f"`{best.card.name}` | {_show_value(name, metric)} | {_show_interval(metric)}"
    )

    return f"| {task} | {kinds} | {families} | {shown} |\n"


def _describe_model(model: ShippedModel, latency_us: float) -> str:
    card = model.card
    name, metric = headline(card)
    shown = f"{_show_value(name, metric)} | {_show_interval(metric)}"
    folds = ""

    if card.cross_validation is not None:
        spread = card.cross_validation.metrics[name]
        folds = f"{spread.mean:.3f} ± {spread.standard_deviation:.3f}"

    size = f"{model.n_bytes:,}"

    return f"| `{card.name}` | {card.kind} | {shown} | {folds} | {size} | {latency_us:g} |\n"


def _show_value(name: str, metric: Metric) -> str:
    return f"{name.replace('_', ' ')} {metric.value:.3f}"


def _show_interval(metric: Metric) -> str:
    if metric.interval is None:
        return ""
    return f"{metric.interval[0]:.3f} to {metric.interval[1]:.3f}"


if __name__ == "__main__":
    main()
