"""Pictures of how a server's figures grow, one for each thing that there may be more of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from charts.canvas import add_axes, add_legend, apply_style, make_figure, save_png
from charts.palette import style_series
from charts.scales import set_log

Results = Mapping[str, Mapping[str, Mapping[str, float]]]
TITLES = {
    "models": ("More models", "model files in the folder"),
    "connections": ("More idle connections", "connections that ask nothing"),
    "rows": ("More rows in a request", "rows in a request of one model"),
    "classifiers": ("More classifiers in a task", "classifiers that /compare asks"),
    "workers": ("More workers", "workers, with the shipped models"),
    "journal": ("A longer journal", "predictions in the journal"),
}
NAMES = {
    "ready_s": "until it is ready, s",
    "processor_s": "processor time of the start, s",
    "memory_mib": "memory, MiB",
    "first_ms": "a row of the first model, processor ms",
    "last_ms": "a row of the last model, processor ms",
    "latency_ms": "a request, ms",
    "processor_ms": "a request, processor ms",
    "row_us": "a row, processor µs",
    "rows_1_ms": "/compare of 1 row, processor ms",
    "rows_100_ms": "/compare of 100 rows, processor ms",
    "predict_ms": "a row, with id and shadows, processor ms",
    "comparison_ms": "/tasks/TASK/comparison, ms",
    "file_mb": "the file, MB",
}


def draw(results: Results, folder: Path) -> None:
    """Draws what was measured of each part, a line for each figure, both axes logarithmic."""
    with apply_style():
        for name, points in results.items():
            if len(points) > 1:
                _draw_part(name, points, folder / f"{name}.png")


def _draw_part(
    name: str, points: Mapping[str, Mapping[str, float]], path: Path
) -> None:
    title, x_name = TITLES[name]
    figure = make_figure(title, width=5.6, height=3.8)
    axes = add_axes(figure, "both axes are logarithmic", x=x_name)
    sizes = np.array([int(size) for size in points], dtype=np.float64)
    lowest, highest = [], []
    for number, key in enumerate(next(iter(points.values()))):
        values = np.array([max(1e-3, each[key]) for each in points.values()])
        look = style_series(number)
        axes.plot(
            sizes,
            values,
            color=look.colour,
            marker=look.marker,
            linestyle=(0, look.dashes) if look.dashes else "solid",
            label=NAMES[key],
        )
        lowest.append(values.min())
        highest.append(values.max())

    set_log(axes, "x", sizes.min() / 1.2, sizes.max() * 1.2)
    set_log(axes, "y", min(lowest) / 1.5, max(highest) * 2)
    add_legend(axes, loc="best")
    save_png(figure, path)
