"""`python -m benchmarks.regret` draws what it costs to find out which classifier is the best: docs/routing.png.

Each request goes to one classifier, which is right with a probability that nobody knows beforehand; whether it was
right comes back as feedback. Regret is how many more requests the best classifier would have answered rightly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.paths import ROOT
from charts.canvas import add_axes, add_legend, apply_style, make_figure, save_png
from charts.lines import add_level, add_line
from charts.palette import BLUE, ORANGE, VERMILLION
from service.calls.policy import Champion, Epsilon, Policy, Thompson

ACCURACIES = {
    "logistic": 0.95,
    "knn": 0.97,
    "random_forest": 0.96,
    "naive_bayes": 0.90,
    "decision_tree": 0.92,
}
"""These are true shares of right answers; the champion, which comes first, looked best on few held-out rows."""
POLICIES: Mapping[str, Policy] = {
    "the champion, fixed": Champion(),
    "epsilon 0.1": Epsilon(0.1),
    "Thompson": Thompson(),
}
COLOURS = (VERMILLION, ORANGE, BLUE)
N_REQUESTS = 20_000
N_RUNS = 40

Regret = NDArray[np.float64]


def simulate(
    policy: Policy, accuracies: Mapping[str, float], *, n_requests: int, seed: int
) -> Regret:
    """Returns the expected regret after each request, `(n_requests,)`: what the chosen classifiers lack in accuracy."""
    rng = np.random.default_rng(seed)
    counts = dict.fromkeys(accuracies, (0, 0))
    best = max(accuracies.values())
    lacking = np.empty(n_requests)

    for request in range(n_requests):
        name = policy.choose(counts, rng)
        is_right = int(rng.random() < accuracies[name])
        right, wrong = counts[name]
        counts[name] = (right + is_right, wrong + 1 - is_right)
        lacking[request] = best - accuracies[name]

    return np.cumsum(lacking)


def draw(regrets: Mapping[str, Sequence[Regret]], path: Path) -> None:
    """Draws the mean of the runs of each policy, and where 80 of 100 runs lie."""
    figure = make_figure("What finding the best classifier costs")
    about = f"five classifiers, right on {', '.join(f'{each:.0%}' for each in ACCURACIES.values())} of the requests"
    axes = add_axes(
        figure,
        about,
        x="requests with feedback",
        y="right answers lost to the best one",
    )

    for (name, runs), colour in zip(regrets.items(), COLOURS, strict=True):
        requests = np.arange(1, len(runs[0]) + 1)
        low, high = np.quantile(runs, (0.1, 0.9), axis=0)
        mean = np.mean(runs, axis=0)
        add_line(axes, requests, mean, colour=colour, band=(low, high), label=name)

    add_level(axes, 0)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlim(0)
    add_legend(axes, loc="upper left")
    save_png(figure, path)


def main() -> None:
    regrets = {
        name: [
            simulate(policy, ACCURACIES, n_requests=N_REQUESTS, seed=seed)
            for seed in range(N_RUNS)
        ]
        for name, policy in POLICIES.items()
    }
    for name, runs in regrets.items():
        middle = N_REQUESTS // 2 - 1
        half, whole = np.mean([run[[middle, -1]] for run in runs], axis=0)

        print(
            f"{name}: {whole:.0f} lost in {N_REQUESTS:,} requests, {whole - half:.0f} of them in the second half"
        )

    with apply_style():
        draw(regrets, ROOT / "docs" / "routing.png")


if __name__ == "__main__":
    main()
