"""The views of tasks are described here: comparisons, verdicts, examples, and rows to label."""

from __future__ import annotations

from typing import Any

from service.contract import answers
from service.reference.openapi import view


def task_paths(reference: dict[str, Any], tasks: list[str]) -> dict[str, Any]:
    """Returns views of a task: held-out rows, the verdict on them, live comparison, and rows to label."""
    task = {
        "name": "task",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "examples": tasks},
    }
    text = "The task's classifiers in what was asked lately: agreement, accuracy, and whether a challenger is better"
    comparison = view(
        "compare_live",
        "Live",
        text,
        reference["LiveComparison"],
        400,
        404,
        503,
        parameters=[
            task,
            _describe_metric(answers.LIVE_METRICS, "What challengers are tested by"),
            _describe_curves("each challenger's test after fewer labelled rows"),
        ],
    )

    return {
        "/tasks/{task}/comparison": comparison,
        "/tasks/{task}/examples": _describe_examples(reference, task),
        "/tasks/{task}/verdict": _describe_verdict(reference, task),
        "/tasks/{task}/to-label": _describe_to_label(reference, task),
    }


def _describe_metric(metrics: tuple[str, ...], description: str) -> dict[str, Any]:
    return {
        "name": "by",
        "in": "query",
        "required": False,
        "schema": {"type": "string", "enum": list(metrics)},
        "description": description,
    }


def _describe_curves(what: str) -> dict[str, Any]:
    return {
        "name": "curves",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "enum": [0, 1]},
        "description": f"1: with {what}",
    }


def _describe_verdict(
    reference: dict[str, Any], task: dict[str, Any]
) -> dict[str, Any]:
    """Returns the verdict on held-out rows, which takes a metric."""
    by = _describe_metric(answers.VERDICT_METRICS, "What the models are compared in")
    curves = _describe_curves("each model's risk and coverage by threshold")
    return view(
        "verdict",
        "Predict and compare",
        "Which of the task's classifiers to trust, from what their files keep of held-out rows",
        reference["Verdict"],
        400,
        404,
        503,
        parameters=[task, by, curves],
    )


def _describe_to_label(
    reference: dict[str, Any], task: dict[str, Any]
) -> dict[str, Any]:
    """Returns the rows whose truth would say most, which needs VEREDICTO_JOURNAL and VEREDICTO_SHADOW."""
    n_rows = {
        "name": "n",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "minimum": 1, "default": 20},
        "description": "So many rows at most",
    }
    wanted = {
        "name": "wanted",
        "in": "query",
        "required": False,
        "schema": {"type": "number", "default": 0.02},
        "description": "The difference of accuracies that the plan of each pair is for",
    }
    return view(
        "to_label",
        "Live",
        "Rows without a label on which the task's classifiers disagree, and the labels that a verdict takes",
        reference["ToLabel"],
        400,
        404,
        503,
        parameters=[task, n_rows, wanted],
    )


def _describe_examples(
    reference: dict[str, Any], task: dict[str, Any]
) -> dict[str, Any]:
    """Returns the view of held-out rows."""
    n = {
        "name": "n",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 10},
        "description": "At most so many rows",
    }
    hard = {
        "name": "hard",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "enum": [0, 1]},
        "description": "1: only rows on which the task's classifiers disagree",
    }
    return view(
        "list_examples",
        "Predict and compare",
        "Held-out rows of the task with their truth, where a table of them lies beside the models",
        reference["Examples"],
        400,
        404,
        503,
        parameters=[task, n, hard],
    )
