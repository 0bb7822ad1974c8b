"""The ASGI application stands ahead of BentoML's own: it answers what it knows and passes the rest on.

BentoML's middleware costs several times what a small prediction does, so requests of the contract never reach it. What
that stack would have done is done here and in `service.execution`: limits, deadline, metrics, errors as JSON.
"""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from time import perf_counter
from typing import Any

from service.access.rights import REPOSITORY
from service.calls.data_plane import DataPlane
from service.contract.calls import CALLS
from service.contract.limits import Limits
from service.errors import VeredictoError
from service.execution.admission import Admission, ClientLeft, report_defect
from service.execution.batching import Batches
from service.execution.pipeline import Head, Pipeline
from service.execution.run import Pending, Reply, Run
from service.execution.turn_batching import TurnRun
from service.http.bodies import Bodies
from service.http.gate import WATCHED, Gate, ObservedRequest
from service.http.judge_route import JudgeRoute
from service.http.lifespan import ASGIApp, Receive, Send
from service.http.open_inference import OpenInferenceRoutes
from service.http.platforms import PREFIX as V1
from service.http.platforms import PlatformRoutes, list_other_paths
from service.http.request_timeout import limit_time
from service.http.response_writer import ResponseWriter
from service.http.responses import Message, Response, respond_to_error
from service.http.route import ContractRoute, HTTPRoute
from service.http.view_application import ASKED, ViewApplication
from service.http.views import Views
from service.settings import Settings

STARTED = "veredicto.started"
"""A request that was begun on the fast path has its outcome under this key of its scope."""
_get_name = itemgetter(0)


