"""Each setting of an operator is declared once; its parsing, and its documentation, follow from that."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from service.errors import SettingsError, hint_at
from service.service_links import is_service_link
from service.setting_types import (
    BYTES,
    CHAMPIONS,
    COSTS,
    COUNT,
    DEVICE,
    FILE,
    FLAG,
    FOLDER,
    HOST,
    LOG,
    METRIC,
    MODEL_NAMES,
    OPTIONAL_COUNT,
    ORIGINS,
    POLICY,
    PORT,
    PROCESSES,
    PUBLIC,
    ROUTE,
    SECONDS,
    SHARE,
    SettingType,
)
from service.settings_file import SELF, read_settings_file

PREFIX = "VEREDICTO_"
KUBERNETES_VARIABLE = "KUBERNETES_SERVICE_HOST"
"""Kubernetes sets this variable in every container."""
PLATFORM_VARIABLES = {
    "predict_route": "AIP_PREDICT_ROUTE",
    "health_route": "AIP_HEALTH_ROUTE",
}
"""Vertex AI sets these variables in every container."""
OTHER_HEALTH = ("/livez", "/metrics")
"""Platforms read these paths of ours as something else than readiness."""
DRAIN_IN_KUBERNETES_S = 5
"""Kubernetes takes about this long to send no more requests to a pod that is told to stop."""

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is the setting `VEREDICTO_<FIELD>`; beside its type stand its kind of value and its sentence."""

    models: Annotated[
        Path,
        FOLDER,
        "The folder to serve, of `NAME.onnx` or `NAME/VERSION/model.onnx`.",
    ] = ROOT / "exported_models"
    model_name: Annotated[
        Mapping[str, str],
        MODEL_NAMES,
        "Models have these further names; one alone is that of the folder's only model, whatever its file is called.",
    ] = field(default_factory=dict)
    predict_route: Annotated[
        str | None,
        ROUTE,
        "This path answers as `/invocations` does; without a value it is that of `AIP_PREDICT_ROUTE`, Vertex AI's.",
    ] = None
    health_route: Annotated[
        str | None,
        ROUTE,
        "This path answers as `/readyz` does; without a value it is that of `AIP_HEALTH_ROUTE`, Vertex AI's.",
    ] = None
    strict: Annotated[
        bool,
        FLAG,
        "With 1 the server is not ready while any file is refused; with 0 the other files are served.",
    ] = True
    device: Annotated[
        str,
        DEVICE,
        "`auto` takes CUDA where it works, `cpu` never does, `cuda` refuses models that do not run on it.",
    ] = "auto"
    threads: Annotated[
        int, PROCESSES, "Each onnxruntime session runs on so many threads."
    ] = 1
    workers: Annotated[
        int, PROCESSES, "So many server processes are started, each with all models."
    ] = 1
    share_models: Annotated[
        bool,
        FLAG,
        "Several workers share the memory of the models, which one more process loads, on Linux and the CPU with one "
        "thread a session; with 0 each loads them itself.",
    ] = True
    request_threads: Annotated[
        int | None,
        COUNT,
        "So many threads of a process decode images and answer large requests; without a value one for each processor.",
    ] = None
    max_batch_rows: Annotated[
        int,
        COUNT,
        "Rows of several requests that wait for a model are run together, at most so many; with 1 each is run alone.",
    ] = 16
    max_model_bytes: Annotated[
        int,
        BYTES,
        "A model file that is larger, with the weights beside it, is refused.",
    ] = 4 * 1024**3
    max_body_bytes: Annotated[int, COUNT, "Larger request bodies are answered 413."] = (
        8 * 1024 * 1024
    )
    max_image_bytes: Annotated[
        int,
        COUNT,
        "Larger bodies that are an image file, or a form with image files, are answered 413.",
    ] = 32 * 1024 * 1024
    max_pixels: Annotated[
        int,
        COUNT,
        "A request whose images have more pixels, by their headers, is answered 413.",
    ] = 50_000_000
    max_decoding_bytes: Annotated[
        int,
        COUNT,
        "Decoding images takes this much memory in one process; one that waits for it for 5 s is answered 503.",
    ] = 512 * 1024 * 1024
    max_rows: Annotated[
        int,
        COUNT,
        "A request with more rows is answered 413, and one that finds 16 times as many waiting for its model 503.",
    ] = 10_000
    max_answer_bytes: Annotated[
        int,
        COUNT,
        "An inference whose outputs have more bytes is answered 413; a number in JSON counts as 16, a class as 64.",
    ] = 256 * 1024 * 1024
    max_in_flight: Annotated[
        int, COUNT, "More requests at once in one process are answered 503."
    ] = 256
    deadline_s: Annotated[
        int,
        COUNT,
        "A request without an answer so many seconds after its arrival is answered 504.",
    ] = 30
    drain_s: Annotated[
        int | None,
        SECONDS,
        "Told to stop, the server is not ready but serves on for so many seconds; without a value for 5 in Kubernetes, "
        "else for none.",
    ] = None
    grace_s: Annotated[
        int,
        COUNT,
        "After that, what is in flight has so many seconds to end, and after a drain also connections that are idle, "
        "for their clients to end them.",
    ] = 20
    load_s: Annotated[
        int,
        COUNT,
        "A worker that takes longer to load one file is ended, and the next one refuses that file.",
    ] = 60
    reload_s: Annotated[
        int | None,
        SECONDS,
        "Every so many seconds a changed model folder is loaded anew, in all workers or in none; with 0 only a request "
        "that has the right `admin` loads models, and without a value nothing does.",
    ] = None
    max_bodies_bytes: Annotated[
        int,
        COUNT,
        "Request bodies that are still coming, of all connections of one process, have so many bytes of memory.",
    ] = 256 * 1024 * 1024
    max_connections: Annotated[
        int, COUNT, "More connections to one process are answered 503 and closed."
    ] = 10_000
    keep_alive_s: Annotated[
        int,
        COUNT,
        "A connection without a request is kept for so many seconds; a proxy's should be kept for less.",
    ] = 75
    fast_path: Annotated[
        bool,
        FLAG,
        "Small requests are answered inside uvicorn's protocol class; 0 takes the plain ASGI way.",
    ] = True
    grpc_port: Annotated[
        int,
        PORT,
        "The Open Inference Protocol is served over gRPC on this port; with 0 it is not.",
    ] = 0
    grpc_host: Annotated[
        str,
        HOST,
        "gRPC listens on this address; `0.0.0.0` stands for all, as a container needs.",
    ] = "127.0.0.1"
    policy: Annotated[
        str,
        POLICY,
        "This policy chooses who answers `/predict`: the task's `champion`, or by feedback `thompson` or `epsilon`.",
    ] = "champion"
    epsilon: Annotated[
        float,
        SHARE,
        "The policy `epsilon` gives this share of the requests to any model of the task.",
    ] = 0.1
    champion: Annotated[
        Mapping[str, str],
        CHAMPIONS,
        "These are the champions of tasks; any other is the best model on held-out rows, of equals the smaller file.",
    ] = field(default_factory=dict)
    journal: Annotated[
        Path | None,
        FILE,
        "Predictions are kept in this file: answers of classifiers get an `id`, and `/feedback` takes true labels.",
    ] = None
    journal_rows: Annotated[
        int, COUNT, "So many predictions are kept; the oldest go first."
    ] = 1_000_000
    journal_fsync: Annotated[
        bool,
        FLAG,
        "With 1 a label is accepted when the disk has it, and a power cut loses none; with 0 when the system has it.",
    ] = True
    journal_disagreements: Annotated[
        int | None,
        OPTIONAL_COUNT,
        "The latest rows of a task on which its models disagree, so many, are kept with their values or images.",
    ] = 100
    error_budget: Annotated[
        float,
        SHARE,
        "A model has an alarm where it is shown to be right on a share of its rows that is under the lower limit of "
        "its held-out accuracy by more than this.",
    ] = 0.02
    shadow: Annotated[
        Mapping[str, str],
        CHAMPIONS,
        "The other classifiers of a task answer in the background what its champion, named here, is asked.",
    ] = field(default_factory=dict)
    costs: Annotated[
        Mapping[str, Path],
        COSTS,
        "A CSV of what mistakes cost, with the true class in the first column and a column for each class that is "
        "said: challengers of the task are tested by it too.",
    ] = field(default_factory=dict)
    acts: Annotated[
        Path | None,
        FILE,
        "A challenger shown to be better becomes the champion, and is rolled back where it has an alarm then; each "
        "such act is a line of this file.",
    ] = None
    acts_by: Annotated[
        str,
        METRIC,
        "Challengers are promoted that are shown to be better by this metric, which is chosen before one looks; "
        "`cost` needs VEREDICTO_COSTS. Roll-backs are by the alarm of accuracy, whatever this says.",
    ] = "accuracy"
    tokens: Annotated[
        Path | None,
        FILE,
        "Callers need a token of this file, whose lines `python -m service.access new NAME RIGHT...` makes.",
    ] = None
    public: Annotated[
        frozenset[str] | None,
        PUBLIC,
        "What needs no token; without the setting nothing where there are tokens, else all but the administration.",
    ] = None
    tls_cert: Annotated[
        Path | None,
        FILE,
        "HTTP and gRPC speak TLS with this certificate, or chain of them, in PEM; it is read again when it changes.",
    ] = None
    tls_key: Annotated[
        Path | None, FILE, "This is the certificate's private key in PEM."
    ] = None
    tls_client_ca: Annotated[
        Path | None,
        FILE,
        "Clients need a certificate that one of these authorities, in PEM, has signed.",
    ] = None
    cors: Annotated[
        tuple[str, ...],
        ORIGINS,
        "Pages of these origins may ask the server from a browser; those of any other site may not.",
    ] = ()
    settings: Annotated[
        Path | None,
        FILE,
        "Settings are read from this file too, `NAME=VALUE` a line, as `veredicto tune` writes it; variables go first.",
    ] = None
    log: Annotated[
        str,
        LOG,
        "Log lines are `text` to read, or one `json` object each to search.",
    ] = "text"
    access_log: Annotated[
        int,
        OPTIONAL_COUNT,
        "At most so many requests a second are logged, and how many were left out; with 0 none is.",
    ] = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Raises SettingsError where a VEREDICTO_* variable is unknown or does not parse.

        Variables that Kubernetes makes for Services named `veredicto` or `veredicto-*` are no settings. What the
        file of VEREDICTO_SETTINGS says holds where no variable says otherwise.
        """
        if SELF in environment:
            path = _parse(SELF, environment[SELF], FILE)
            environment = {**read_settings_file(path), **environment}

        given = {
            name: text
            for name, text in environment.items()
            if name.startswith(PREFIX) and not is_service_link(name, text)
        }
        types = {name_variable(name): each for name, each in _read_types().items()}

        unknown = sorted(given.keys() - types.keys())
        if unknown:
            hint = hint_at(unknown[0], types, prefix=PREFIX)
            raise SettingsError(
                f"unknown setting {unknown[0]}{hint}; known settings: {', '.join(sorted(types))}"
            )

        values = {
            name.removeprefix(PREFIX).lower(): _parse(name, given[name], types[name])
            for name in types
            if name in given
        }
        for name, variable in PLATFORM_VARIABLES.items():
            if name not in values and environment.get(variable):
                values[name] = _parse(variable, environment[variable], ROUTE)
        if values.get("drain_s") is None and KUBERNETES_VARIABLE in environment:
            values["drain_s"] = DRAIN_IN_KUBERNETES_S

        settings = cls(**values)
        settings.check_together()

        return settings

    def check_together(self) -> None:
        """Raises SettingsError for settings each of which is right, and which contradict each other."""
        self.check_shadow()
        self.check_tls()
        self.check_routes()

    def check_shadow(self) -> None:
        """Raises SettingsError where shadows would have nowhere to keep what they say, and acts no challengers."""
        if self.shadow and self.journal is None:
            raise SettingsError(
                "VEREDICTO_SHADOW needs VEREDICTO_JOURNAL, a file to keep what the models say"
            )
        if self.costs and not self.costs.keys() <= self.shadow.keys():
            raise SettingsError(
                "VEREDICTO_COSTS needs VEREDICTO_SHADOW of the same tasks, whose challengers are tested"
            )
        if self.acts is not None and not self.shadow:
            raise SettingsError(
                "VEREDICTO_ACTS needs VEREDICTO_SHADOW, the champions whose challengers may be promoted"
            )
        if self.acts_by != "accuracy" and self.acts is None:
            raise SettingsError(
                "VEREDICTO_ACTS_BY needs VEREDICTO_ACTS, the log of the acts that it is about"
            )
        if self.acts_by == "cost" and not self.shadow.keys() <= self.costs.keys():
            raise SettingsError(
                "VEREDICTO_ACTS_BY=cost needs VEREDICTO_COSTS of each task of VEREDICTO_SHADOW"
            )

    def check_tls(self) -> None:
        """Raises SettingsError where a setting of TLS stands without another that it needs."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError(
                "VEREDICTO_TLS_CERT and VEREDICTO_TLS_KEY need each other: a certificate and its key"
            )
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise SettingsError(
                "VEREDICTO_TLS_CLIENT_CA needs VEREDICTO_TLS_CERT and VEREDICTO_TLS_KEY"
            )

    def check_routes(self) -> None:
        """Raises SettingsError where one path is to answer as two of ours.

        A platform that takes metrics for health hears that all is well, and one that takes readiness for liveness ends
        a server that is busy.
        """
        if self.health_route in OTHER_HEALTH:
            raise SettingsError(
                "VEREDICTO_HEALTH_ROUTE: expected a path that says nothing else here than readiness, "
                f"got {self.health_route!r}"
            )
        if self.predict_route is not None and self.predict_route == self.health_route:
            raise SettingsError(
                "VEREDICTO_PREDICT_ROUTE and VEREDICTO_HEALTH_ROUTE: expected two paths, "
                f"got {self.predict_route!r} for both"
            )

    def name_limit(self, n_bytes: int) -> str:
        """Returns the name of the setting that a limit of so many bytes comes from."""
        body = "BODY" if n_bytes == self.max_body_bytes else "IMAGE"
        return f"{PREFIX}MAX_{body}_BYTES"


def name_settings() -> frozenset[str]:
    """Returns the variables of all settings."""
    return frozenset(name_variable(each.name) for each in fields(Settings))


def _read_types() -> dict[str, SettingType]:
    hints = read_hints()
    return {each.name: hints[each.name].__metadata__[0] for each in fields(Settings)}


@functools.cache
def read_hints() -> Mapping[str, Any]:
    """Returns the annotation of each field, its kind of value and its sentence among them.

    To read them takes a millisecond, and each limit that is a setting asks for them.
    """
    return get_type_hints(Settings, include_extras=True)


def name_variable(field_name: str) -> str:
    """Returns the variable of the environment that sets a field."""
    return PREFIX + field_name.upper()


def _parse(name: str, text: str, setting_type: SettingType) -> Any:
    try:
        return setting_type.parse(text)
    except ValueError as error:
        shown = text[: setting_type.max_shown_characters]
        raise SettingsError(
            f"{name}: expected {setting_type.expected}, got {shown!r}"
        ) from error
