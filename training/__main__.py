"""`python -m training FAMILY --task TASK`: learn, export, and say how good it is."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from model_card import Card
from training import datasets
from training import options as types
from training.export import ExportError, Origin, export
from training.families import FAMILIES
from training.fitted import Epoch, LearningError

EXPORTED_MODELS = Path(__file__).resolve().parent.parent / "exported_models"


def main(arguments: list[str] | None = None) -> int:
    options = build_parser().parse_args(arguments)
    console = Console()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # its hints are about torchvision, not about us
    try:
        console.print(_train(options, console))
    except (ExportError, LearningError, OSError) as error:
        console.print(f"not written: {error}", style="bold red", soft_wrap=True)
        return 1
    return 0


def _train(options: argparse.Namespace, console: Console) -> Table:
    started = perf_counter()
    family = FAMILIES[options.family]
    dataset = datasets.load(options.task)
    rows = datasets.split(dataset, seed=options.seed, validates=family.VALIDATES)
    with _progress(console) as progress:
        bar = progress.add_task(
            f"{options.task}-{options.family}", total=getattr(options, "epochs", None), losses="learning"
        )

        def on_epoch(epoch: Epoch) -> None:
            losses = (
                f"epoch {epoch.number}  train {epoch.train_loss:.4f}  "
                f"validation {epoch.validation_loss:.4f}  best {epoch.best:.4f}"
            )
            progress.update(bar, completed=epoch.number, losses=losses)

        fitted = family.fit(dataset, rows, options, on_epoch)
    origin = Origin(family=options.family, summary=family.SUMMARY, command=_command(options), seed=options.seed)
    path, card = export(fitted, dataset, rows, origin, options.output)
    return _summarise(card, path, seconds=perf_counter() - started)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    families = parser.add_subparsers(dest="family", required=True, metavar="FAMILY")
    for name, family in FAMILIES.items():
        subparser = families.add_parser(
            name, help=family.SUMMARY, formatter_class=argparse.ArgumentDefaultsHelpFormatter
        )
        subparser.add_argument("--task", choices=sorted(datasets.DATASETS), required=True, help="the data set")
        subparser.add_argument("--seed", type=types.seed, default=0, help="of the split and of the learning")
        subparser.add_argument("--output", type=Path, default=EXPORTED_MODELS, help="folder of the exported file")
        family.add_options(subparser)
    return parser


def _progress(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[losses]}"),
    )
    return Progress(*columns, TimeElapsedColumn(), console=console)


def _command(options: argparse.Namespace) -> str:
    """The whole command, defaults spelt out; where the file goes does not change it."""
    fields = {
        name: value for name, value in vars(options).items() if name not in ("family", "output") and value is not None
    }
    words = [f"--{name.replace('_', '-')} {value}" for name, value in fields.items()]
    return f"python -m training {options.family} {' '.join(words)}"


def _summarise(card: Card, path: Path, *, seconds: float) -> Table:
    table = Table(title=f"{card.name} on {card.parity.rows} held-out rows", title_justify="left")
    table.add_column("measure")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    for name, metric in card.metrics.items():
        interval = "" if metric.interval is None else f"{metric.interval[0]:.4f} to {metric.interval[1]:.4f}"
        table.add_row(name.replace("_", " "), f"{metric.value:.4f}", interval)
    table.add_section()
    table.add_row("parity, labels unequal", str(card.parity.unequal_labels))
    table.add_row("parity, largest difference", f"{card.parity.max_abs_difference:.1e}")
    table.add_row("file, bytes", f"{path.stat().st_size:,}")
    table.add_row("seconds, export included", f"{seconds:.1f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
