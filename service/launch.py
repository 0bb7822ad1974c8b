"""A start looks first at everything that can be wrong; then the supervisor starts the workers.

`python -m service`, `veredicto serve` and `bentoml serve` all end here.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from service.access.check import check_access
from service.access.kept_certificate import KeptCertificate
from service.access.tls import list_bentoml_options
from service.announcement import announce, make_url
from service.errors import SettingsError
from service.observability.logs import configure_logging
from service.processes import supervisor
from service.processes.listening import allow_descriptors, listen
from service.processes.own_folder import (
    OwnFolder,
    make_own_folder,
    remove_left_folders,
)
from service.processes.reloader import ReloadOptions
from service.processes.supervisor_options import SupervisorOptions
from service.processes.worker import make_worker_command
from service.service_links import log_service_links
from service.settings import Settings, name_settings
from service.settings_file import pin_settings_file
from service.start_checks import (
    NOT_STARTED,
    check_environment,
    check_grpc,
    check_settings,
    warn_of_little_room,
)

TARGET = "service.app:Veredicto"
BACKLOG = 2048
COUNTERS = "counters"
TRIAL = (sys.executable, "-m", "service.processes.reload_trial")
_ROOT = Path(__file__).resolve().parent.parent
_SSL_OPTIONS = (
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_keyfile_password",
    "ssl_version",
    "ssl_cert_reqs",
    "ssl_ca_certs",
    "ssl_ciphers",
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """These come from the command line; everything else that can be set is in the Settings."""

    host: str
    port: int
    target: str = TARGET
    """BentoML's name of the service: an import path, the tag of a bento or a folder."""
    folder: str = "."
    backlog: int = BACKLOG
    grace_s: int | None = None
    worker_arguments: tuple[str, ...] = field(default=())


def run_server(options: ServerOptions) -> int:
    """Serves until a signal ends it; returns the exit status, after one line on stderr where it cannot start."""
    try:
        settings = Settings.from_environment(os.environ)
        pin_settings_file(os.environ)
        check_access(settings)
        check_environment(
            settings, folder=options.folder, is_ours=options.target == TARGET
        )
        check_settings(settings)
        allow_descriptors()
        listener = listen(options.host, options.port, options.backlog)
        # Only now it is known that gRPC was not given the port of HTTP.
        check_grpc(settings)
        folder = make_own_folder()
    except SettingsError as error:
        sys.stderr.write(f"veredicto does not start: {error}\n")
        return NOT_STARTED

    configure_logging(settings)
    log_service_links(os.environ, name_settings())
    warn_of_little_room()
    n_removed = remove_left_folders()
    if n_removed:
        logger.info(
            "temporary folders that killed servers left were removed: %d", n_removed
        )
    started = supervisor.Supervisor(listener, _plan(options, settings, folder))

    try:
        return started.run()
    finally:
        shutil.rmtree(folder.path, ignore_errors=True)


def _plan(
    options: ServerOptions, settings: Settings, own: OwnFolder
) -> SupervisorOptions:
    """Returns what the supervisor starts and the times that it keeps."""
    folder = own.path
    counters = str(folder / COUNTERS)
    grace_s = settings.grace_s if options.grace_s is None else options.grace_s
    certificate = KeptCertificate(settings)
    environment = _make_environment(folder) | certificate.environment
    arguments = (
        "--backlog",
        str(options.backlog),
        "--timeout-graceful-shutdown",
        str(grace_s),
        *list_bentoml_options(settings),
        *options.worker_arguments,
    )

    return SupervisorOptions(
        command=make_worker_command(
            arguments, target=None if options.target == TARGET else options.target
        ),
        folder=options.folder,
        n_workers=settings.workers,
        drain_s=settings.drain_s or 0,
        grace_s=grace_s,
        load_s=settings.load_s,
        shares_models=_can_share_models(options, settings),
        environment=environment,
        inherited=(*certificate.descriptors, own.descriptor),
        look=certificate.look,
        count_restart=partial(_count_restart, counters),
        announce=_make_announcement(options, settings),
        reload=_plan_reloads(settings, folder, environment),
    )


