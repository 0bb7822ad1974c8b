"""A row is explained by contributions of its features, by its neighbours, by a tree's path, by values that flip it.

What a graph itself has of that is taken; else trees are explained exactly, and anything else by Shapley values of its
answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_card import FeatureInput
from service.calls.explaining import flips, shapley
from service.calls.explaining.background import make_background
from service.calls.explaining.contributions import find_class, list_contributions
from service.calls.explaining.graph_outputs import (
    NEIGHBORS,
    explain_by_graph,
    find_graph_method,
)
from service.calls.explaining.shapley import Attribution
from service.calls.explaining.tree_path import find_path
from service.calls.explaining.tree_scores import TreeReader, TreeScores
from service.contract.limits import Limits
from service.contract.requests import ExplainRequest, Row
from service.errors import InvalidRequest
from service.models import cancellation
from service.models.model import Model

Rows = NDArray[np.float32]

SHAPLEY = "shapley"
TREE_SHAPLEY = "tree_shapley"
MIN_PROBABILITY = 1e-37
"""The logarithm of a probability under this is that of this: float32 has hardly less."""


def can_explain(model: Model) -> bool:
    """Returns whether a model takes rows of features and answers a class or a value, or looks at images."""
    return model.card.kind in ("classifier", "regressor")


class RowExplainer:
    """A row explainer finds for each model the way that says most, or takes the way that a request asks for."""

    def __init__(
        self,
        limits: Limits,
        read_file: Callable[[Model], bytes | None],
        list_held_out: Callable[[Model], list[Row]],
    ) -> None:
        self._limits = limits
        self._trees = TreeReader(read_file)
        self._list_held_out = list_held_out

    def explain(
        self, model: Model, features: Rows, request: ExplainRequest
    ) -> list[dict[str, Any]]:
        """Returns the explanation of each row, with the values that flip it where the request asks for them."""
        self._check(model, features, request)
        own = find_graph_method(model)
        if own is not None and request.method in (None, own):
            explained = explain_by_graph(model, features, request.class_name)
        else:
            explained = self._attribute(model, features, request)

        if request.flips:
            rows = cancellation.watch(zip(explained, features, strict=True))
            for each, row in rows:
                each["flips"] = _list_flips(model, row)

        return explained

    def _check(self, model: Model, features: Rows, request: ExplainRequest) -> None:
        """Raises InvalidRequest for what the model does not have, or TooLarge for what would take too long."""
        if model.card.kind == "regressor":
            for name, given in (
                ("class", request.class_name),
                ("flips", request.flips),
            ):
                if given:
                    raise InvalidRequest(
                        f"{name}: {model.name} is a regressor: it has no classes"
                    )

        own = find_graph_method(model)
        known = [SHAPLEY] if own is None else [own, SHAPLEY]
        if request.method not in (None, *known):
            raise InvalidRequest(
                f"method: {model.name} has no method {str(request.method)[:100]!r}; its methods: {', '.join(known)}"
            )
        if own == NEIGHBORS and request.method != SHAPLEY and request.class_name:
            raise InvalidRequest(
                f"class: {model.name} is explained by its neighbours, whatever their class; "
                f'with "method": "{SHAPLEY}" it is explained by contributions to one'
            )

        if request.flips:
            n_rows, n_features = features.shape
            n_evaluations = flips.count_evaluations(n_features)
            self._limits.check_explained(n_rows, n_features, n_evaluations)

    def _attribute(
        self, model: Model, features: Rows, request: ExplainRequest
    ) -> list[dict[str, Any]]:
        """Returns contributions by Shapley values: exact ones of trees, or those of the model's answers."""
        n_rows, n_features = features.shape
        self._limits.check_explained(n_rows, n_features)
        background = make_background(model, self._list_held_out(model))
        chosen, answers = _answer(model, features, request.class_name)
        trees = self._trees.find(model, background.rows)
        if trees is None:
            plan = shapley.make_plan(n_features)
            self._limits.check_explained(n_rows, n_features, plan.n_evaluations)
            found = _explain_by_answers(model, features, background.rows, chosen)
            used = background.rows[: plan.n_background]
            background = background._replace(rows=used)
        else:
            found = _explain_by_trees(model, trees, features, background.rows, chosen)

        described = {
            "rows": len(background.rows),
            "source": background.source,
        }
        rows = zip(answers, found, features, strict=True)
        return [
            answer
            | {"method": each.method, "explains": each.explains}
            | list_contributions(model, row, each.attribution)
            | {"background": described}
            | ({"path": each.path} if each.path else {})
            for answer, each, row in rows
        ]


