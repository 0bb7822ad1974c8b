"""The BentoML service starts with `bentoml serve service.app:Veredicto`. This is the only module that knows BentoML.

BentoML owns packaging and the SDK's schema. Its worker serves whatever the service's `to_asgi()` returns; here that is
an `Application`, which answers the contract's routes itself.
"""

from __future__ import annotations

import inspect
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_origin

# This comes before BentoML, and before numpy: it sets the environment of both.
from service.server.composition import data_plane, make_application, settings

# isort: split
import bentoml
import click
import msgspec
from bentoml._internal.configuration.containers import BentoMLContainer

from service.contract.calls import CALLS, Call
from service.launch import become_server

if TYPE_CHECKING:
    from service.http.lifespan import ASGIApp

T_co = TypeVar("T_co", covariant=True)

_APPLICATION = "_bentoml_impl.server.app"
"""`Service.to_asgi` imports this module; a BentoML that has it elsewhere only starts later."""


class FrontedService(bentoml.Service[T_co]):
    """This is a BentoML service whose requests meet an `Application` first."""

    _described: dict[str, Any] | None = None

    def schema(self) -> dict[str, Any]:
        """Returns BentoML's description of the calls, made once: it took 30 ms of the event loop at each request."""
        if self._described is None:
            self._described = super().schema()
        return self._described

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        # BentoML is imported while the models load, since half of the loading is onnxruntime's, not Python's.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(import_module, _APPLICATION)
            return make_application(partial(self.make_own_application, is_main=is_main))

    def make_own_application(self, *, is_main: bool = True) -> ASGIApp:
        """Returns BentoML's application, which answers what ours passes on."""
        application: ASGIApp = super().to_asgi(is_main=is_main)
        self.schema()

        return application


class Calls:
    """The calls are methods here, for BentoML's client and for use in process."""

    def __init__(self) -> None:
        self._plane = data_plane()


def _make_method(call: Call) -> Any:
    """Returns the BentoML method of a call, whose parameters are the fields of its request."""
    encoded = {
        _name_parameter(each): each.encode_name
        for each in msgspec.structs.fields(call.request)
    }
    signature = _make_signature(call.request)

    def answer(self: Calls, *values: Any, **named: Any) -> dict[str, Any]:
        given = signature.bind(self, *values, **named).arguments
        fields = {encoded[name]: given[name] for name in given if name != "self"}
        return self._plane.answer(call.name, **fields)

    answer.__name__ = call.name
    answer.__doc__ = call.summary
    answer.__signature__ = signature  # type: ignore[attr-defined]  # what inspect reads

    return bentoml.api(answer)


def _make_signature(request: type) -> inspect.Signature:
    """Returns the signature of a method; what follows an optional field may be left out as far as Python knows."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("self", kind)]
    for field in msgspec.structs.fields(request):
        is_optional = parameters[-1].default is not inspect.Parameter.empty
        default = field.default if not field.required else inspect.Parameter.empty
        if field.required and is_optional:
            default = None

        annotation = _show_type(field.type)
        parameters.append(
            inspect.Parameter(
                _name_parameter(field), kind, default=default, annotation=annotation
            )
        )

    return inspect.Signature(parameters, return_annotation=dict[str, Any])


def _name_parameter(field: msgspec.structs.FieldInfo) -> str:
    """Returns a field's name in JSON, which BentoML's client sends, but for one that Python has another use for."""
    return field.name if iskeyword(field.encode_name) else field.encode_name


def _show_type(field: Any) -> Any:
    """Returns a field's type as BentoML's schema has it.

    BentoML's client reads a union as its first member, and would turn a row that is an object into its keys: so a list
    says nothing of its elements, and a label is a text.
    """
    if get_origin(field) is Annotated:
        return _show_type(get_args(field)[0])
    if get_origin(field) is list:
        return list[str] if get_args(field) == (str,) else list[Any]

    members = [_show_type(each) for each in get_args(field) if each is not type(None)]
    if not members:
        return field

    return members[0] | None if type(None) in get_args(field) else members[0]


for _call in CALLS:
    setattr(Calls, _call.name, _make_method(_call))


@bentoml.service(
    name="veredicto",
    service_class=FrontedService,
    workers=settings.workers,
    traffic={"timeout": settings.deadline_s},
    logging={"access": {"enabled": False}},
)
class Veredicto(Calls):
    """Prediction, probability and comparison of classifiers."""

    @bentoml.on_deployment
    @staticmethod
    def start_supervisor() -> None:
        """Puts our supervisor in the place of BentoML's, for `bentoml serve` with all that it was told.

        BentoML's does not replace dead workers in a container, nor stopped ones anywhere, and takes commands from
        whoever can reach its port on this machine.
        """
        become_server(_read_arguments())


def _read_arguments() -> dict[str, Any]:
    """Returns the options of `bentoml serve`; none where the service is started in another way."""
    context = click.get_current_context(silent=True)
    if context is None:
        return {}

    told = dict(context.params)
    configured = BentoMLContainer.http
    told["host"] = told["host"] or os.environ.get("HOST") or configured.host.get()
    told["port"] = told["port"] or os.environ.get("PORT") or configured.port.get()

    return told