class Application:
    """This application answers the contract's and the protocol's routes, and passes the rest to its fallback."""

    def __init__(
        self,
        plane: DataPlane,
        settings: Settings,
        admission: Admission,
        batches: Batches,
        *,
        fallback: ASGIApp,
        gate: Gate | None = None,
    ) -> None:
        limits = Limits(settings)
        protocol = OpenInferenceRoutes(plane, settings)
        self._gate = gate or Gate.of(settings)
        self._admission = admission
        self._models = admission.models
        self._pipeline = Pipeline(batches)
        self._lifecycle = plane.lifecycle
        self._bodies = Bodies(settings)
        self._protocol = protocol
        self._platforms = PlatformRoutes(plane, limits)
        self._views = Views(plane, batches, protocol, self._platforms)
        self._others = ViewApplication(
            self._views, protocol, fallback=fallback, gate=self._gate
        )
        self._calls = _make_routes(plane, limits)
        self._other_paths = list_other_paths(settings)
        self._routes: dict[str, HTTPRoute] = {}
        self.fast_routes: dict[bytes, HTTPRoute] = {}
        """The routes that may be answered at once stand here by the whole URL; each connection has this very object."""
        self._set_routes()
        self.probes = self._views.list_probes(self._other_paths)
        """The probes say whether the server lives and is ready; any thread may ask them."""
        self.writer = ResponseWriter(plane.lifecycle)

    def follow(self) -> None:
        """Follows the registry, which has other models now; only the event loop may call it."""
        self._protocol.follow()
        self._views.follow()
        self._set_routes()

    def _set_routes(self) -> None:
        self._routes = {**self._calls, **self._protocol.routes}
        for path, ours in self._other_paths.items():
            if ours in self._routes:
                self._routes[path] = self._routes[ours]

        self._others.routes = self._routes
        self.fast_routes.clear()
        for path, route in self._routes.items():
            self.fast_routes[path.encode()] = route

    def _find_route(self, path: str) -> HTTPRoute | None:
        route = self._routes.get(path)
        if route is None and path.startswith(REPOSITORY):
            return self._protocol.find_model_route(path)
        if route is None and path.startswith(V1):
            return self._platforms.find(path)
        return route

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        if scope.get("path") in self._other_paths:
            scope = {
                **scope,
                "path": self._other_paths[scope["path"]],
                ASKED: scope["path"],
            }
        route = self._find_route(scope["path"]) if is_post else None
        if route is None:
            await self._others.answer(scope, receive, send, self.writer)
            return

        started = perf_counter()
        observed = self._gate.enter("POST", scope["path"], scope["headers"])
        if observed is not None:
            observed.enter_task()

        try:
            if observed is not None:
                observed.check()
            reply = await self._read_and_answer(route, scope, receive, started)
        except VeredictoError as error:
            reply = Reply(respond_to_error(error))
        except ClientLeft:
            return

        self._count(route, reply, started)
        response = reply.content
        if observed is not None:
            response = observed.leave(response, route.path, reply.records)
        await self.writer.send(response, send)

    def answer_at_once(
        self,
        route: HTTPRoute,
        body: bytes,
        headers: list[tuple[bytes, bytes]],
        client: int = 0,
    ) -> Run | Reply | Pending | TurnRun | None:
        """Returns the reply to a small request, or what is left of it; None where it is not small, or one too many.

        A run that waits for the end of the turn gives a whole reply too, whatever comes of it. `client` is a number
        that no other connection has.
        """
        started = perf_counter()
        self._lifecycle.turned_s = started
        outcome: Run | Reply | Pending | TurnRun | None
        observed = None
        # Most requests are let in by this look, 0.3 us; no route here changes what is served.
        if not (self._gate.is_open and WATCHED.isdisjoint(map(_get_name, headers))):
            observed = self._gate.enter("POST", route.path, headers)

        try:
            if observed is not None:
                observed.check()

            # What is answered here and now needs no room among the requests in flight.
            outcome = self._begin_at_once(route, body, headers, client)
        except Exception as error:
            return self._finish(route, observed, started, error)

        if type(outcome) is Reply:
            return self._finish(route, observed, started, outcome)
        if type(outcome) is TurnRun:
            outcome.finish = partial(self._finish, route, observed, started)

        return outcome

    def _begin_at_once(
        self,
        route: HTTPRoute,
        body: bytes,
        headers: list[tuple[bytes, bytes]],
        client: int,
    ) -> Run | Reply | Pending | TurnRun | None:
        """Returns what a small request gives, or one of many rows of numbers; None for any other."""
        head = route.read_head(headers)
        if len(body) > head.max_bytes:
            return None
        if len(body) <= head.max_inline_bytes:
            return self._pipeline.answer_in_turn(route, body, head, client)

        if isinstance(route, ContractRoute) and route.may_be_matrix(body, head):
            return self._pipeline.answer_matrix(route, body, head, client)
        return None

    def _finish(
        self,
        route: HTTPRoute,
        observed: ObservedRequest | None,
        started: float,
        result: Reply | Exception,
    ) -> Reply:
        """Counts a reply, or the error that came in its place, and returns what is written of it."""
        reply = (
            result
            if isinstance(result, Reply)
            else Reply(self._explain(result, route, observed, started))
        )
        self._count(route, reply, started)
        if observed is None:
            return reply

        return Reply(observed.leave(reply.content, route.path, reply.records))

    def _explain(
        self,
        error: Exception,
        route: HTTPRoute,
        observed: ObservedRequest | None,
        started: float,
    ) -> Response:
        """Returns the answer that tells of an error; it counts for the model, or is a defect that is logged."""
        if isinstance(error, VeredictoError):
            self._models.fail(error, perf_counter() - started)
            return respond_to_error(error)

        request_id = None if observed is None else observed.request_id
        # It is logged with where it was raised.
        try:
            raise error
        except Exception:
            return respond_to_error(report_defect(route.path, request_id))

    def check_room(self, url: bytes, headers: Any, n_bytes: int) -> None:
        """Raises Overloaded where a request with this head would wait too long."""
        path, _, query = url.partition(b"?")
        route = self.fast_routes.get(path)
        if route is None:
            return

        try:
            head = route.read_head(headers, query)
        except Exception:
            # It is told so where it is answered.
            return
        self._pipeline.check_room(route, head, n_bytes)

    def count_refusal(self, url: bytes) -> None:
        """Counts a request that was refused by its head."""
        route = self.fast_routes.get(url.partition(b"?")[0])
        metrics = self._others.unknown_metrics if route is None else route.metrics
        metrics.record(503, 0.0)

    def _count(self, route: HTTPRoute, reply: Reply, started: float) -> None:
        seconds = perf_counter() - started
        route.metrics.record(reply.content.status, seconds)
        if reply.records:
            self._models.succeed(reply.records, seconds)

    async def _read_and_answer(
        self, route: HTTPRoute, scope: Message, receive: Receive, started: float
    ) -> Reply:
        """Returns the reply to a request, which is in flight once its body has come.

        It raises VeredictoError, counted for its model, and ClientLeft.
        """
        path = scope["path"]
        headers = scope["headers"]
        if STARTED in scope:
            outcome = scope[STARTED]
            # The outcome was made of this body, which comes first all the same.
            answering = self._complete(
                outcome, headers, receive, started, is_body_read=False
            )
            return await self._admission.admit(answering, started, path)

        try:
            head = route.read_head(headers, scope["query_string"])
            self._pipeline.check_room(route, head)
            coming = self._bodies.open(scope, receive, head.max_bytes)
        except VeredictoError:
            raise
        except Exception:
            raise report_defect(path) from None

        with coming:
            async with limit_time(headers, started):
                body = await coming.read()
            answering = self._answer(route, body, head, headers, receive, started)
            return await self._admission.admit(answering, started, path)

    async def _answer(
        self,
        route: HTTPRoute,
        body: bytes,
        head: Head,
        headers: Any,
        receive: Receive,
        started: float,
    ) -> Reply:
        """Returns the reply to a request whose body has come; raises VeredictoError, and ClientLeft."""
        self._admission.check_room()
        outcome = self._pipeline.start(route, body, head)

        return await self._complete(
            outcome, headers, receive, started, is_body_read=True
        )

    async def _complete(
        self,
        outcome: Run | Reply | Pending,
        headers: Any,
        receive: Receive,
        started: float,
        *,
        is_body_read: bool,
    ) -> Reply:
        """Returns the reply that comes of what was begun, which is ended however the request ends."""
        try:
            async with limit_time(headers, started):
                self._admission.check_room()
                if not is_body_read:
                    await receive()
                return await self._pipeline.complete(outcome, disconnect=receive)
        except BaseException:
            if type(outcome) is Pending:
                outcome.give_up()
            raise


def _make_routes(plane: DataPlane, limits: Limits) -> dict[str, HTTPRoute]:
    """Returns the routes of the table of calls, by their paths."""
    routes: dict[str, HTTPRoute] = {}
    for call in CALLS:
        if plane.monitor is not None:
            # It keeps each row, which takes longer than to answer it.
            call = call._replace(max_matrix_bytes=0)
        method = getattr(plane, call.name)
        draw = getattr(plane, call.picture) if call.picture else None
        routes[call.route] = ContractRoute(call, method, draw, limits)

    judge = JudgeRoute(plane.judge_rows, limits)
    routes[judge.path] = judge

    return routes
