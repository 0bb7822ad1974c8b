"""A policy chooses which of a task's models answers a request that names the task alone, by reward where it learns."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from service.errors import InvalidRequest, NotFound, hint_at
from service.models.model import Model
from service.models.registry import Registry
from service.settings import Settings

Counts = Mapping[str, tuple[int, int]]
"""Each model was right and wrong this often, by the labels that came as feedback; the champion comes first."""

logger = logging.getLogger(__name__)

_RANKING_METRICS = {"classifier": "accuracy", "regressor": "r2"}
"""A policy chooses among models of these kinds, and the held-out metric of each kind makes the champion."""


class Policy(Protocol):
    """A policy chooses a model by its counts, and depends on nothing else but its random numbers."""

    def choose(self, counts: Counts, rng: np.random.Generator) -> str: ...


class Champion:
    """This policy always chooses the first model: whatever is learnt later does not count."""

    def choose(self, counts: Counts, rng: np.random.Generator) -> str:  # noqa: ARG002  # policies share one signature
        return next(iter(counts))


class Thompson:
    """This policy chooses each model as often as it is likely to be the best: the highest of one draw from each
    posterior.

    The method is Thompson's, Biometrika 25 (1933); see Chapelle and Li, NIPS 24 (2011). The posterior of a share of
    right answers is Beta(1 + right, 1 + wrong): without feedback all shares are as likely (Russo et al., A Tutorial,
    2018).
    """

    def choose(self, counts: Counts, rng: np.random.Generator) -> str:
        right, wrong = np.array(list(counts.values())).T
        draws = rng.beta(1 + right, 1 + wrong)
        names = list(counts)

        return names[int(draws.argmax())]


@dataclass(frozen=True)
class Epsilon:
    """This policy chooses any model in a share `epsilon` of the requests, else the one most often right (Watkins,
    1989).

    A model's share of right answers is (1 + right) / (2 + right + wrong), Laplace's; of equals the first is chosen.
    """

    epsilon: float

    def choose(self, counts: Counts, rng: np.random.Generator) -> str:
        names = list(counts)
        if rng.random() < self.epsilon:
            drawn = int(rng.integers(len(names)))
            return names[drawn]

        shares = [(1 + right) / (2 + right + wrong) for right, wrong in counts.values()]
        return names[shares.index(max(shares))]


class Outcomes(Protocol):
    """This source knows the outcomes of a task's models; models of which nothing is known may be left out."""

    def outcomes(self, task: str) -> Counts: ...


class NoOutcomes:
    """This source knows nothing: it stands in where no feedback is taken."""

    def outcomes(self, task: str) -> Counts:  # noqa: ARG002  # as all that know outcomes
        return {}


class Router:
    """The router chooses a model's name for each request that names a task.

    Only classifiers are right or wrong: of regressors it always chooses the champion. `champions` are those that acts
    have made, by task: they go before those that are set.
    """

    def __init__(
        self,
        registry: Registry,
        settings: Settings,
        outcomes: Outcomes,
        *,
        rng: np.random.Generator | None = None,
        champions: Mapping[str, str] | None = None,
    ) -> None:
        self._outcomes = outcomes
        self._policy = make_policy(settings)
        self._rng = rng or np.random.default_rng()
        self._ranked = rank(registry.models.values())
        self._tasks = {model.card.task for model in registry.models.values()}
        self.problems: dict[str, str] = {}
        """A task stands here with the reason why the champion that was set for it cannot be."""
        acting = {
            task: name
            for task, name in (champions or {}).items()
            if name in self._ranked.get(task, [])
        }
        chosen = {**settings.shadow, **settings.champion, **acting}
        for task, name in chosen.items():
            is_named = settings.champion.get(task) == name
            setting = "VEREDICTO_CHAMPION" if is_named else "VEREDICTO_SHADOW"
            self._set_champion(task, name, setting)

        self._fixed: dict[str, str] = {}
        for task, names in self._ranked.items():
            champion = names[0]
            card = registry.models[champion].card
            if isinstance(self._policy, Champion) or card.kind != "classifier":
                self._fixed[task] = champion

    def choose(self, task: str) -> str:
        """Returns the name of the task's model for one request; raises NotFound for an unknown task.

        It raises InvalidRequest for a task that has nothing to choose from.
        """
        if task in self.problems:
            raise NotFound(self.problems[task])

        if task not in self._ranked:
            raise self._refuse(task)

        if task in self._fixed:
            return self._fixed[task]

        known_counts = self._outcomes.outcomes(task)
        counts = {name: known_counts.get(name, (0, 0)) for name in self._ranked[task]}

        return self._policy.choose(counts, self._rng)

    def _refuse(self, task: str) -> InvalidRequest | NotFound:
        """Returns the error of a task that no model can be chosen for."""
        tasks = ", ".join(sorted(self._ranked)) or "none"
        known = f"tasks with classifiers or regressors: {tasks}"
        if task in self._tasks:
            return InvalidRequest(
                f"the task {task!r} has no classifiers or regressors to choose from; {known}"
            )

        hint = hint_at(task, self._ranked)
        return NotFound(f"unknown task {task!r}{hint}; {known}")

    def _set_champion(self, task: str, name: str, setting: str) -> None:
        names = self._ranked.get(task, [])
        if name in names:
            others = [each for each in names if each != name]
            self._ranked[task] = [name, *others]
            return

        known = f"known tasks: {', '.join(sorted(self._ranked))}"
        if names:
            known = f"it has {', '.join(sorted(names))}"

        self.problems[task] = (
            f"{setting}: the task {task!r} has no model {name!r} to choose; {known}"
        )
        logger.warning("%s", self.problems[task])


def make_policy(settings: Settings) -> Policy:
    policies: dict[str, Policy] = {
        "champion": Champion(),
        "thompson": Thompson(),
        "epsilon": Epsilon(settings.epsilon),
    }
    return policies[settings.policy]


def rank(models: Iterable[Model]) -> dict[str, list[str]]:
    """Returns for each task its classifiers or, without any, its regressors: the best on held-out rows first.

    Of equals the smaller file comes first, which is mostly the faster one. What was never measured comes last.
    """
    groups: dict[str, dict[str, list[Model]]] = {kind: {} for kind in _RANKING_METRICS}
    for model in models:
        if model.card.kind in groups:
            tasks = groups[model.card.kind]
            tasks.setdefault(model.card.task, []).append(model)

    chosen = groups["regressor"] | groups["classifier"]

    ranked = {}
    for task, group in chosen.items():
        best_first = sorted(group, key=_rank_key)
        ranked[task] = [each.name for each in best_first]

    return ranked


def _rank_key(model: Model) -> tuple[float, int, str]:
    name = _RANKING_METRICS[model.card.kind]
    metric = model.card.metrics.get(name)
    place = -metric.value if metric else np.inf

    return place, model.graph.session.n_bytes, model.name
