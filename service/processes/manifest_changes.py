"""Two generations' manifests are compared: what is served otherwise, and what is refused anew."""

from __future__ import annotations

import logging

from service.models.folder import name_version
from service.repository.generation import Manifest

MAX_SHOWN = 20
"""So many files that have changed are named."""

logger = logging.getLogger(__name__)


def name_changes(manifest: Manifest, before: Manifest) -> str:
    """Returns the files that have changed, each with the digests that it had and has."""
    old = {each.file: name_version(each.digest) for each in before.entries}
    new = {each.file: name_version(each.digest) for each in manifest.entries}
    changed = [
        f"{file} {old.get(file, 'none')} -> {new.get(file, 'none')}"
        for file in sorted({*old, *new})
        if old.get(file) != new.get(file)
    ]
    n_more = len(changed) - MAX_SHOWN
    named = ", ".join(changed[:MAX_SHOWN]) or "no file has changed"

    return f"{named} and {n_more} more" if n_more > 0 else named


def find_refused(manifest: Manifest, before: Manifest | None) -> dict[str, str]:
    """Returns what is refused now and was not before, or for another reason."""
    known = before.refused if before is not None else {}
    return {
        file: reason
        for file, reason in manifest.refused.items()
        if known.get(file) != reason
    }


def shows_as(manifest: Manifest, served: Manifest | None) -> bool:
    """Returns whether workers that serve the one would serve and show the same with the other."""
    return (
        served is not None
        and manifest.serves_as(served)
        and manifest.refused == served.refused
        and manifest.late == served.late
        and manifest.unloaded == served.unloaded
    )


def log_changes(manifest: Manifest, served: Manifest | None) -> None:
    """Logs what a new generation changes of the one that was served, and what of it is refused."""
    before = served or Manifest(number=0)
    logger.info(
        "generation %d of the models is served: %s",
        manifest.number,
        name_changes(manifest, before),
    )
    for file, reason in find_refused(manifest, before).items():
        logger.error("refused %s: %s", file, reason)
