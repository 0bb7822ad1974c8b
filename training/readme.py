"""`python -m training.readme`: README's table of models, written from the cards of the shipped files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter

import numpy as np

from model_card import Card, FeatureInput
from training.catalogue import SHIPPED
from training.freshness import read_card
from training.graph import open_session
from training.progress import headline

ROOT = Path(__file__).resolve().parent.parent
START, END = "<!-- models: written by `make table` -->\n", "<!-- end of models -->\n"
HEADER = (
    "| model | kind | held-out metric | 95 % interval | 5 folds | bytes | one row, µs |\n"
    "|---|---|--:|---|--:|--:|--:|\n"
)
CALLS = 2000


def main() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    models = ROOT / "exported_models"
    latencies = {card.name: measure_latency(path, card) for path, card in shipped(models)}
    readme.write_text(replace_table(text, make_table(models, latencies)), encoding="utf-8")


def make_table(folder: Path, latencies_us: Mapping[str, float]) -> str:
    """Markdown, one line for each shipped file, by name; the latency is the one column that no card holds."""
    return HEADER + "".join(_line(path, card, latencies_us[card.name]) for path, card in shipped(folder))


def replace_table(text: str, table: str) -> str:
    """The text with what stands between the two marks replaced; raises ValueError without the marks."""
    before, after = text.index(START) + len(START), text.index(END)
    return text[:before] + table + text[after:]


def read_latencies(text: str) -> dict[str, float]:
    """Microseconds by model, as a table in the text has them."""
    lines = re.findall(r"^\| `([\w-]+)` \|.* \| ([\d.]+) \|$", text, re.M)
    return {name: float(latency) for name, latency in lines}


def measure_latency(path: Path, card: Card) -> float:
    """Microseconds of a run on the self-check's first row, in one thread: the median of many."""
    session = open_session(path.read_bytes())
    feed = {card.input.tensor: np.array(card.self_check.input[:1], dtype=np.float32)}
    names = [output.name for output in session.get_outputs()]
    times = []
    for _ in range(CALLS):
        started = perf_counter()
        session.run(names, feed)
        times.append(perf_counter() - started)
    return float(f"{np.median(times) * 1e6:.2g}")


def shipped(folder: Path) -> Iterator[tuple[Path, Card]]:
    """Files of the bundled tasks and their cards, by name; a person's own models are not ours to list."""
    tasks = {command[2] for command in SHIPPED}
    for path in sorted(folder.glob("*.onnx")):
        card = read_card(path)
        if card is not None and (card.task in tasks or card.family == "discriminator"):
            assert isinstance(card.input, FeatureInput) or card.kind == "generator"
            yield path, card


def _line(path: Path, card: Card, latency_us: float) -> str:
    name, metric = headline(card)
    interval = "" if metric.interval is None else f"{metric.interval[0]:.3f} to {metric.interval[1]:.3f}"
    folds = ""
    if card.cross_validation is not None:
        spread = card.cross_validation.metrics[name]
        folds = f"{spread.mean:.3f} ± {spread.standard_deviation:.3f}"
    shown = f"{name.replace('_', ' ')} {metric.value:.3f}"
    size = f"{path.stat().st_size:,}"
    return f"| `{card.name}` | {card.kind} | {shown} | {interval} | {folds} | {size} | {latency_us:g} |\n"


if __name__ == "__main__":
    main()
