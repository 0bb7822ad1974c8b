"""The catalogue of a server names its models, and the files that it refused."""

from __future__ import annotations

from typing import Any, cast

from service.contract import answers
from service.models.registry import Registry


def list_models(registry: Registry) -> answers.ModelList:
    """Returns summaries by name, and what was refused, if anything was."""
    models: list[answers.ModelSummary] = [
        {
            "name": model.name,
            "version": model.version,
            "task": model.card.task,
            "family": model.card.family,
            "kind": model.card.kind,
            "summary": model.card.summary,
        }
        for model in registry.models.values()
    ]
    refused = [
        {"file": file, "reason": reason} for file, reason in registry.refused.items()
    ]
    listed: dict[str, Any] = {"models": models}
    if refused:
        listed["refused"] = refused
    if registry.unloaded:
        listed["unloaded"] = list(registry.unloaded)

    return cast(answers.ModelList, listed)
