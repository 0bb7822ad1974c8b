"""The trial is a process of its own that makes the next generation: what it loads can end no process that serves.

`python -m service.processes.reload_trial` is started by the supervisor, with a channel to it.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from service.models.content import ModelContent
from service.models.folder import ModelFile
from service.observability.logs import configure_logging
from service.processes.link import Link, find_link
from service.repository.generation import GenerationRequest, Store
from service.repository.next_generation import CannotKeep, GenerationMaker
from service.settings import Settings

LOW_PRIORITY = 5
"""The trial has a third of the share of a processor that serving has, which goes first."""


def try_out(file: ModelFile, content: ModelContent, settings: Settings) -> None:
    """Loads a content as a worker would, and drops it; raises ModelRefused."""
    # It takes half a second to import, which most looks at the folder need not spend.
    from service.models.model import load_graph
    from service.models.session import Placement

    load_graph(
        file.path,
        content=content,
        name=file.name,
        version=file.version,
        placement=Placement(settings.device, settings.threads),
        # Where there are several files, the workers refuse what is not named as its card says.
        takes_any_name="" in (settings.model_name or {}).values(),
    )


def run(link: Link, settings: Settings) -> None:
    """Makes the generation that the first message orders, and says whether it is made."""
    told: Mapping[str, Any] = link.first
    order = GenerationRequest(**told["order"])
    store = Store(Path(told["store"]))
    # At the start the workers load everything anyway, each file with the same care.
    is_first = order.previous is None
    if not is_first:
        os.nice(LOW_PRIORITY)

    maker = GenerationMaker(
        store,
        order,
        try_out=None if is_first else partial(try_out, settings=settings),
        on_read=link.tell_loading,
    )

    try:
        store.make()
        maker.make()
    except CannotKeep as error:
        link.send("failed", reason=f"no copy of a model can be kept: {error}")
    except OSError as error:
        link.send("failed", reason=f"no copies can be kept: {error.strerror}")
    else:
        link.send("made")


def main() -> None:
    """Runs one trial, for the supervisor that started this process."""
    settings = Settings.from_environment(os.environ)
    configure_logging(settings)
    link = find_link()
    if link is None:
        sys.exit("only the supervisor starts a trial")

    try:
        run(link, settings)
    except Exception:
        logging.getLogger(__name__).exception("a defect in the trial of a model folder")
        link.send("failed", reason="a defect of the service; its log has the details")


if __name__ == "__main__":
    main()
