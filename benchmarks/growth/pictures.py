"""This module draws how a server's figures grow, one picture for each thing that there may be more of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from charts.canvas import add_legend, apply_style, make_inline_figure
from charts.palette import style_series
from charts.scales import set_log
from charts.svg import save_svg

Results = Mapping[str, Mapping[str, Mapping[str, float]]]
X_NAMES = {
    "models": "model files in the folder",
    "connections": "connections that ask nothing",
    "rows": "rows in a request of one model",
    "classifiers": "classifiers that /compare asks",
    "workers": "workers, with the shipped models",
    "journal": "predictions in the journal",
}
BY_THE_CLOCK = ("ready_s", "latency_ms")
"""These figures are not drawn: on a busy machine they say more of it than of the server."""
WIDTH_PX, PLOT_PX, LEGEND_ROW_PX = 480, 280, 17
LEAST = 1e-2
"""Both axes are logarithmic, and what is less is drawn so."""
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
    "comparison_ms": "/tasks/TASK/comparison, processor ms",
    "file_mb": "the file, MB",
}


def draw(results: Results, folder: Path) -> None:
    """Draws what was measured of each part in processor time and memory, a line for each figure."""
    with apply_style():
        for name, points in results.items():
            if len(points) > 1:
                _draw_part(name, points, folder / f"{name}.svg")


def _draw_part(
    name: str, points: Mapping[str, Mapping[str, float]], path: Path
) -> None:
    keys = [key for key in next(iter(points.values())) if key not in BY_THE_CLOCK]
    legend_px = LEGEND_ROW_PX * len(keys)
    figure, axes = make_inline_figure(
        width_px=WIDTH_PX,
        height_px=PLOT_PX + legend_px,
        top_px=legend_px + LEGEND_ROW_PX,
        x=X_NAMES[name],
    )
    sizes = np.array([int(size) for size in points], dtype=np.float64)
    lowest, highest = [], []
    for number, key in enumerate(keys):
        values = np.array([max(LEAST, each[key]) for each in points.values()])
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
    set_log(axes, "y", min(lowest) / 1.5, max(highest) * 1.5)
    add_legend(axes, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0)
    save_svg(figure, path, label=_describe(name, points, keys))


def _describe(
    name: str, points: Mapping[str, Mapping[str, float]], keys: list[str]
) -> str:
    """Returns in words what the picture shows: the first and the last value of each line."""
    sizes = list(points)
    first, last = points[sizes[0]], points[sizes[-1]]
    lines = [f"{NAMES[key]} {first[key]:g} to {last[key]:g}" for key in keys]
    return f"From {sizes[0]} to {sizes[-1]} {X_NAMES[name]}: {'; '.join(lines)}."
