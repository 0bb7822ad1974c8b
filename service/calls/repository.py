"""Models are loaded and unloaded by request, as clients of the Open Inference Protocol ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from service.errors import Forbidden, InvalidRequest
from service.execution.run import Pending, Reply

LOAD, UNLOAD = "load", "unload"

Ask = Callable[[str, str], "Future[None]"]


class Repository:
    """The repository has one name loaded or unloaded in all workers, where the operator allows that at all."""

    def __init__(self, *, is_on: bool) -> None:
        self.is_on = is_on
        self.ask: Ask | None = None
        """This asks the supervisor; there is none in process, nor below another supervisor than ours."""

    def load(self, name: str, parameters: Mapping[str, Any] | None = None) -> Pending:
        """Loads the files of a name as they are now in the model folder.

        The reply raises NotFound where there is none, and InvalidRequest where one cannot be served.
        """
        if parameters:
            raise InvalidRequest(
                f"parameters: {', '.join(map(str, parameters))[:200]} cannot be set: a model is loaded as its file says"
            )
        return self._ask(LOAD, name)

    def unload(
        self,
        name: str,
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002  # as `load` has it
    ) -> Pending:
        """Unloads a name until it is loaded by request, or the server starts again; the reply raises NotFound.

        Parameters are passed over: a model has no others that depend on it.
        """
        return self._ask(UNLOAD, name)

    def _ask(self, action: str, name: str) -> Pending:
        if not self.is_on:
            raise Forbidden(
                "models cannot be loaded or unloaded by request: VEREDICTO_RELOAD_S is not set"
            )
        if self.ask is None:
            raise Forbidden("models cannot be loaded or unloaded without a supervisor")

        return Pending(self.ask(action, name), Reply({}))