class ExplainedRow(NamedTuple):
    """An ExplainedRow says how its attribution was found, and what that explains; a single tree has a path too."""

    method: str
    explains: str
    attribution: Attribution
    path: list[dict[str, Any]]


def _answer(
    model: Model, features: Rows, class_name: str | None
) -> tuple[list[int] | None, list[dict[str, Any]]]:
    """Returns the class that each row is explained for, None of a regressor, and what the model answers."""
    outputs = model.run(features)
    if model.card.kind == "regressor":
        return None, [{"prediction": value} for value in outputs[0]]

    labels = outputs[0].tolist()
    chosen = labels
    if class_name is not None:
        chosen = [find_class(model, class_name)] * len(labels)
    answers = [
        {
            "prediction": model.classes[label],
            "class": model.classes[each],
            "probability": shares[each],
        }
        for label, each, shares in zip(labels, chosen, outputs[1], strict=True)
    ]

    return chosen, answers


def _explain_by_trees(
    model: Model,
    trees: TreeScores,
    features: Rows,
    background: Rows,
    chosen: list[int] | None,
) -> list[ExplainedRow]:
    """Returns the exact attributions of the trees' scores; a single tree has its path too."""
    found: dict[int, Attribution] = {}
    labels = np.zeros(len(features), np.int64) if chosen is None else np.array(chosen)
    for label in np.unique(labels).tolist():
        rows = np.flatnonzero(labels == label)
        attributions = trees.explain(
            features[rows], background, None if chosen is None else label
        )
        found |= dict(zip(rows.tolist(), attributions, strict=True))

    ensemble = trees.explainer.ensemble
    has_path = ensemble.n_trees == 1

    return [
        ExplainedRow(
            TREE_SHAPLEY,
            trees.explains,
            found[index],
            find_path(model, ensemble, row) if has_path else [],
        )
        for index, row in enumerate(features)
    ]


def _explain_by_answers(
    model: Model, features: Rows, background: Rows, chosen: list[int] | None
) -> list[ExplainedRow]:
    """Returns Shapley values of what the model answers: of naive Bayes the log odds, in which features add up."""
    plan = shapley.make_plan(features.shape[1])
    method = f"{'exact' if plan.is_exact else 'sampled'}_{SHAPLEY}"
    explains = "value"
    if chosen is not None:
        is_bayes = model.card.family == "naive_bayes"
        explains = "log odds" if is_bayes else "probability"

    found: list[ExplainedRow] = []
    for index, row in cancellation.watch(enumerate(features)):
        label = None if chosen is None else chosen[index]

        def evaluate(rows: Rows, label: int | None = label) -> shapley.Floats:
            return _evaluate(model, rows, label, explains)

        attribution = shapley.explain(evaluate, row, background)
        found.append(ExplainedRow(method, explains, attribution, []))

    return found


def _evaluate(
    model: Model, rows: Rows, label: int | None, explains: str
) -> shapley.Floats:
    """Returns what is explained of rows that are made up, `(n_rows,)`; raises InvalidRequest where it is not finite."""
    answers = model.run_unchecked(model.output_names[-1:], rows)[0].astype(np.float64)
    if not np.isfinite(answers).all():
        raise InvalidRequest(
            f"{model.name} has no finite answer to mixtures of this row and rows of training, of which an "
            "explanation is made"
        )

    if label is None:
        return answers.reshape(-1)
    if explains == "probability":
        return answers[:, label]

    others = np.delete(answers, label, axis=1).sum(axis=1)
    both = np.stack([answers[:, label], others])
    log_odds: shapley.Floats = -np.diff(
        np.log(np.maximum(both, MIN_PROBABILITY)), axis=0
    )[0]

    return log_odds


def _list_flips(model: Model, row: Rows) -> list[dict[str, Any]]:
    """Returns for each number where the class flips, the nearest in shares of its range first."""
    given = model.card.input
    assert isinstance(given, FeatureInput)

    def predict(rows: Rows) -> NDArray[np.int64]:
        [labels] = model.run_unchecked(model.output_names[:1], rows)
        return labels

    def measure(flip: flips.Flip) -> float:
        low, high = given.features[flip.feature].range or (0.0, 1.0)
        if flip.value is None:
            return np.inf
        distance = abs(float(flip.value) - float(row[flip.feature]))
        return distance / ((high - low) or 1.0)

    found = sorted(flips.find_flips(given.features, row, predict), key=measure)
    return [
        {
            "feature": given.features[flip.feature].name,
            "value": row[flip.feature],
            "flips_at": flip.value,
            "class": None if flip.label is None else model.classes[flip.label],
        }
        for flip in found
    ]