def _plan_reloads(
    settings: Settings, folder: Path, environment: Mapping[str, str]
) -> ReloadOptions:
    return ReloadOptions(
        source=settings.models,
        store=folder / "models",
        command=TRIAL,
        max_model_bytes=settings.max_model_bytes,
        reload_s=settings.reload_s,
        count_reload=partial(_count_reload, str(folder / COUNTERS)),
        environment=_extend_path(environment),
    )


def _count_restart(counters: str, reason: str) -> None:
    """Counts a restart; what it needs takes a tenth of the time in which the supervisor starts, and few are counted."""
    from service.execution.metric_files import RESTARTS, count_event

    count_event(RESTARTS, reason, counters)


def _count_reload(counters: str, outcome: str) -> None:
    from service.execution.metric_files import RELOADS, count_event

    count_event(RELOADS, outcome, counters)


def _can_share_models(options: ServerOptions, settings: Settings) -> bool:
    """Returns whether workers may be forked: sessions with threads of their own would lose them."""
    is_ours = options.target == TARGET
    return (
        settings.share_models
        and settings.workers > 1
        and settings.threads == 1
        and is_ours
    )


def _make_announcement(
    options: ServerOptions, settings: Settings
) -> Callable[[Mapping[str, int], float], None]:
    has_tls = settings.tls_cert is not None
    url = make_url(options.host, options.port, has_tls=has_tls)
    return partial(announce, url=url, folder=settings.models)


def become_server(told: Mapping[str, Any]) -> None:
    """Makes a process of `bentoml serve`, told these options, the supervisor; BentoML's stays where it reloads code."""
    if not told or told.get("development") or told.get("reload"):
        return

    command = [sys.executable, "-P", "-m", "service"]
    command += ["--host", told["host"], "--port", str(told["port"])]
    command += ["--target", told["bento"], "--folder", told["working_dir"] or "."]
    if told.get("timeout_graceful_shutdown") is not None:
        command += ["--grace-s", str(told["timeout_graceful_shutdown"])]

    names = [*_SSL_OPTIONS, "timeout_keep_alive"]
    given = {name: told[name] for name in names if told.get(name) is not None}
    command.append("--")
    for name, value in given.items():
        command += [f"--{name.replace('_', '-')}", str(value)]

    os.environ.update(_extend_path({}))
    sys.stdout.flush()
    os.execv(sys.executable, command)


def _extend_path(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables with which Python finds this package, wherever it is started."""
    inherited = os.environ.get("PYTHONPATH")
    paths = [str(_ROOT)] + ([inherited] if inherited else [])
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}


def _make_environment(folder: Path) -> dict[str, str]:
    """Returns the variables of the workers: counters that no other server shares, and a home that can be written."""
    counters = folder / COUNTERS
    counters.mkdir()
    environment = {
        "PROMETHEUS_MULTIPROC_DIR": str(counters),
        "BENTOML_DO_NOT_TRACK": "True",
        "ORT_DISABLE_TELEMETRY": "1",
        # Workers set it themselves. Where models are copied, numpy's further threads took as long as all its import.
        "OPENBLAS_NUM_THREADS": os.environ.get("OPENBLAS_NUM_THREADS", "1"),
        # All threads have one arena of the allocator: what is free in another's is of no use to a thread.
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "1"),
    }
    home = _find_home()
    if home is None or not _can_write(home):
        environment["BENTOML_HOME"] = str(folder / "bentoml")

    return environment


def _find_home() -> Path | None:
    """Returns BentoML's folder, in the user's home where no variable names it; None for a user who has no home."""
    named = os.environ.get("BENTOML_HOME")
    try:
        return Path(named) if named else Path("~", "bentoml").expanduser()
    except RuntimeError:
        return None


def _can_write(folder: Path) -> bool:
    """Returns whether a folder is there or can be made, and files can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
