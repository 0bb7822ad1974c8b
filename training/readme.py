"""`python -m training.table`: README's table of models, written from the cards of the exported files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx

from model_card import Card, from_metadata

ROOT = Path(__file__).resolve().parent.parent
START, END = "<!-- models: written by `make table` -->\n", "<!-- end of models -->\n"


def main() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(replace_table(text, make_table(ROOT / "exported_models")), encoding="utf-8")


def make_table(folder: Path) -> str:
    """Markdown, one line for each file that has a card, by name."""
    header = "| model | kind | held-out accuracy | 95 % interval | rows | bytes |\n|---|---|--:|---|--:|--:|\n"
    return header + "".join(_line(path, card) for path, card in _cards(folder))


def replace_table(text: str, table: str) -> str:
    """The text with what stands between the two marks replaced; raises ValueError without the marks."""
    before, after = text.index(START) + len(START), text.index(END)
    return text[:before] + table + text[after:]


def _cards(folder: Path) -> Iterator[tuple[Path, Card]]:
    for path in sorted(folder.glob("*.onnx")):
        card = from_metadata({each.key: each.value for each in onnx.load(path).metadata_props})
        if card is not None:
            yield path, card


def _line(path: Path, card: Card) -> str:
    accuracy = card.metrics["accuracy"]
    assert accuracy.interval is not None
    interval = f"{accuracy.interval[0]:.3f} to {accuracy.interval[1]:.3f}"
    size = f"{path.stat().st_size:,}"
    return f"| `{card.name}` | {card.kind} | {accuracy.value:.3f} | {interval} | {card.parity.rows} | {size} |\n"


if __name__ == "__main__":
    main()
