"""`python -m training.readme` writes README's table of models from the cards of the shipped files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_card import OUTPUTS, Card, ImageInput
from training.console import headline
from training.export.freshness import read_card
from training.graph import open_session
from training.shipped import SHIPPED

ROOT = Path(__file__).resolve().parent.parent
START = "<!-- models: written by `make table` -->\n"
END = "<!-- end of models -->\n"
HEADER = (
    "| model | kind | held-out metric | 95 % interval | 5 folds | bytes | one input, µs |\n"
    "|---|---|--:|---|--:|--:|--:|\n"
)
CALLS = 2000
MAX_DURATION_S = 2.0
"""A model is measured for at most so long; a slow one is called less often."""


def main() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    models = ROOT / "exported_models"
    latencies = {
        card.name: measure_latency(path, card) for path, card in shipped(models)
    }
    readme.write_text(
        replace_table(text, make_table(models, latencies)), encoding="utf-8"
    )


def make_table(folder: Path, latencies_us: Mapping[str, float]) -> str:
    """Returns Markdown, one line for each shipped file, by name; no card holds the latency."""
    return HEADER + "".join(
        _line(path, card, latencies_us[card.name]) for path, card in shipped(folder)
    )


def replace_table(text: str, table: str) -> str:
    """Returns the text with what stands between the two marks replaced; raises ValueError without the marks."""
    before = text.index(START) + len(START)
    after = text.index(END)
    return text[:before] + table + text[after:]


def read_latencies(text: str) -> dict[str, float]:
    """Returns microseconds by model, as a table in the text has them."""
    lines = re.findall(r"^\| `([\w-]+)` \|.* \| ([\d.]+) \|$", text, re.M)
    return {name: float(latency) for name, latency in lines}


def measure_latency(path: Path, card: Card) -> float:
    """Returns the median microseconds of a run on one row, or one image of the network's own size, in one thread."""
    session = open_session(path.read_bytes())
    feed = {card.input.tensor: _one_input(card)}
    times: list[float] = []

    while len(times) < CALLS and sum(times) < MAX_DURATION_S:
        started = perf_counter()
        session.run(OUTPUTS[card.kind], feed)
        times.append(perf_counter() - started)

    return float(f"{np.median(times) * 1e6:.2g}")


def _one_input(card: Card) -> NDArray[Any]:
    if isinstance(card.input, ImageInput):
        size = (1, card.input.height, card.input.width, card.input.channels)
        return np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    return np.array(card.self_check.input[:1], dtype=np.float32)


def shipped(folder: Path) -> Iterator[tuple[Path, Card]]:
    """Yields files of the bundled tasks and their cards, by name; a person's own models are not ours to list."""
    tasks = {command[2] for command in SHIPPED}
    for path in sorted(folder.glob("*.onnx")):
        card = read_card(path)
        if card is not None and (card.task in tasks or card.family == "discriminator"):
            yield path, card


def _line(path: Path, card: Card, latency_us: float) -> str:
    name, metric = headline(card)
    interval = (
        ""
        if metric.interval is None
        else f"{metric.interval[0]:.3f} to {metric.interval[1]:.3f}"
    )
    folds = ""
    if card.cross_validation is not None:
        spread = card.cross_validation.metrics[name]
        folds = f"{spread.mean:.3f} ± {spread.standard_deviation:.3f}"

    shown = f"{name.replace('_', ' ')} {metric.value:.3f}"
    size = f"{path.stat().st_size:,}"

    return f"| `{card.name}` | {card.kind} | {shown} | {interval} | {folds} | {size} | {latency_us:g} |\n"


if __name__ == "__main__":
    main()
