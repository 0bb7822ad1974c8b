"""This module shows a person how models learn, and the table of what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from model_card import Calibration, Card, Metric
from training.export.evaluation import HEADLINES
from training.learning.family import Epoch


def make_progress(console: Console) -> Progress:
    """Returns bars with a name, what is going on, and the time it has taken; `note` is a field of each."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
    )


def print_line(text: str, console: Console, *, style: str | None = None) -> None:
    """Prints a text as it is: nothing in it is markup, and a long path is not broken."""
    console.print(text, style=style, soft_wrap=True, markup=False, highlight=False)


def describe_epoch(epoch: Epoch) -> str:
    losses = "  ".join(f"{name} {loss:.4f}" for name, loss in epoch.losses.items())
    return f"epoch {epoch.number}  {losses}"


def headline(card: Card) -> tuple[str, Metric]:
    """Returns the metric that stands for all, and its name."""
    name = next(name for name in HEADLINES if name in card.metrics)
    return name, card.metrics[name]


def summarise(card: Card, path: Path, *, seconds: float) -> Table:
    """Returns a table of one model's metrics: held-out with intervals, on the training rows, and over folds."""
    table = Table(
        title=f"{card.name} on {card.parity.rows} {_name_rows(card)}",
        title_justify="left",
        box=box.SIMPLE,
        pad_edge=False,
    )
    table.add_column("measure", no_wrap=True)
    # A column that is empty would take the room of intervals, which are wide where a descent has exploded.
    columns = ("held out", "95 % interval", "training", "folds")
    for column in columns if card.cross_validation else columns[:-1]:
        table.add_column(column, justify="right", no_wrap=True)

    for name, metric in card.metrics.items():
        beside = _beside(card, name)[: len(table.columns) - 3]
        label = name.replace("_", " ")
        value = _short(metric.value)
        table.add_row(label, value, _interval(metric), *beside)

    table.add_section()
    if card.calibration is not None:
        _add_calibration(table, card.calibration)

    table.add_row("labels unlike source", str(card.parity.unequal_labels))
    table.add_row("largest difference", f"{card.parity.max_abs_difference:.1e}")
    table.add_row("bytes", f"{path.stat().st_size:,}")
    table.add_row("seconds", f"{seconds:.1f}")

    return table


def _name_rows(card: Card) -> str:
    if card.kind == "generator":
        return "generated images"
    return "held-out rows" if card.metrics else "random images"


def _add_calibration(table: Table, calibration: Calibration) -> None:
    table.add_row("temperature", _short(calibration.temperature))
    stages = {"before": calibration.before, "after": calibration.after}

    for stage, figures in stages.items():
        for name, figure in figures.items():
            label = f"  {name.replace('_', ' ')} {stage}"
            table.add_row(label, _short(figure), f"{calibration.rows} rows")


def compare(cards: Sequence[tuple[Card, Path]]) -> Table:
    """Returns a table of one line for each model, by the metric that stands for its kind, the best first."""
    table = _table("held-out rows with 95 % intervals, the best first")
    table.add_column("model", no_wrap=True)
    for column in ("held out", "interval", "training", "folds", "kB"):
        table.add_column(column, justify="right")

    names = [headline(card)[0] for card, _ in cards]
    order = sorted(
        cards,
        key=lambda each: (
            names.index(headline(each[0])[0]),
            -headline(each[0])[1].value,
        ),
    )
    shown = ""

    for card, path in order:
        name, metric = headline(card)
        if name != shown:
            table.add_section()
            table.add_row(name.replace("_", " "), style="dim")
            shown = name

        training, folds = _beside(card, name)
        interval = _interval(metric).replace(" to ", "–")
        size = f"{path.stat().st_size / 1000:,.0f}"
        table.add_row(
            card.name,
            _short(metric.value),
            interval,
            training,
            folds.replace(" ± ", "±"),
            size,
        )

    return table


def _table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", box=box.SIMPLE, pad_edge=False, padding=0
    )


def _short(value: float) -> str:
    """Returns four digits, three of them after the point where the number is below 1."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.4g}"


def _interval(metric: Metric) -> str:
    return (
        ""
        if metric.interval is None
        else f"{_short(metric.interval[0])} to {_short(metric.interval[1])}"
    )


def _beside(card: Card, name: str) -> tuple[str, str]:
    """Returns the metric on the training rows, and its mean and standard deviation over folds."""
    train = "" if card.train_metrics is None else _short(card.train_metrics[name].value)
    if card.cross_validation is None or name not in card.cross_validation.metrics:
        return train, ""
    spread = card.cross_validation.metrics[name]
    return train, f"{_short(spread.mean)} ± {_short(spread.standard_deviation)}"
